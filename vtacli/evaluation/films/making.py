"""Sounds made on the spot, one a film, kept as files beside the figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError
from vtacli.evaluation.films.pairs import Pair
from vtacli.evaluation.notebook import digest
from vtacli.evaluation.study import fingerprint
from vtacli.evaluation.take import Hits, watch
from vtacli.media.audio import write_wav
from vtacli.media.marks import read_hits
from vtacli.media.probe import probe
from vtacli.model.contract import SoundModel
from vtacli.models import ModelHandle


@dataclass(frozen=True)
class Maker:
    """A model that makes the first ``seconds`` of each film, scene by scene and in as many windows
    as that takes, as ``vta generate`` does. ``with_captions`` and ``with_hits``: what it is told
    besides the picture."""

    handle: ModelHandle
    seconds: float
    seed: int = 0
    with_captions: bool = False
    with_hits: bool = False

    def check(self) -> None:
        """Raise ConfigError where the model cannot do what is asked of it."""
        variant = self.handle.variant
        if self.with_captions and not variant.takes_text:
            raise ConfigError(f"The model {variant.name} takes no words.", hint="Leave them out.")
        if self.with_hits and not variant.takes_hits:
            raise ConfigError(f"The model {variant.name} takes no hits.", hint="Leave them out.")

    @cached_property
    def _model(self) -> SoundModel:
        return self.handle.load()

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(self.handle)

    def sound_for(self, pair: Pair, folder: Path) -> Path:
        """The file of the film's sound, made now where it is not there. Raises MediaError."""
        told = [
            self.seed,
            self.seconds,
            pair.caption if self.with_captions else None,
            pair.hits.read_text(encoding="utf-8") if self.with_hits and pair.hits else None,
        ]
        status = pair.film.stat()
        key = digest(self._fingerprint, told, pair.film.name, status.st_size, status.st_mtime_ns)
        path = folder / f"{pair.name}-{key}.wav"
        if not path.is_file():
            footage = probe(pair.film)
            hits: Hits = ()
            if self.with_hits and pair.hits:
                found = read_hits(pair.hits, footage.duration_s, footage.frame_rate)
                hits = tuple((float(h.time_s), h.strength) for h in found)
            with watch(pair.film, self.handle.variant, self.seconds) as watched:
                sound = watched.sound(
                    self._model,
                    self.seed,
                    prompt=pair.caption if self.with_captions else None,
                    hits=hits,
                )
            folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.part.wav")
            write_wav(
                partial,
                [sound],
                rate_hz=sound.rate_hz,
                channels=sound.channels,
                length=len(sound),
                subtype="FLOAT",
            )
            partial.replace(path)
        return path

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.handle.name,
            "variant": self.handle.variant.name,
            "sha256": self._fingerprint,
            "seconds": self.seconds,
            "seed": self.seed,
            "with_captions": self.with_captions,
            "with_hits": self.with_hits,
        }
