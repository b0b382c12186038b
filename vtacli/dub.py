"""The use case: a film and its choices in, a dubbed film out."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vtacli import __version__
from vtacli.errors import printable
from vtacli.media.mux import NewTrack, write_film
from vtacli.media.spool import SoundSpool, check_writable
from vtacli.models import ModelHandle
from vtacli.options import RATE_HZ, GenerateOptions
from vtacli.planning import Job, find_scenes, make_job, make_plan
from vtacli.progress import Note, Report, Step, ignore
from vtacli.signal.loudness import to_db
from vtacli.signal.mix import POLICY, Gains
from vtacli.signal.stitch import Grid, stitch
from vtacli.stages import Stages
from vtacli.takes import Remarks, listener_of, make_takes
from vtacli.timeline import Scene, Window, samples_at
from vtacli.track import FinishedTrack, choose_gains, record

TITLES = {"mix": "Mix with foley", "add": "Foley", "replace": "Foley"}


@dataclass(frozen=True)
class Dubbed:
    """What was made, and everything that it takes to make it again."""

    film: Path
    output: Path
    duration_s: Fraction
    samples: int
    rate_hz: int
    audio: str
    track: str
    scenes: tuple[Scene, ...]
    windows: tuple[Window, ...]
    seed: int
    gains: Gains
    true_peak_dbtp: float
    seconds: dict[str, float]
    warnings: tuple[str, ...]
    remarks: Remarks
    provenance: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """JSON values; the names are an interface and stay."""
        silent = self.true_peak_dbtp == float("-inf")
        return {
            "film": printable(self.film),
            "output": printable(self.output),
            "duration_s": float(self.duration_s),
            "duration_exact": str(self.duration_s),
            "samples": self.samples,
            "rate_hz": self.rate_hz,
            "audio": self.audio,
            "track": self.track,
            "scenes": [self.remarks.scene_dict(s) for s in self.scenes],
            "windows": [self.remarks.window_dict(w) for w in self.windows],
            "seed": self.seed,
            "foley_gain_db": to_db(self.gains.foley),
            "mix_gain_db": to_db(self.gains.mix),
            "true_peak_dbtp": None if silent else self.true_peak_dbtp,
            "seconds": {k: round(v, 3) for k, v in self.seconds.items()},
            "warnings": list(self.warnings),
            "provenance": self.provenance,
        }


def dub(
    film: Path,
    output: Path,
    options: GenerateOptions,
    model: ModelHandle,
    report: Report = ignore,
) -> Dubbed:
    """Give ``film`` a sound and write ``output``; the picture and other streams are copied.

    Every refusal comes before the picture is decoded, and that before weights are read. One
    batch of windows is in memory, never the film. However this ends, the output is whole or
    not there. Raises the errors of :mod:`vtacli.errors`.
    """
    run = _Run(report)
    with ExitStack() as open_things:
        with run.stage("check"):
            job = make_job(film, output, options, model.variant, model.few_steps)
            check_writable(job.output.parent)
            model.check_device()
            seed = secrets.randbits(31) if options.seed is None else options.seed
        with run.stage("decode"):
            scenes, analysis = find_scenes(job, run.report, with_frames=True)
            assert analysis is not None
            assert analysis.frames is not None
            frames = open_things.enter_context(analysis.frames)
            plan = make_plan(job, scenes, model)
        run.report(
            Note(f"{len(scenes)} scenes, {len(plan.windows)} windows, seed {seed}", "detail")
        )
        with run.stage("load"):
            run.report(Step("load", 0, 1))
            loaded = model.load()
            run.report(Step("load", 1, 1))
        with run.stage("generate"):
            listener = listener_of(job, model.listener, run.report)
            sounds = make_takes(
                loaded,
                job,
                scenes,
                plan.windows,
                frames,
                analysis.motion,
                seed,
                listener,
                run.report,
                run.remarks,
            )
            spool = open_things.enter_context(SoundSpool(RATE_HZ, job.output.parent))
            peak = record(stitch(sounds, Grid(RATE_HZ, job.footage.duration_s)), spool)
        for line in run.remarks.lines(scenes):
            run.report(Note(line, "detail"))
        with run.stage("mix"):
            gains = choose_gains(spool, peak, job.own_sound, options.mix, run.report)
            track = FinishedTrack(spool, job.own_sound, gains)
            wav = open_things.enter_context(track.as_wav(beside=job.output))
        with run.stage("write"):
            new = NewTrack(wav, TITLES[job.mode], layout=track.layout)
            write_film(
                job.footage,
                job.streams,
                [new],
                job.output,
                overwrite=options.overwrite,
                report=run.report,
            )
    return _result(job, scenes, plan.windows, seed, track, run)


@dataclass
class _Run(Stages):
    """A dub at work, and what there is to say of its takes."""

    remarks: Remarks = field(default_factory=Remarks)


def _result(
    job: Job,
    scenes: tuple[Scene, ...],
    windows: tuple[Window, ...],
    seed: int,
    track: FinishedTrack,
    run: _Run,
) -> Dubbed:
    options, variant = job.options, job.variant
    return Dubbed(
        film=job.footage.path,
        output=job.output,
        duration_s=job.footage.duration_s,
        samples=samples_at(job.footage.duration_s, RATE_HZ),
        rate_hz=RATE_HZ,
        audio=job.mode,
        track=job.track_text(),
        scenes=scenes,
        windows=windows,
        seed=seed,
        gains=track.gains,
        true_peak_dbtp=to_db(track.true_peak),
        seconds=run.seconds,
        warnings=tuple(run.warnings),
        remarks=run.remarks,
        provenance={
            "program": f"vta {__version__}",
            "model": options.model,
            "variant": variant.name,
            "licence": variant.licence,
            "bandwidth_hz": variant.bandwidth_hz,
            "steps": job.steps,
            "distilled": job.distilled,
            "mix_policy": POLICY,
            "options": replace(options, seed=seed).to_dict(),
        },
    )
