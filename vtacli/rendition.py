"""What becomes of a film's sound, decided and refused from headers alone, with no word of a
model: the container and its streams, the new track, how it is mixed, and where it is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vtacli.errors import ConfigError
from vtacli.media.audio import OriginalSound
from vtacli.media.channels import codec_for
from vtacli.media.door import SUFFIXES
from vtacli.media.probe import Footage
from vtacli.media.streams import StreamPlan, check_container
from vtacli.mixdown import Mixdown, plan_mixdown
from vtacli.options import RATE_HZ, MixOptions


@dataclass(frozen=True, kw_only=True)
class Rendition:
    """``mode`` is mix, replace or add, never auto."""

    footage: Footage
    output: Path
    mode: str
    streams: StreamPlan
    mixdown: Mixdown
    mix: MixOptions
    overwrite: bool = False

    @property
    def own_sound(self) -> OriginalSound | None:
        """The track that foley is mixed with; None where it is not mixed."""
        return OriginalSound(self.footage) if self.mode == "mix" else None

    def track_text(self) -> str:
        """The new track in a few words."""
        own = self.own_sound
        words = {
            "mix": f"foley mixed with stream {own.info.index} ({own.layout})" if own else "",
            "replace": "foley in place of the film's sound, stereo",
            "add": "foley, stereo",
        }
        return f"{words[self.mode]}, {self.streams.codec}, {RATE_HZ} Hz"


def plan_rendition(
    footage: Footage, output: Path, mix: MixOptions, overwrite: bool = False
) -> Rendition:
    """Raises OutputError for a container that cannot hold the result, ConfigError for choices
    that this film does not allow. ``output`` was checked at the door."""
    heard = any(s.channels and s.rate_hz for s in footage.audio)
    mode = mix.mode
    if mode == "auto":
        mode = "mix" if heard else "add"
    if mode == "mix" and not heard:
        raise ConfigError(
            "The film has no sound to mix with.",
            path=footage.path,
            hint="Use --audio add or replace.",
        )
    mixed = OriginalSound(footage).info if mode == "mix" else None
    codec = codec_for(
        SUFFIXES[output.suffix.lower()],
        mix.codec,
        mixed.layout if mixed else "stereo",
        mixed.channels if mixed else 2,
        output,
    )
    return Rendition(
        footage=footage,
        output=output,
        mode=mode,
        streams=check_container(footage, output, codec, mode),
        mixdown=plan_mixdown(footage, mode, mix, mixed),
        mix=mix,
        overwrite=overwrite,
    )
