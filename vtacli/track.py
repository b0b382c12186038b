"""The new track of a film: its foley alone, or in a mix, under the ceiling.

Passes over sound that lies on disk: the first ones learn how loud it is, the last writes it with
gains that are constant over each scene, but for foley that gives way to speech and a limiter where
a loudness is asked for.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vtacli.balance import balance
from vtacli.errors import OutputError
from vtacli.foley import CHANNELS, Foley
from vtacli.mastering import Heard, Master, held_to, master_to
from vtacli.media.audio import OriginalSound, write_wav
from vtacli.mixdown import Mixdown
from vtacli.options import MixOptions
from vtacli.progress import Note, Report, Step
from vtacli.signal.limiter import Limiter
from vtacli.signal.media import Audio
from vtacli.signal.mix import Gains, mixed
from vtacli.signal.programme import Loudness, LoudnessMeter

MASTERED = "as-asked-then-one-gain-then-limiter"
"""The policy where a loudness is asked for, as :data:`vtacli.signal.mix.POLICY` is where not."""


@dataclass(frozen=True)
class Held:
    """What all scenes share, as it was chosen when the film was first rendered: so that one that
    is made again changes no other. Amplitudes; None: not chosen yet, or not needed."""

    trim: float | None = None
    master: float | None = None


def mix_down(
    foley: Foley,
    original: OriginalSound | None,
    options: MixOptions,
    mixdown: Mixdown,
    report: Report,
    held: Held | None = None,
) -> FinishedTrack:
    """The track with all its gains chosen, those in ``held`` excepted.

    Where a loudness is asked for, every scene has the gain that was asked for against the film's
    own sound, the whole gets one constant gain, and a limiter keeps its peaks; otherwise scenes
    yield (:func:`vtacli.balance.balance`) and nothing is limited.
    """
    held = held or Held()
    if foley.peak == 0.0:
        report(Note("The generated sound is silent.", "warning"))
    if mixdown.spec is not None:
        track = FinishedTrack(foley.asked(options.gain_db), original, 1.0)

        def measure(master: Master | None) -> Heard:
            return _measured(replace(track, master=master), report)

        spec, ceiling = mixdown.spec, mixdown.ceiling_dbtp
        track.master = (
            master_to(spec, ceiling, measure, report)
            if held.master is None
            else held_to(spec, ceiling, held.master, measure, report)
        )
        if track.master is not None:
            return track
        # whatever has no loudness still has peaks
    found = balance(foley, original, options, report, held.trim)
    return FinishedTrack(found.foley, original, found.trim)


def _measured(track: FinishedTrack, report: Report) -> Heard:
    done = 0
    for block in track.blocks():
        done += len(block)
        report(Step("measure", done, len(track.foley)))
    assert track.loudness is not None
    limiter = track.limiter
    return Heard(
        track.loudness,
        limiter.reduced_s if limiter else 0.0,
        limiter.largest_db if limiter else 0.0,
    )


@dataclass
class FinishedTrack:
    """The track as it is written. ``trim``: an amplitude, of the mix as a whole. ``loudness`` is
    known once all its blocks were taken, and so is what ``limiter`` did where there is a
    ``master``."""

    foley: Foley
    original: OriginalSound | None
    trim: float
    master: Master | None = None
    loudness: Loudness | None = field(default=None, init=False)
    limiter: Limiter | None = field(default=None, init=False)

    @property
    def gains(self) -> Gains:
        """The lowest gain of any scene that sounds, and the mix's."""
        sounding = [p.gain for p in self.foley.scenes if p.peak > 0 and not p.scene.mute]
        return Gains(min(sounding, default=self.foley.scenes[0].gain), self.trim)

    @property
    def held(self) -> Held:
        """What was chosen for all scenes."""
        return Held(
            None if self.original is None or self.master is not None else self.trim,
            None if self.master is None else self.master.gain,
        )

    @property
    def channels(self) -> int:
        return self.original.channels if self.original else CHANNELS

    @property
    def layout(self) -> str:
        """ffmpeg's name of the channel layout."""
        return self.original.layout if self.original else "stereo"

    @contextmanager
    def as_wav(self, beside: Path) -> Iterator[Path]:
        """A 24-bit WAV file, hidden in the output's folder for as long as the context lasts.

        Raises OutputError where no file can be made there, StorageError where the disk is full.
        """
        path = beside.with_name(f".{beside.stem[:40]}.{secrets.token_hex(4)}.part.wav")
        try:
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise OutputError(
                    f"The folder cannot be written to: {reason}.", path=beside.parent
                ) from error
            write_wav(
                path,
                self.blocks(),
                rate_hz=self.foley.rate_hz,
                channels=self.channels,
                length=len(self.foley),
            )
            yield path
        finally:
            path.unlink(missing_ok=True)

    def blocks(self) -> Iterator[Audio]:
        """Blocks (C, N): 2 channels, or those of the film's own track in a mix."""
        meter = LoudnessMeter(self.foley.rate_hz, self.channels, self.layout)
        for block in self._mastered():
            meter.add(block.data)
            yield block
        self.loudness = meter.result()

    def _mastered(self) -> Iterator[Audio]:
        if self.master is None:
            yield from self._blocks()
            return
        rate_hz, gain = self.foley.rate_hz, np.float32(self.master.gain)
        self.limiter = Limiter(rate_hz, self.channels, self.master.ceiling_dbtp)
        for block in self._blocks():
            yield Audio(self.limiter.add(block.data * gain), rate_hz)
        yield Audio(self.limiter.finish(), rate_hz)

    def _blocks(self) -> Iterator[Audio]:
        if self.original is None:
            yield from self.foley.blocks()
        else:
            for own, foley in _together(self.foley, self.original):
                yield mixed(own, foley, Gains(1.0, self.trim), self.original.layout)


def _together(foley: Foley, original: OriginalSound) -> Iterator[tuple[Audio, Audio]]:
    at = 0
    for own in original.blocks():
        yield own, foley.read(at, at + len(own))
        at += len(own)
