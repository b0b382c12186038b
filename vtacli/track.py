"""The new track of a film: foley on the film's grid, then alone or in a mix under the ceiling.

Two passes over sound that lies on disk: the first learns how loud it is, the second writes it
with gains that are constant over the film.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vtacli.errors import OutputError
from vtacli.media.audio import OriginalSound, write_wav
from vtacli.media.spool import SoundSpool
from vtacli.options import MixOptions
from vtacli.progress import Note, Report, Step, ignore
from vtacli.signal.loudness import TruePeakMeter, to_db
from vtacli.signal.media import Audio
from vtacli.signal.mix import Gains, MixMeter, fit_foley, mixed, spread

CHANNELS = 2
"""Foley is kept in stereo: a mono model's is centred, which stems and players agree on."""

NOTICEABLE_DB = 0.1


def record(blocks: Iterable[Audio], spool: SoundSpool) -> float:
    """Keep the foley, (1 or 2, N) a block, and return its true peak (full scale 1.0)."""
    meter = TruePeakMeter(spool.rate_hz, CHANNELS)
    for block in blocks:
        stereo = Audio(spread(block.data, CHANNELS), block.rate_hz)
        spool.append(stereo)
        meter.add(stereo.data)
    return meter.peak()


def choose_gains(
    spool: SoundSpool,
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
        meter = MixMeter(spool.rate_hz, original.channels, gains.foley)
        for own, foley in _together(spool, original, report):
            meter.add(own, foley)
        gains = meter.fit(options.ceiling_dbtp)
    _explain(gains, peak, options, report)
    return gains


@dataclass
class FinishedTrack:
    """The track as it is written; ``true_peak`` is known once all its blocks were taken."""

    spool: SoundSpool
    original: OriginalSound | None
    gains: Gains
    true_peak: float = 0.0

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
                rate_hz=self.spool.rate_hz,
                channels=self.channels,
                length=len(self.spool),
            )
            yield path
        finally:
            path.unlink(missing_ok=True)

    def blocks(self) -> Iterator[Audio]:
        """Blocks (C, N): 2 channels, or those of the film's own track in a mix."""
        meter = TruePeakMeter(self.spool.rate_hz, self.channels)
        for block in self._blocks():
            meter.add(block.data)
            yield block
        self.true_peak = meter.peak()

    def _blocks(self) -> Iterator[Audio]:
        if self.original is None:
            for block in self.spool.blocks():
                yield Audio(block.data * np.float32(self.gains.foley), block.rate_hz)
        else:
            for own, foley in _together(self.spool, self.original):
                yield mixed(own, foley, self.gains)


def _together(
    spool: SoundSpool, original: OriginalSound, report: Report | None = None
) -> Iterator[tuple[Audio, Audio]]:
    at = 0
    for own in original.blocks(report=report or ignore):
        yield own, spool.read(at, at + len(own))
        at += len(own)
        if report is not None:
            report(Step("measure", at, len(spool)))


def _explain(gains: Gains, peak: float, options: MixOptions, report: Report) -> None:
    ceiling = f"{options.ceiling_dbtp:+.1f} dBTP"
    if peak == 0.0:
        report(Note("The generated sound is silent.", "warning"))
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
