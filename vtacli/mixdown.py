"""What the new track has to become beside foley: which speech it gives way to, and how loud the
whole is. Decided, and refused, before any work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vtacli.errors import ConfigError
from vtacli.media.dialogue import dialogue_stream
from vtacli.media.probe import Footage, StreamInfo
from vtacli.options import DUCK_ATTACK_MS, DUCK_RELEASE_MS, MixOptions
from vtacli.signal.ducking import Ducking
from vtacli.signal.specs import LoudnessSpec, spec_of

NONE = "none"


@dataclass(frozen=True)
class Mixdown:
    """``dialogue``: the stream that is listened to for speech, and ``ducking`` what foley does
    where somebody speaks; both None where it does not give way. ``spec``: what the programme is
    brought to, with ``ceiling_dbtp`` as its true peak; None: it stays as loud as it is."""

    dialogue: StreamInfo | None
    ducking: Ducking | None
    spec: LoudnessSpec | None
    ceiling_dbtp: float

    def lines(self) -> list[tuple[str, str]]:
        """Names and values for a person."""
        said = []
        if self.ducking is not None and self.dialogue is not None:
            d = self.ducking
            said.append(
                (
                    "ducking",
                    f"foley {d.depth_db:g} dB lower while somebody speaks in stream "
                    f"{self.dialogue.index}; {d.attack_ms:g} ms down, {d.release_ms:g} ms up",
                )
            )
        if self.spec is not None:
            said.append(
                (
                    "loudness",
                    f"{self.spec.target_lufs:g} LUFS ({self.spec.name}), one constant gain, "
                    f"true peak limited to {self.ceiling_dbtp:g} dBTP",
                )
            )
        return said

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "dialogue_stream": None if self.dialogue is None else self.dialogue.index,
            "duck_db": None if self.ducking is None else self.ducking.depth_db,
            "duck_attack_ms": None if self.ducking is None else self.ducking.attack_ms,
            "duck_release_ms": None if self.ducking is None else self.ducking.release_ms,
            "loudness": None if self.spec is None else self.spec.to_dict(),
            "ceiling_dbtp": self.ceiling_dbtp,
        }


def plan_mixdown(
    footage: Footage, mode: str, options: MixOptions, mixed: StreamInfo | None
) -> Mixdown:
    """Raises ConfigError for what this film or ``mode`` (mix, replace or add) does not allow.

    ``mixed``: the film's track that foley is mixed with.
    """
    ducking = dialogue = None
    if options.duck_db is not None:
        dialogue = dialogue_stream(footage, options.dialogue, mixed)
        ducking = Ducking(
            options.duck_db,
            DUCK_ATTACK_MS if options.duck_attack_ms is None else options.duck_attack_ms,
            DUCK_RELEASE_MS if options.duck_release_ms is None else options.duck_release_ms,
        )
    spec = None
    if options.loudness.strip().lower() != NONE:
        spec = spec_of(options.loudness)
        if mode == "add" and any(s.channels for s in footage.audio):
            raise ConfigError(
                "A loudness is that of a whole programme, and with --audio add the foley is a "
                "track beside the film's own sound.",
                path=footage.path,
                hint="Use --audio mix or replace, or leave out --loudness.",
            )
    ceiling = (
        options.ceiling_dbtp if spec is None else min(options.ceiling_dbtp, spec.true_peak_dbtp)
    )
    return Mixdown(dialogue, ducking, spec, ceiling)
