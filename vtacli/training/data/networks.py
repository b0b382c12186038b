"""Scores of networks whose weights do not come with the program, where somebody put them.

``imagebind``
    The cosine of the picture's and the sound's embeddings by ImageBind, as the IB-score has it
    (:mod:`vtacli.model.imagebind`), of the centre of each picture. Its weights are CC-BY-NC-SA-4.0.
``clap``
    The cosine of the caption's and the sound's embeddings by a CLAP, of the mean over every ten
    seconds that are not silent. It hears the sound at its own rate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vtacli.errors import ConfigError, WeightsMissing
from vtacli.media.weights import find_listener
from vtacli.model.encoders.spec import spec_of
from vtacli.model.published import mark_of, one_file
from vtacli.training.data.clip import Clip
from vtacli.training.data.material import Material

if TYPE_CHECKING:
    from vtacli.model.clap import Clap
    from vtacli.model.imagebind import ImageBindPair

WHERE = {
    "imagebind": f"its makers' imagebind_huge.pth ({spec_of('imagebind').licence}: not for "
    "commerce)",
    "clap": "a CLAP of transformers in safetensors, laion/clap-htsat-unfused for example",
}
"""Name of a score, which is also the folder's on a shelf -> what goes into it."""
NETWORKS = tuple(WHERE)

Point = NDArray[Any]


@dataclass(frozen=True)
class Networks:
    """The folder of each, None where it does not score. ``device``: where they run."""

    imagebind: Path | None = None
    clap: Path | None = None
    device: str = "cpu"

    def facts(self) -> dict[str, Any]:
        """What names the scores: those of other weights are not comparable. Raises
        WeightsMissing."""
        found = {}
        if self.imagebind is not None:
            found["imagebind"] = mark_of(one_file(self.imagebind))
        if self.clap is not None:
            found["clap"] = mark_of(*sorted(self.clap.glob("*.safetensors")))
        return found


def find_networks(
    chosen: Iterable[str] | None,
    needed: Iterable[str] = (),
    weights_dir: Path | None = None,
    device: str = "cpu",
) -> tuple[Networks, dict[str, str]]:
    """Those that lie on a shelf, and a sentence on each that does not.

    ``chosen``: None for whichever is there, else these and no others; ``needed``: a threshold asks
    for them. Raises WeightsMissing where one that was asked for is not there, ConfigError for an
    unknown name and for a needed one that is not among the chosen.
    """
    named = None if chosen is None else set(chosen)
    for name in named or ():
        if name not in NETWORKS:
            raise ConfigError(f"There is no network {name!r}.", hint=f"{', '.join(NETWORKS)}.")
    for name in needed:
        if named is not None and name not in named:
            raise ConfigError(f"--{name} is a threshold of a score that --networks leaves out.")
    folders: dict[str, Path] = {}
    absent: dict[str, str] = {}
    for name in NETWORKS if named is None else [n for n in NETWORKS if n in named]:
        folder = find_listener(name, weights_dir)
        missing = WeightsMissing(
            f"The weights of {name} are on no shelf.",
            hint=f"They go into a folder {name} beside the models: {WHERE[name]}.",
        )
        if folder is not None:
            folders[name] = folder
        elif named is not None or name in needed:
            raise missing
        else:
            absent[name] = str(missing)
    return Networks(**folders, device=device), absent


class NetworkScorer:
    """Opens them and scores. Raises WeightsMissing and WeightsRefused."""

    def __init__(self, networks: Networks) -> None:
        self._pair: ImageBindPair | None = None
        self._clap: Clap | None = None
        # what they are made of takes seconds to import
        if networks.imagebind is not None:
            from vtacli.model.imagebind import ImageBindPair

            self._pair = ImageBindPair(networks.imagebind, networks.device)
        if networks.clap is not None:
            from vtacli.model.clap import Clap

            self._clap = Clap(networks.clap, networks.device)

    @property
    def look_px(self) -> int | None:
        return None if self._pair is None else spec_of("imagebind").frame_size_px

    @property
    def wide_hz(self) -> int | None:
        return None if self._clap is None else self._clap.rate_hz

    def __call__(self, clip: Clip, material: Material) -> dict[str, float | None]:
        """To four places; None where there is no picture, no caption or nothing to hear."""
        found: dict[str, float | None] = {}
        if self._pair is not None:
            looks = material.looks
            seen = None if looks is None else self._pair.seen(looks)
            found["imagebind"] = _cosine(seen, self._pair.heard(material.wave))
        if self._clap is not None:
            found["clap"] = self._said_and_heard(self._clap, clip.caption, material.wide)
        return found

    def _said_and_heard(
        self, clap: Clap, caption: str | None, wave: NDArray[np.float32] | None
    ) -> float | None:
        if not caption or wave is None:
            return None
        heard = clap.heard(wave)
        return _cosine(clap.said(caption), heard.mean(axis=0)) if len(heard) else None


def _cosine(one: Point | None, other: Point | None) -> float | None:
    if one is None or other is None:
        return None
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return round(float(one @ other) / length, 4) if length > 0 else None
