"""What a set of stems is asked for, known before a picture is decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from vtacli.cues.asking import known_cues
from vtacli.errors import ConfigError
from vtacli.media.door import MAX_DURATION_S, check_input
from vtacli.media.probe import Footage, probe
from vtacli.media.start_timecode import start_timecode
from vtacli.model.variants import Variant
from vtacli.planning import (
    Request,
    Screening,
    check_request,
    known_cuts,
    known_hits,
    read_references,
)
from vtacli.progress import Report, ignore
from vtacli.stems.options import StemOptions
from vtacli.timecode import Timecode
from vtacli.timeline import Hit, Scene, samples_at

WORDS_RATE = Fraction(25)
"""Frames a second of timecodes where there is no film that says."""


@dataclass(frozen=True)
class StemJob:
    """``request``: what is asked of the model, a :class:`Screening` where there is a film.
    ``start``: the timecode of the first sample, None for a film of so few pictures a second that
    it has none. ``hits``: all that a person wrote down."""

    request: Request
    options: StemOptions
    duration_s: Fraction
    start: Timecode | None
    seed: int
    hits: tuple[Hit, ...] = ()

    @property
    def footage(self) -> Footage | None:
        return self.request.footage if isinstance(self.request, Screening) else None

    @property
    def words(self) -> tuple[str, ...]:
        """What there is a stem of each: the prompts, or those of the cue sheet's rows."""
        if self.options.prompts or self._rows is None:
            return tuple(p.strip() for p in self.options.prompts)
        return tuple(dict.fromkeys(s.prompt.strip() for s in self._rows if s.prompt and not s.mute))

    @property
    def guesses(self) -> bool:
        """Whether there is a scene of which no words say what is heard."""
        if self.options.prompts or self._rows is None:
            return not self.options.prompts
        return any(not (s.prompt or s.mute) for s in self._rows)

    @property
    def _rows(self) -> tuple[Scene, ...] | None:
        return self.request.cues if isinstance(self.request, Screening) else None

    @property
    def samples(self) -> int:
        """Of a stem that is as long as the film."""
        return samples_at(self.duration_s, self.options.rate_hz)

    @property
    def channels(self) -> int:
        """Of every stem: what the model makes, or two where width is asked for."""
        return 2 if self.options.mix.width else self.request.variant.channels

    @property
    def bandwidth_hz(self) -> int:
        """The highest frequency that the files can hold of what the model makes."""
        return min(self.request.variant.bandwidth_hz, self.options.rate_hz // 2)


def make_stem_job(
    film: Path | None,
    folder: Path,
    options: StemOptions,
    seed: int,
    variant: Variant,
    few_steps: int | None = None,
    report: Report = ignore,
) -> StemJob:
    """Check everything that can be checked without decoding the film.

    ``folder``: an existing one, for files without a name. Raises MediaError for the film and for
    references, ConfigError for choices that contradict each other, this model or this film.
    """
    asked = options.generate
    if not options.prompts and asked.cues is None:
        _check_guesses(variant)
    # what is refused of one prompt is refused of all
    check_request(replace(asked, prompt=next(iter(options.prompts), None)), variant, few_steps)
    if film is None:
        return _job_of_words(folder, options, seed, variant, few_steps)
    if options.seconds is not None:
        raise ConfigError(
            "The stems are as long as the film.", hint="Leave out --seconds, or the film."
        )
    check_input(film)
    footage = probe(film)
    hits = known_hits(footage.duration_s, footage.frame_rate, asked, variant)
    screening = Screening(
        options=asked,
        variant=variant,
        references=read_references(asked, variant),
        folder=folder,
        few_steps=few_steps,
        footage=footage,
        cuts_s=known_cuts(footage, asked),
        hits=hits,
        sheet=known_cues(footage, asked.cues, variant),
    )
    start = start_timecode(footage, options.tc_start, report)
    job = StemJob(screening, options, footage.duration_s, start, seed, hits)
    if screening.cues is not None:
        _check_cues(job, screening.cues)
    return job


def _check_guesses(variant: Variant) -> None:
    if not variant.takes_references:
        raise ConfigError(
            f"The model {variant.name} does not say what it takes a picture for.",
            hint="Give a --prompt for each stem, or choose another --model.",
        )


def _check_cues(job: StemJob, scenes: tuple[Scene, ...]) -> None:
    """Refuse a cue sheet of which there can be no stems."""
    path = job.options.generate.cues
    if all(scene.mute for scene in scenes):
        raise ConfigError("Every scene of the cue sheet is muted.", path=path)
    worded = next((s for s in scenes if s.prompt), None)
    if job.options.prompts and worded is not None:
        raise ConfigError(
            f"Scene {worded.index + 1} of the cue sheet says what is heard, and so does --prompt.",
            path=path,
            hint="Without --prompt there is a stem of each prompt in the sheet.",
        )
    if job.guesses:
        _check_guesses(job.request.variant)


def _job_of_words(
    folder: Path, options: StemOptions, seed: int, variant: Variant, few_steps: int | None
) -> StemJob:
    asked = options.generate
    if options.seconds is None:
        raise ConfigError(
            "There is neither a film nor a length.", hint="Give the film, or --seconds."
        )
    if not options.prompts:
        raise ConfigError(
            "Without a film, words must say what is heard.", hint="Give a --prompt for each stem."
        )
    if options.seconds > MAX_DURATION_S:
        raise ConfigError(f"A set is at most {MAX_DURATION_S // 3600} hours long.")
    if options.per_scene or asked.scenes.mode != "auto" or asked.cues is not None:
        raise ConfigError(
            "Without a film there are no scenes.",
            hint="Leave out --per-scene, --scenes and --cues.",
        )
    hits = known_hits(options.seconds, WORDS_RATE, asked, variant)
    request = Request(
        options=asked,
        variant=variant,
        references=read_references(asked, variant),
        folder=folder,
        few_steps=few_steps,
    )
    text = options.tc_start
    start = Timecode.parse(text, WORDS_RATE) if text else Timecode(0, WORDS_RATE)
    return StemJob(request, options, options.seconds, start, seed, hits)
