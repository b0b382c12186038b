"""What will be done, decided before any of it is: streams, scenes, windows, cost.

A :class:`Job` comes from headers alone, and every refusal comes while it is made. A :class:`Plan`
needs one pass over the picture to find its cuts. What becomes of the sound is a job's own; what
is asked of the model, and over which film, is a :class:`Request` and a :class:`Screening`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vtacli.cost import Cost, estimate
from vtacli.cues.asking import known_cues
from vtacli.cues.sheet import CueSheet
from vtacli.errors import ConfigError, printable
from vtacli.media.door import SUFFIXES, check_input, check_output
from vtacli.media.frames import FrameStore
from vtacli.media.marks import read_hits
from vtacli.media.probe import Footage, probe
from vtacli.media.recording import read_recording
from vtacli.media.scenes import read_scene_file
from vtacli.media.streams import StreamPlan
from vtacli.media.video import Analysis, analyse
from vtacli.mixdown import Mixdown
from vtacli.model.contract import Reference
from vtacli.model.guess import Guess, Guesser, mean_of
from vtacli.model.samplers import sampler
from vtacli.model.variants import Variant
from vtacli.models import ModelHandle
from vtacli.options import GenerateOptions
from vtacli.plan_dicts import footage_dict, scene_dict, stream_dict, window_dict
from vtacli.progress import Note, Report, Step
from vtacli.rendition import Rendition, plan_rendition
from vtacli.timeline import Hit, Scene, Window, plan, tile


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a model. ``folder``: where files without a name may lie meanwhile.

    ``few_steps``: for how many steps the weights hold a distilled denoiser.
    """

    options: GenerateOptions
    variant: Variant
    references: tuple[Reference, ...]
    folder: Path
    few_steps: int | None = None

    @property
    def distilled(self) -> bool:
        """Whether the denoiser of few steps is used, which runs once a step."""
        options = self.options
        return self.few_steps is not None and options.quality == "draft" and not options.sampler

    @property
    def near_draft(self) -> bool:
        """Whether windows mostly begin part-way and take their share of the quality's steps."""
        drafts = self.variant.takes_references and self.options.draft
        return drafts and self.options.steps is None and not self.distilled

    @property
    def steps(self) -> int:
        """Of denoising: as asked, or usual for the sampler that is asked for, or the quality's."""
        name = self.options.sampler
        usual = sampler(name).steps if name else None
        made_for = self.few_steps if self.distilled else None
        return (
            self.options.steps or usual or made_for or self.variant.steps_of(self.options.quality)
        )


@dataclass(frozen=True, kw_only=True)
class Screening(Request):
    """A request over a film. ``cuts_s`` is None where cuts must be looked for. ``sheet``: of cues,
    None where there is none; it then says all that cuts and hits would."""

    footage: Footage
    cuts_s: tuple[Fraction, ...] | None
    hits: tuple[Hit, ...]
    sheet: CueSheet | None = None

    @property
    def cues(self) -> tuple[Scene, ...] | None:
        """The scenes of the cue sheet."""
        return None if self.sheet is None else self.sheet.scenes


@dataclass(frozen=True, kw_only=True)
class Job(Screening):
    """A dub, before a picture is decoded."""

    rendition: Rendition

    @property
    def output(self) -> Path:
        return self.rendition.output

    @property
    def mode(self) -> str:
        return self.rendition.mode

    @property
    def streams(self) -> StreamPlan:
        return self.rendition.streams

    @property
    def mixdown(self) -> Mixdown:
        return self.rendition.mixdown

    def track_text(self) -> str:
        """The new track in a few words."""
        return self.rendition.track_text()


