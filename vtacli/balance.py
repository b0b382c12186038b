"""The gains of a film's foley: each scene's chosen from that scene alone, and one for the mix.

See :mod:`vtacli.signal.mix` for the policy. What is common to all scenes may be given, as it was
chosen before: then nothing but a scene that has changed is heard to change.
"""

from __future__ import annotations

from dataclasses import dataclass

from vtacli.foley import Foley, Placed
from vtacli.media.audio import OriginalSound
from vtacli.options import MixOptions
from vtacli.progress import Note, Report, Step
from vtacli.signal.loudness import EDGE, from_db, to_db
from vtacli.signal.media import Audio
from vtacli.signal.mix import YIELD_DB, Gains, MixMeter, fit_foley
from vtacli.timeline import scenes_text

NOTICEABLE_DB = 0.1
ROUNDING = 1e-6
"""By how much, relatively, a peak may miss a ceiling that it was fitted to: floats round."""


@dataclass(frozen=True)
class Balance:
    """``foley``: at its gains. ``trim``: an amplitude in (0, 1], of the mix as a whole."""

    foley: Foley
    trim: float = 1.0


def balance(
    foley: Foley,
    original: OriginalSound | None,
    options: MixOptions,
    report: Report,
    trim: float | None = None,
) -> Balance:
    """The gains of :mod:`vtacli.signal.mix`'s policy, and notes of whatever was lowered.

    ``original``: what is mixed with, read from end to end; None for foley alone. ``trim``: of the
    mix, as it was chosen before; None: it is chosen.
    """
    asked = foley.asked(options.gain_db)
    alone = [_fitted(p, options.ceiling_dbtp) for p in asked.scenes]
    if original is None:
        _tell(asked, alone, 1.0, options, report)
        return Balance(foley.at(alone))
    least = from_db(-YIELD_DB)
    found = _fits(foley.at(alone), original, options.ceiling_dbtp, least, report)
    gains = [gain * fit.foley for gain, fit in zip(alone, found, strict=True)]
    needed = min(fit.mix for fit in found)
    if trim is None:
        trim = needed
    elif needed < trim * (1 - ROUNDING):
        gains = _under_held(foley, gains, original, options, trim, report)
    _tell(asked, gains, trim, options, report)
    return Balance(foley.at(gains), trim)


def _fitted(placed: Placed, ceiling_dbtp: float) -> float:
    return fit_foley(placed.peak, to_db(placed.gain), ceiling_dbtp).foley


def _under_held(
    foley: Foley,
    gains: list[float],
    original: OriginalSound,
    options: MixOptions,
    trim: float,
    report: Report,
) -> list[float]:
    """Lower gains for scenes that do not fit under a trim chosen before: as low as silence."""
    ceiling_db = options.ceiling_dbtp - to_db(trim)
    fits = _fits(foley.at(gains), original, ceiling_db, 0.0, report)
    late = {i for i, fit in enumerate(fits) if fit.foley < 1 - ROUNDING}
    if late:
        report(
            Note(
                f"{scenes_text(late)} gives way further, so that the others stay as they are: the "
                "mix's common gain was chosen before. --refit chooses it anew.",
                "warning",
            )
        )
    # a gain that fits but for rounding is what it was, to the last bit
    return [gain * fits[i].foley if i in late else gain for i, gain in enumerate(gains)]


def _fits(
    foley: Foley, original: OriginalSound, ceiling_db: float, least: float, report: Report
) -> list[Gains]:
    """How far each scene is to yield, between its gain and ``least`` times that, by one pass over
    the film. A scene hears itself alone, and of its neighbours only the film's own sound."""
    scenes = foley.scenes
    found: dict[int, Gains] = {}
    open_meters: dict[int, MixMeter] = {}
    at = first = 0
    for own in original.blocks(report=report):
        end = at + len(own)
        sound = foley.read(at, end)
        for i in range(first, len(scenes)):
            parts = _parts(scenes[i].samples)
            if parts[0][0] >= end:
                break
            meter = open_meters.get(i)
            if meter is None:
                meter = MixMeter(foley.rate_hz, own.channels, 1.0, original.layout, least)
                open_meters[i] = meter
            for lo, hi, inside in parts:
                a, b = max(at, lo) - at, min(end, hi) - at
                if a < b:
                    piece = Audio(own.data[:, a:b], own.rate_hz)
                    if inside:
                        meter.add(piece, Audio(sound.data[:, a:b], sound.rate_hz))
                    else:
                        meter.beside(piece)
        at = end
        while first < len(scenes) and min(scenes[first].samples.stop + EDGE, len(foley)) <= at:
            found[first] = open_meters.pop(first).fit(ceiling_db)
            first += 1
        report(Step("measure", at, len(foley)))
    return [found[i] for i in range(len(scenes))]


def _parts(place: range) -> tuple[tuple[int, int, bool], ...]:
    """(from, to, whether it is the scene's own) of what is heard to measure a scene."""
    return (
        (max(0, place.start - EDGE), place.start, False),
        (place.start, place.stop, True),
        (place.stop, place.stop + EDGE, False),
    )


def _tell(
    asked: Foley, gains: list[float], trim: float, options: MixOptions, report: Report
) -> None:
    ceiling = f"{options.ceiling_dbtp:+.1f} dBTP"
    lowered = {
        i: to_db(p.gain) - to_db(gain)
        for i, (p, gain) in enumerate(zip(asked.scenes, gains, strict=True))
        if p.peak > 0 and p.gain > 0 and to_db(p.gain) - to_db(gain) > NOTICEABLE_DB
    }
    if lowered:
        which = f" of {scenes_text(lowered).lower()}" if len(gains) > 1 else ""
        most = max(lowered.values())
        by = f"by {most:.1f} dB" if len(lowered) == 1 else f"by up to {most:.1f} dB"
        report(Note(f"The foley{which} was lowered {by} to stay under {ceiling}."))
    if -to_db(trim) > NOTICEABLE_DB:
        report(
            Note(
                f"The film's own sound leaves no room under {ceiling}: the mix as a whole was "
                f"lowered by {-to_db(trim):.1f} dB. The film's own track is as it was.",
                "warning",
            )
        )
