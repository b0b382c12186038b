"""The new track of a film: foley on the film's grid, then alone or in a mix under the ceiling.

Passes over sound that lies on disk: the first ones learn how loud it is, the last writes it with
gains that are constant over the film, but for foley that gives way to speech and a limiter where
a loudness is asked for.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vtacli.errors import OutputError
from vtacli.mastering import Heard, Master, master_to
from vtacli.media.audio import OriginalSound, write_wav
from vtacli.media.spool import BLOCK, SoundSpool
from vtacli.mixdown import Mixdown
from vtacli.options import MixOptions
from vtacli.progress import Note, Report, Step, ignore
from vtacli.signal.ducking import DuckingGain
from vtacli.signal.limiter import Limiter
from vtacli.signal.loudness import TruePeakMeter, from_db, to_db
from vtacli.signal.media import Audio
from vtacli.signal.mix import Gains, MixMeter, fit_foley, mixed, spread
from vtacli.signal.programme import Loudness, LoudnessMeter
from vtacli.signal.width import Widener

CHANNELS = 2
"""Foley is kept in stereo: a mono model's is centred, which stems and players agree on."""

MASTERED = "as-asked-then-one-gain-then-limiter"
"""The policy where a loudness is asked for, as :data:`vtacli.signal.mix.POLICY` is where not."""
NOTICEABLE_DB = 0.1


def record(blocks: Iterable[Audio], spool: SoundSpool, width: float = 0.0) -> float:
    """Keep the foley, (1 or 2, N) a block, and return its true peak (full scale 1.0).

    ``width``: see :class:`vtacli.signal.width.Widener`.
    """
    meter = TruePeakMeter(spool.rate_hz, CHANNELS)
    widener = Widener(spool.rate_hz, width)
    for block in blocks:
        stereo = Audio(widener.add(spread(block.data, CHANNELS)), block.rate_hz)
        spool.append(stereo)
        meter.add(stereo.data)
    return meter.peak()


@dataclass(frozen=True)
class Foley:
    """Foley as it is heard: on disk as it was made, giving way to speech as it is read."""

    spool: SoundSpool
    ducking: DuckingGain | None = None

    @property
    def rate_hz(self) -> int:
        return self.spool.rate_hz

    def __len__(self) -> int:
        return len(self.spool)

    def read(self, start: int, stop: int) -> Audio:
        """Samples start .. stop, (2, stop - start)."""
        block = self.spool.read(start, stop)
        if self.ducking is None:
            return block
        return Audio(block.data * self.ducking.between(start, stop), block.rate_hz)

    def blocks(self) -> Iterator[Audio]:
        """From its start, in blocks of :data:`vtacli.media.spool.BLOCK` samples."""
        for start in range(0, len(self), BLOCK):
            yield self.read(start, min(start + BLOCK, len(self)))


def mix_down(
    foley: Foley,
    peak: float,
    original: OriginalSound | None,
    options: MixOptions,
    mixdown: Mixdown,
    report: Report,
) -> FinishedTrack:
    """The track with all its gains chosen. ``peak``: the true peak of the foley as recorded.

    Where a loudness is asked for, foley has the gain that was asked for against the film's own
    sound, the whole gets one constant gain, and a limiter keeps its peaks; otherwise foley yields
    (:func:`choose_gains`) and nothing is limited.
    """
    if peak == 0.0:
        report(Note("The generated sound is silent.", "warning"))
    if mixdown.spec is None:
        gains = choose_gains(foley, peak, original, options, report)
        return FinishedTrack(foley, original, gains)
    track = FinishedTrack(foley, original, Gains(from_db(options.gain_db)))
    track.master = master_to(
        mixdown.spec,
        mixdown.ceiling_dbtp,
        lambda master: _measured(replace(track, master=master), report),
        report,
    )
    if track.master is None:  # whatever has no loudness still has peaks
        track.gains = choose_gains(foley, peak, original, options, report)
    return track


def choose_gains(
    foley: Foley,
    peak: float,
    original: OriginalSound | None,
    options: MixOptions,
    report: Report,
) -> Gains:
    """The gains of :mod:`vtacli.signal.mix`'s policy, and a note of whatever was lowered.

    ``original``: what is mixed with; None for foley alone. It is read once from end to end.
    """
    gains = fit_foley(peak, options.gain_db, options.ceiling_dbtp)
    if original is not None:
        meter = MixMeter(foley.rate_hz, original.channels, gains.foley, original.layout)
        for own, sound in _together(foley, original, report):
            meter.add(own, sound)
        gains = meter.fit(options.ceiling_dbtp)
    _explain(gains, peak, options, report)
    return gains


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
    """The track as it is written. ``loudness`` is known once all its blocks were taken, and so is
    what ``limiter`` did where there is a ``master``."""

    foley: Foley
    original: OriginalSound | None
    gains: Gains
    master: Master | None = None
    loudness: Loudness | None = field(default=None, init=False)
    limiter: Limiter | None = field(default=None, init=False)

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
            for block in self.foley.blocks():
                yield Audio(block.data * np.float32(self.gains.foley), block.rate_hz)
        else:
            for own, foley in _together(self.foley, self.original):
                yield mixed(own, foley, self.gains, self.original.layout)


def _together(
    foley: Foley, original: OriginalSound, report: Report | None = None
) -> Iterator[tuple[Audio, Audio]]:
    at = 0
    for own in original.blocks(report=report or ignore):
        yield own, foley.read(at, at + len(own))
        at += len(own)
        if report is not None:
            report(Step("measure", at, len(foley)))


def _explain(gains: Gains, peak: float, options: MixOptions, report: Report) -> None:
    ceiling = f"{options.ceiling_dbtp:+.1f} dBTP"
    if peak == 0.0:
        return
    lowered_db = options.gain_db - to_db(gains.foley)
    if lowered_db > NOTICEABLE_DB:
        report(Note(f"The foley was lowered by {lowered_db:.1f} dB to stay under {ceiling}."))
    if -to_db(gains.mix) > NOTICEABLE_DB:
        report(
            Note(
                f"The film's own sound leaves no room under {ceiling}: the mix as a whole was "
                f"lowered by {-to_db(gains.mix):.1f} dB. The film's own track is as it was.",
                "warning",
            )
        )