@dataclass(frozen=True)
class Plan:
    """What :func:`vtacli.dub.dub` will do. ``scenes`` tile the film, ``windows`` cover them.
    ``guesses``: what each scene looks like, where that was asked for."""

    job: Job
    scenes: tuple[Scene, ...]
    windows: tuple[Window, ...]
    cost: Cost
    guesses: tuple[Guess, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        job = self.job
        return {
            "film": footage_dict(job.footage),
            "output": printable(job.output),
            "audio": job.mode,
            "codec": job.streams.codec,
            "kept": [{**stream_dict(k.info), "becomes": k.codec} for k in job.streams.kept],
            "lost": [stream_dict(s) for s in job.streams.lost],
            "replaced": [stream_dict(s) for s in job.streams.replaced],
            "warnings": list(job.streams.warnings),
            "mixdown": job.mixdown.to_dict(),
            "model": job.variant.name,
            "licence": job.variant.licence,
            "steps": job.steps,
            "quality": job.options.quality,
            "scenes": [
                scene_dict(s) | {"guess": self.guesses[i].to_dict() if self.guesses else None}
                for i, s in enumerate(self.scenes)
            ],
            "windows": [window_dict(w) for w in self.windows],
            "cost": self.cost.to_dict(),
            "options": job.options.to_dict(),
        }


def default_output(film: Path) -> Path:
    """``IN.dubbed.mp4`` beside the film; mkv where the film's own container cannot be written."""
    suffix = film.suffix if film.suffix.lower() in SUFFIXES else ".mkv"
    return film.with_name(f"{film.stem}.dubbed{suffix}")


def make_job(
    film: Path,
    output: Path,
    options: GenerateOptions,
    variant: Variant,
    few_steps: int | None = None,
) -> Job:
    """Check everything that can be checked without decoding the film; nothing heavy is loaded.

    Raises MediaError for the film and for references, OutputError for the output and the
    container, ConfigError for choices that this model or this film does not allow.
    """
    check_input(film)
    output = check_output(film, output, options.overwrite)
    footage = probe(film)
    check_request(options, variant, few_steps)
    rendition = plan_rendition(footage, output, options.mix, options.overwrite)
    return Job(
        rendition=rendition,
        footage=footage,
        folder=output.parent,
        cuts_s=known_cuts(footage, options),
        hits=known_hits(footage.duration_s, footage.frame_rate, options, variant),
        sheet=known_cues(footage, options.cues, variant),
        references=read_references(options, variant),
        options=options,
        variant=variant,
        few_steps=few_steps,
    )


def check_request(options: GenerateOptions, variant: Variant, few_steps: int | None) -> None:
    """Raise ConfigError for choices that this model does not allow."""
    if options.sampler is not None:
        sampler(options.sampler)
    if not variant.takes_text and (options.prompt or options.negative):
        raise ConfigError(
            f"The model {variant.name} takes no text, so a prompt would not be heard.",
            hint="Leave out --prompt and --negative, or choose another --model.",
        )
    _check_model(options, variant, few_steps)
    if 3 * options.crossfade_s > variant.window_s:
        raise ConfigError(
            f"The cross-fade must be at most {float(variant.window_s / 3):.2f} s, a third of the "
            f"model's window, not {float(options.crossfade_s)} s."
        )


def read_references(options: GenerateOptions, variant: Variant) -> tuple[Reference, ...]:
    """The recordings of the user's own, at the model's rate. Raises MediaError."""
    return tuple(
        Reference(path.name, read_recording(path, variant.rate_hz)) for path in options.references
    )


def _check_model(options: GenerateOptions, variant: Variant, few_steps: int | None) -> None:
    """Raise ConfigError for what this model cannot do."""
    controlled = variant.takes_motion or variant.takes_hits
    if options.references and not variant.takes_references:
        raise ConfigError(
            f"The model {variant.name} cannot take a reference: it has no bank to lay it beside.",
            hint="Leave out --reference, or choose a --model that can, such as vta-mini.",
        )
    for name in ("motion_scale", "hits_scale"):
        if getattr(options, name) is not None and not controlled:
            raise ConfigError(
                f"The model {variant.name} follows neither motion nor hits.",
                hint=f"Leave out --{name.replace('_', '-')}, or choose another --model.",
            )
    if not options.draft and not variant.takes_references:
        raise ConfigError(f"The model {variant.name} makes no draft.", hint="Leave out --no-draft.")
    if options.guidance == 0 and not controlled:
        raise ConfigError(
            f"With a guidance of 0 the model {variant.name} has nothing left to follow.",
            hint="Use 1 for no guidance.",
        )
    scales = (options.guidance, options.motion_scale, options.hits_scale)
    if (
        few_steps is not None
        and options.quality == "draft"
        and not options.sampler
        and any(s not in (None, 0) for s in scales)
    ):
        raise ConfigError(
            "The draft quality has its guidance built in: a scale can only be 0, which leaves an "
            "input out.",
            hint="Leave the scale out, or use --quality normal.",
        )


def find_scenes(
    job: Screening, report: Report, *, with_frames: bool
) -> tuple[tuple[Scene, ...], Analysis | None]:
    """The scenes, by one pass over the picture where one is needed.

    ``with_frames``: sample the model's pictures in the same pass, into a file without a name in
    the output's folder. What there is to say of a cue sheet is reported.
    """
    options, footage = job.options.scenes, job.footage
    for warning in job.sheet.warnings if job.sheet else ():
        report(Note(warning, "warning"))
    analysis = None
    if with_frames or job.cuts_s is None:
        analysis = analyse(
            footage,
            frames_per_second=job.variant.frames_per_second if with_frames else None,
            frame_size_px=job.variant.frame_size_px,
            # beside a sheet cuts are looked for as well: motion is read the same way with a sheet
            # that was saved from them as without one, so that scenes keep their sound
            detector=options.detector if options.mode == "auto" else None,
            threshold=options.threshold,
            known_cuts_s=[s.span.start_s for s in job.cues[1:]] if job.cues else job.cuts_s or (),
            spool=job.folder,
            report=report,
        )
    if job.cues is not None:
        return job.cues, analysis
    cuts_s = analysis.cuts_s if analysis else job.cuts_s or ()
    shortest = options.min_scene_s if job.cuts_s is None else Fraction(0)
    spans = tile(cuts_s, footage.duration_s, shortest)
    scenes = (
        Scene(i, span, hits=tuple(h for h in job.hits if span.contains(h.time_s)))
        for i, span in enumerate(spans)
    )
    return tuple(scenes), analysis


def windows_of(job: Request, scenes: tuple[Scene, ...]) -> tuple[Window, ...]:
    """The windows of these scenes, in film order; a muted scene has none."""
    heard = [scene for scene in scenes if not scene.mute]
    return tuple(plan(heard, job.variant.window_s, job.options.crossfade_s))


def make_plan(
    job: Job,
    scenes: tuple[Scene, ...],
    model: ModelHandle,
    guesses: tuple[Guess, ...] = (),
) -> Plan:
    """The windows of these scenes, and what they will cost."""
    windows = windows_of(job, scenes)
    cost = estimate(
        job.variant,
        windows=len(windows),
        steps=job.steps,
        batch_size=job.options.batch_size,
        duration_s=job.footage.duration_s,
        film_bytes=job.footage.path.stat().st_size,
        weights_bytes=model.weights_bytes,
        device=job.options.device,
        guided=not job.distilled,
        manners=job.options.manners,
        near_draft=job.near_draft,
    )
    return Plan(job, scenes, windows, cost, guesses)


def find_guesser(model: ModelHandle) -> Callable[[], Guesser]:
    """What loads what says how a picture looks. Raises ConfigError where a model does not say."""
    if model.guesser is None:
        raise ConfigError(
            f"The model {model.name} does not say what it takes a picture for.",
            hint="Leave out --guess, or choose another --model.",
        )
    return model.guesser


def guess_scenes(
    job: Request, scenes: tuple[Scene, ...], frames: FrameStore, guesser: Guesser, report: Report
) -> tuple[Guess, ...]:
    """What each scene looks like: the mean over its windows, as the model will see them."""
    windows = windows_of(job, scenes)
    by_scene: dict[int, list[Guess]] = {scene.index: [] for scene in scenes}
    for i, window in enumerate(windows):
        by_scene[window.scene].append(guesser.guess(frames.between(window.span)))
        report(Step("guess", i + 1, len(windows)))
    return tuple(mean_of(by_scene[scene.index]) for scene in scenes)


def known_cuts(footage: Footage, options: GenerateOptions) -> tuple[Fraction, ...] | None:
    """Cuts that are said or excluded; None where they must be looked for. Of a cue sheet, see
    :func:`vtacli.cues.asking.known_cues`. Raises ConfigError."""
    mode = options.scenes.mode
    if options.cues is not None:
        return ()
    if mode == "auto":
        return None
    if mode == "off":
        return ()
    return tuple(read_scene_file(mode, footage.duration_s, footage.frame_rate))


def known_hits(
    duration_s: Fraction, frame_rate: Fraction, options: GenerateOptions, variant: Variant
) -> tuple[Hit, ...]:
    """Hits that a person wrote down, none where no list is given. Raises ConfigError."""
    if options.hits is None:
        return ()
    if not variant.takes_hits:
        raise ConfigError(
            f"The model {variant.name} takes no hits, so they would not be heard.",
            hint="Leave out --hits, or choose another --model.",
        )
    return read_hits(options.hits, duration_s, frame_rate)
