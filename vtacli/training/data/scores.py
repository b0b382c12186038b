"""How well a clip's sound fits its picture and its words: the scores that cleaning goes by.

``av_align``
    AV-Align (:mod:`vtacli.signal.av_align`) under a named choice of peaks and formula,
    :data:`AV_VERSIONS`. ``vta`` reads the program's own onsets and strikes and costs one decoding;
    the others take the authors' peaks, whose optical flow is slow: it is taken on pictures whose
    shorter side is :data:`FLOW_SIDE_PX`, which makes flows shorter in proportion.
``words``
    The cosine between the caption and what the tagger hears, both in the shipped sentence space:
    the sum of the vectors of YAMNet's 521 class names, each as long as its mean score. Of 240
    labelled recordings it ranks the true label above another one's in 68 of 100 pairs: enough to
    find the worst, too little to judge one clip.
``picture``
    The same for what the picture is taken for: the phrases that vta-mini's picture classifier
    suggests. Where it knows no sound of what is seen there is no score.
``imagebind``, ``clap``
    Of networks whose weights do not come with the program: :mod:`vtacli.training.data.networks`.
``peak_db``
    The largest sample in dBFS. Silence teaches silence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vtacli.errors import MediaError
from vtacli.media.weights import find_tagger
from vtacli.model.mini.picture import SIZE_PX, PictureClassifier
from vtacli.model.mini.picture_words import PictureWords
from vtacli.model.mini.text import TextSpace
from vtacli.model.yamnet import Yamnet, class_names
from vtacli.shelves import installed, shelves
from vtacli.signal.av_align import PAPER, VERSIONS, av_align
from vtacli.signal.av_peaks import (
    own_audio_peaks,
    own_video_peaks,
    published_audio_peaks,
    published_video_peaks,
)
from vtacli.signal.loudness import to_db
from vtacli.signal.media import Audio, Frames
from vtacli.signal.mel import RATE_HZ
from vtacli.training.data.clip import Clip
from vtacli.training.data.material import Material, Wanted, material_of
from vtacli.training.data.networks import Networks, NetworkScorer
from vtacli.training.data.work import failure

OWN = "vta"
AV_VERSIONS = (OWN, *VERSIONS)
FLOW_SIDE_PX = 128
SURE_ENOUGH = 0.1
"""A picture whose suggestion is shorter than this suggests nothing: see :class:`PictureWords`."""

Scores = dict[str, Any]


@dataclass(frozen=True)
class Ears:
    """What scores clips in a process. ``version``: one of :data:`AV_VERSIONS`, None for no
    AV-Align. ``tagger``: the folder of YAMNet; ``mini``: that of vta-mini's encoder, with the
    sentence space and the picture classifier; None for no score of words and pictures.
    ``networks``: which others score."""

    version: str | None = OWN
    tagger: Path | None = None
    mini: Path | None = None
    networks: Networks = field(default_factory=Networks)

    def __call__(self) -> Scorer:
        torch.set_num_threads(1)
        return Scorer(self)

    @property
    def understands(self) -> bool:
        return self.tagger is not None and self.mini is not None

    def facts(self) -> dict[str, Any]:
        """What names the scores: those of other facts are not comparable."""
        return {
            "av_align": self.version,
            "flow_side_px": FLOW_SIDE_PX if self.version in VERSIONS else None,
            "words": "yamnet-words" if self.understands else None,
            "picture": "picture-words" if self.understands else None,
            **self.networks.facts(),
        }


def find_listeners(weights_dir: Path | None = None) -> tuple[Path | None, Path | None]:
    """The folders of the sound tagger and of vta-mini's encoder, where they are installed."""
    model = installed(shelves(weights_dir)).get("vta-mini")
    return find_tagger(Path(), weights_dir), None if model is None else model / "encoder"


