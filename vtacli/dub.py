"""The use case: a film and its choices in, a dubbed film out."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vtacli import __version__
from vtacli.errors import printable
from vtacli.finishing import finish, lay
from vtacli.foley import Recorder
from vtacli.mastering import Master
from vtacli.media.spool import SoundSpool, check_writable
from vtacli.models import ModelHandle
from vtacli.options import RATE_HZ, GenerateOptions
from vtacli.planning import Job, find_scenes, make_job, make_plan
from vtacli.progress import Note, Report, Step, ignore
from vtacli.provenance import Provenance
from vtacli.rendition import Rendition
from vtacli.scene_sound import scene_sounds
from vtacli.signal.ducking import DuckingGain
from vtacli.signal.loudness import to_db
from vtacli.signal.mix import POLICY, Gains
from vtacli.signal.programme import Loudness
from vtacli.stages import Stages
from vtacli.takes import Remarks, listener_of, make_takes
from vtacli.timeline import Scene, Window, samples_at
from vtacli.track import MASTERED, FinishedTrack

if TYPE_CHECKING:
    from vtacli.model.voice import VoiceNet


@dataclass(frozen=True)
class Dubbed:
    """What was made, and everything that it takes to make it again. ``gains``: the lowest of any
    scene, and the mix's; ``scene_gains``: each scene's, amplitudes."""

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
    scene_gains: tuple[float, ...]
    true_peak_dbtp: float
    loudness: Loudness
    master: Master | None
    ducking: DuckingGain | None
    bandwidth_hz: int
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
            "scenes": [
                {**self.remarks.scene_dict(s), "foley_gain_db": to_db(gain) if gain else None}
                for s, gain in zip(self.scenes, self.scene_gains, strict=True)
            ],
            "windows": [self.remarks.window_dict(w) for w in self.windows],
            "seed": self.seed,
            "foley_gain_db": to_db(self.gains.foley),
            "mix_gain_db": to_db(self.gains.mix),
            "true_peak_dbtp": None if silent else self.true_peak_dbtp,
            "loudness": self.loudness.to_dict(),
            "master": None if self.master is None else self.master.to_dict(),
            "ducking": None if self.ducking is None else self.ducking.to_dict(),
            "bandwidth_hz": self.bandwidth_hz,
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
    run = Run(report)
    with ExitStack() as open_things:
        with run.stage("check"):
            job = make_job(film, output, options, model.variant, model.few_steps)
            check_writable(job.output.parent)
            model.check_device()
            detector = model.voice() if job.mixdown.ducking is not None else None
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
            recorder = Recorder(spool, options.mix.width)
            lay(scenes, scene_sounds(sounds, scenes, job.folder), recorder)
        run.remarks.tell(scenes, job, run.report)
        ducking = ducking_of(job.rendition, detector, run.report)
        mark = provenance_of(job, seed) if options.provenance else None
        track = finish(job.rendition, recorder, ducking, mark, run)
    return dubbed(job, scenes, plan.windows, seed, track, run)


@dataclass
class Run(Stages):
    """A dub at work, and what there is to say of its takes."""

    remarks: Remarks = field(default_factory=Remarks)


def provenance_of(job: Job, seed: int) -> Provenance:
    """What the film says of its new sound."""
    return Provenance(
        model=job.variant.name,
        version=__version__,
        seed=seed,
        prompt=job.options.prompt,
        licence=job.variant.licence,
        bandwidth_hz=job.variant.bandwidth_hz,
        references=tuple(r.name for r in job.references),
    )


def ducking_of(
    rendition: Rendition, detector: VoiceNet | None, report: Report
) -> DuckingGain | None:
    """How foley gives way to speech, once it is known where somebody speaks."""
    ducking, stream = rendition.mixdown.ducking, rendition.mixdown.dialogue
    if detector is None or ducking is None or stream is None:
        return None
    # imported here: layers of networks are of no use to films whose foley stays as it is
    from vtacli.speech import find_speech

    found = find_speech(rendition.footage, stream.index, detector, report)
    if not found:
        report(Note(f"Nobody speaks in stream {stream.index}: the foley stays as it is."))
    return DuckingGain(found, ducking, RATE_HZ)


def dubbed(
    job: Job,
    scenes: tuple[Scene, ...],
    windows: tuple[Window, ...],
    seed: int,
    track: FinishedTrack,
    run: Run,
) -> Dubbed:
    """What there is to say of a film that was written."""
    options, variant = job.options, job.variant
    assert track.loudness is not None
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
        scene_gains=tuple(p.gain for p in track.foley.scenes),
        true_peak_dbtp=track.loudness.true_peak_dbtp,
        loudness=track.loudness,
        master=track.master,
        ducking=track.foley.ducking,
        bandwidth_hz=variant.bandwidth_hz,
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
            "mix_policy": POLICY if job.mixdown.spec is None else MASTERED,
            "digital_source_type": provenance_of(job, seed).of_composite().source_type,
            "marked": options.provenance,
            "options": replace(options, seed=seed).to_dict(),
        },
    )
