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
``peak_db``
    The largest sample in dBFS. Silence teaches silence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vtacli.errors import DeviceError, MediaError, StorageError, ToolError
from vtacli.media.flow import flow_of
from vtacli.media.probe import Footage, probe
from vtacli.media.sound import sound_track
from vtacli.media.video import analyse
from vtacli.media.weights import find_tagger
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
from vtacli.signal.media import Audio
from vtacli.signal.mel import RATE_HZ
from vtacli.timeline import Span
from vtacli.training.data.clip import Clip
from vtacli.training.data.sound import file_sound, film_sound, stretches, track_length_s
from vtacli.training.data.work import failure

OWN = "vta"
AV_VERSIONS = (OWN, *VERSIONS)
FLOW_SIDE_PX = 128
LONGEST_S = Fraction(60)
"""Of a clip that is listened to and looked at; what comes later is not scored."""

Scores = dict[str, Any]


@dataclass(frozen=True)
class Ears:
    """What scores clips in a process. ``version``: one of :data:`AV_VERSIONS`, None for no
    AV-Align. ``tagger``, ``text``: the folders of YAMNet and of the sentence space; None for
    no score of words."""

    version: str | None = OWN
    tagger: Path | None = None
    text: Path | None = None

    def __call__(self) -> Scorer:
        torch.set_num_threads(1)
        return Scorer(self)

    def facts(self) -> dict[str, Any]:
        """What names the scores: those of other facts are not comparable."""
        return {
            "av_align": self.version,
            "flow_side_px": FLOW_SIDE_PX if self.version in VERSIONS else None,
            "words": None if self.tagger is None or self.text is None else "yamnet-words",
        }


class Scorer:
    """Scores one clip at a time."""

    def __init__(self, ears: Ears) -> None:
        self._version = ears.version
        self._words = None
        if ears.tagger is not None and ears.text is not None:
            self._words = WordScore(ears.tagger, ears.text)

    def __call__(self, clip: Clip, fatal: dict[str, str], tell: Callable[[str], None], /) -> Scores:
        """``clip`` and its scores, None where one cannot be told; or ``clip`` and ``reason``."""
        tell(clip.id)
        try:
            if clip.id in fatal:
                raise MediaError(fatal[clip.id])
            return {"clip": clip.id, **self._scores(clip)}
        except (StorageError, DeviceError, ToolError):
            raise
        except MediaError as error:
            return failure(clip, error)
        except Exception as error:  # a decoder's own, of which there is no list
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            return failure(clip, MediaError(f"It cannot be decoded ({what})."))

    def _scores(self, clip: Clip) -> Scores:
        footage = None if clip.film is None else probe(clip.film)
        span = _span(clip, footage)
        wave = _wave(clip, footage, span)
        if not len(wave):
            raise MediaError("There is no sound in this stretch.", path=clip.file)
        sound = Audio(wave[None], RATE_HZ)
        peak = float(np.abs(wave).max())
        found: Scores = {
            "seconds": round(float(span.duration_s), 3),
            "peak_db": round(float(to_db(peak)), 2) if peak > 0 else None,
        }
        if self._version is not None:
            found |= self._alignment(footage, span, sound)
        if self._words is not None:
            heard = self._words(wave, clip.caption)
            found["words"] = None if heard is None else round(heard, 4)
        return found

    def _alignment(self, footage: Footage | None, span: Span, sound: Audio) -> Scores:
        if footage is None:
            return {"av_align": None}
        assert self._version is not None
        rate = footage.frame_rate
        if self._version == OWN:
            heard = own_audio_peaks(sound)
            seen = own_video_peaks(analyse(footage, frames_per_second=None, detector=None).motion)
            formula = PAPER
        else:
            heard = published_audio_peaks(sound)
            flow = flow_of(footage, span.end_s, shorter_side_px=FLOW_SIDE_PX)
            seen = published_video_peaks(flow, float(rate), self._version)
            formula = self._version
        start, end = float(span.start_s), float(span.end_s)
        seen = seen[(seen >= start) & (seen < end)] - start
        score = av_align(heard, seen, float(1 / rate), formula)
        return {
            "av_align": round(score, 4) if isfinite(score) else None,
            "audio_peaks": len(heard),
            "video_peaks": len(seen),
        }


def find_listeners(weights_dir: Path | None = None) -> tuple[Path | None, Path | None]:
    """The folders of the sound tagger and of the sentence space, where they are installed."""
    tagger = find_tagger(Path(), weights_dir)
    shelf = installed(shelves(weights_dir)).get("vta-mini")
    text = None if shelf is None else shelf / "encoder" / "text"
    return tagger, text if text is not None and text.is_dir() else None


class WordScore:
    """The cosine of what is heard and what is said, in the shipped sentence space."""

    def __init__(self, tagger: Path, text: Path) -> None:
        self._tagger, self._space = Yamnet.from_folder(tagger), TextSpace.from_folder(text)
        self._classes = self._space.embed(class_names(tagger))

    @torch.no_grad()
    def __call__(self, wave: NDArray[np.float32], caption: str | None) -> float | None:
        """``wave``: (N,) at 16 kHz. None where nothing is said, or no word of it is known."""
        said = self._space.embed([caption or ""])[0]
        if not said.any():
            return None
        heard = self._tagger(torch.from_numpy(wave)).scores[0].mean(dim=0) @ self._classes
        length = float(heard.norm())
        return float(said @ heard) / length if length > 0 else None


def _span(clip: Clip, footage: Footage | None) -> Span:
    if footage is not None:
        length_s = footage.duration_s
    else:
        assert clip.sound is not None
        length_s = track_length_s(sound_track(clip.sound))
    if clip.start_s >= length_s:
        raise MediaError(
            f"The clip starts at {float(clip.start_s):g} s, but the file ends at "
            f"{float(length_s):g} s.",
            path=clip.file,
        )
    end_s = min(clip.end_s or length_s, length_s, clip.start_s + LONGEST_S)
    return Span(clip.start_s, end_s)


def _wave(clip: Clip, footage: Footage | None, span: Span) -> NDArray[np.float32]:
    if clip.sound is not None:
        blocks = file_sound(sound_track(clip.sound))
    else:
        assert footage is not None
        blocks = film_sound(footage)
    return stretches(blocks, [span.samples(RATE_HZ)])[0]