class Scorer:
    """Scores one clip at a time."""

    def __init__(self, ears: Ears) -> None:
        self._version = ears.version
        self._sense: Sense | None = None
        if ears.tagger is not None and ears.mini is not None:
            self._sense = Sense(ears.tagger, ears.mini)
        self._networks = NetworkScorer(ears.networks)
        self._wanted = Wanted(
            motion=self._version == OWN,
            flow_side_px=FLOW_SIDE_PX if self._version in VERSIONS else None,
            look_px=SIZE_PX if self._sense is not None else self._networks.look_px,
            wide_hz=self._networks.wide_hz,
        )

    def __call__(self, clip: Clip, fatal: dict[str, str], tell: Callable[[str], None], /) -> Scores:
        """``clip`` and its scores, None where one cannot be told; or ``clip`` and ``reason``."""
        tell(clip.id)
        try:
            if clip.id in fatal:
                raise MediaError(fatal[clip.id])
            material = material_of(clip, self._wanted)
        except MediaError as error:
            return failure(clip, error)
        return {"clip": clip.id, **self._scores(clip, material)}

    def _scores(self, clip: Clip, material: Material) -> Scores:
        peak = float(np.abs(material.wave).max())
        found: Scores = {
            "seconds": round(float(material.span.duration_s), 3),
            "peak_db": round(float(to_db(peak)), 2) if peak > 0 else None,
        }
        if self._version is not None:
            found |= alignment(material, self._version)
        if self._sense is not None:
            heard = self._sense.heard(material.wave)
            found["words"] = cosine(heard, self._sense.said(clip.caption))
            found["picture"] = cosine(heard, self._sense.seen(material.looks))
        return found | self._networks(clip, material)


def alignment(material: Material, version: str) -> Scores:
    """AV-Align of a clip, with how many peaks each side has. None where neither has one, or there
    is no picture."""
    if material.frame_rate is None:
        return {"av_align": None}
    sound = Audio(material.wave[None], RATE_HZ)
    if version == OWN:
        assert material.motion is not None
        heard, seen, formula = own_audio_peaks(sound), own_video_peaks(material.motion), PAPER
    else:
        assert material.flow is not None
        heard, formula = published_audio_peaks(sound), version
        seen = published_video_peaks(material.flow, float(material.frame_rate), version)
    start, end = float(material.span.start_s), float(material.span.end_s)
    seen = seen[(seen >= start) & (seen < end)] - start
    score = av_align(heard, seen, float(1 / material.frame_rate), formula)
    return {
        "av_align": round(score, 4) if isfinite(score) else None,
        "audio_peaks": len(heard),
        "video_peaks": len(seen),
    }


class Sense:
    """What is heard, said and seen, as points (D,) of the shipped sentence space; None where
    nothing is known of it."""

    def __init__(self, tagger: Path, mini: Path) -> None:
        self._tagger = Yamnet.from_folder(tagger)
        self._space = TextSpace.from_folder(mini / "text")
        self._classes = self._space.embed(class_names(tagger))
        self._classifier = PictureClassifier.from_folder(mini / "picture")
        self._suggests = PictureWords.shipped(self._space)

    @torch.no_grad()
    def heard(self, wave: NDArray[np.float32]) -> Tensor | None:
        """``wave``: (N,) at 16 kHz."""
        scores: Tensor = self._tagger(torch.from_numpy(wave)).scores[0].mean(dim=0)
        return scores @ self._classes

    def said(self, caption: str | None) -> Tensor | None:
        point = self._space.embed([caption or ""])[0]
        return point if bool(point.any()) else None

    @torch.no_grad()
    def seen(self, looks: Frames | None) -> Tensor | None:
        """``looks``: (T, 3, 224, 224), any T."""
        if looks is None or not len(looks):
            return None
        # one by one: how many there are must not change any of them by a rounding
        each = [torch.from_numpy(picture)[None] / 255 for picture in looks.data]
        probabilities = torch.cat([self._classifier(p).softmax(dim=-1) for p in each])
        point = self._suggests.mixture(probabilities).embedding
        return point if float(point.norm()) >= SURE_ENOUGH else None


def cosine(one: Tensor | None, other: Tensor | None) -> float | None:
    """Of two points (D,), to four places; None where there is not one on both sides."""
    if one is None or other is None:
        return None
    length = float(one.norm() * other.norm())
    return round(float(one @ other) / length, 4) if length > 0 else None
