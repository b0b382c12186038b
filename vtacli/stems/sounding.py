"""The sound of a stem: windows where it is heard, silence where it is not, stitched as a film's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from vtacli.inference import STAGE
from vtacli.manners import Rendered
from vtacli.media.spool import SoundSpool
from vtacli.model.contract import Listener, SoundModel
from vtacli.planning import windows_of
from vtacli.progress import Event, Report, Step
from vtacli.signal.loudness import TruePeakMeter, from_db
from vtacli.signal.media import Audio
from vtacli.signal.mix import CENTRE, spread
from vtacli.signal.stitch import Grid, stitch
from vtacli.signal.width import Widener
from vtacli.stems.job import StemJob
from vtacli.stems.watching import Stem, Watched
from vtacli.takes import Remarks, make_takes
from vtacli.timeline import Window


def sound_of(
    model: SoundModel,
    job: StemJob,
    stem: Stem,
    seen: Watched,
    listener: Listener | None,
    report: Report,
    remarks: Remarks,
) -> Iterator[Audio]:
    """Blocks (C, M) at the set's rate, of exactly the film's length. ``remarks`` is filled."""
    own = {scene.index: scene for scene in stem.scenes}
    scenes = tuple(own.get(scene.index, scene) for scene in seen.scenes)
    # silence is laid by windows too, so a muted scene has its own
    windows = windows_of(job.request, tuple(replace(s, mute=False) for s in scenes))
    heard = tuple(w for w in windows if w.scene in own)
    options = replace(job.request.options, prompt=stem.prompt, seed=stem.seed)
    takes = make_takes(
        model,
        replace(job.request, options=options),
        scenes,
        heard,
        seen.frames,
        seen.motion if stem.moves else None,
        stem.seed,
        listener,
        report,
        remarks,
    )
    grid = Grid(job.options.rate_hz, job.duration_s)
    levels = {s.index: np.float32(from_db(s.gain_db)) for s in stem.scenes if s.gain_db}
    loud = ((w, _at(levels[w.scene], x)) if w.scene in levels else (w, x) for w, x in takes)
    return stitch(with_silence(windows, loud, job.request.variant.window_samples), grid)


def _at(level: np.float32, sound: Audio) -> Audio:
    """A window of a scene that a cue sheet has louder or softer."""
    return Audio(level * sound.data, sound.rate_hz)


def with_silence(
    windows: Sequence[Window], sounds: Iterator[Rendered], samples: int
) -> Iterator[Rendered]:
    """``sounds``, of some of these windows and in their order; ``samples`` of silence in the
    others. At least one window has sound."""
    window, sound = next(sounds)
    silence = Audio(np.zeros((sound.channels, samples), np.float32), sound.rate_hz)
    rest: Rendered | None = (window, sound)
    for w in windows:
        if rest is not None and rest[0] == w:
            yield rest
            rest = next(sounds, None)
        else:
            yield w, silence
    if rest is not None:
        raise ValueError(f"window {rest[0].index} of scene {rest[0].scene} is none of the set's")


def keep(blocks: Iterator[Audio], spool: SoundSpool, channels: int, width: float = 0.0) -> float:
    """Write a stem to disk on ``channels`` channels; its true peak, full scale 1.0.

    ``width`` in [0, 1], above 0 for two channels only: see :class:`vtacli.signal.width.Widener`,
    whose two sides are each lowered by 3 dB, as a sound in the centre is.
    """
    meter = TruePeakMeter(spool.rate_hz, channels)
    widener = Widener(spool.rate_hz, width) if width else None
    for block in blocks:
        if widener is not None:
            data = np.float32(CENTRE) * widener.add(spread(block.data, 1))
        else:
            data = spread(block.data, channels)
        spool.append(Audio(data, block.rate_hz))
        meter.add(data)
    return meter.peak()


class Share:
    """Makes of the steps of each stem the steps of the whole set, so that one bar tells all."""

    def __init__(self, report: Report, counts: Sequence[int]) -> None:
        self._report, self._counts, self._at = report, counts, 0

    def next(self) -> None:
        """The stem at hand is finished."""
        self._at += 1

    def __call__(self, event: Event) -> None:
        if isinstance(event, Step) and event.stage == STAGE:
            before, total = sum(self._counts[: self._at]), sum(self._counts)
            which = f"stem {self._at + 1} of {len(self._counts)}, {event.detail}"
            event = Step(STAGE, before + event.done, total, which)
        self._report(event)
