"""Windows of film in, windows of sound out: a batch at a time, in film order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from vtacli.model.contract import (
    NoiseKey,
    OnStep,
    Reference,
    Sampling,
    SoundModel,
    WindowContent,
)
from vtacli.model.variants import Variant
from vtacli.options import REFERENCE_STRENGTH, GenerateOptions
from vtacli.progress import Report, Step
from vtacli.signal.media import Audio, Curve, Frames
from vtacli.timeline import Scene, Span, Window

STAGE, AGAIN = "generate", "again"


class Pictures(Protocol):
    """What gives the sampled pictures of a span: :class:`vtacli.media.frames.FrameStore`."""

    def between(self, span: Span) -> Frames: ...


def content_of(
    window: Window,
    scene: Scene,
    frames: Pictures,
    motion: Curve | None,
    options: GenerateOptions,
    seed: int,
    variant: Variant,
    references: tuple[Reference, ...] = (),
) -> WindowContent:
    """What the model is told of one window: its pictures, its motion, its hits, its words.

    A scene's own prompt, negative and seed come before the film's. ``motion`` None: not told.
    """
    span = window.span
    return WindowContent(
        frames=frames.between(span),
        duration_s=float(span.duration_s),
        key=NoiseKey(seed if scene.seed is None else scene.seed, scene.noise_id, window.index),
        motion=motion.between(float(span.start_s), float(span.end_s))
        if variant.takes_motion and motion is not None
        else None,
        hits=tuple(
            (float(h.time_s - span.start_s), h.strength)
            for h in scene.hits
            if span.contains(h.time_s)
        ),
        prompt=options.prompt if scene.prompt is None else scene.prompt,
        negative=options.negative if scene.negative is None else scene.negative,
        draft=options.draft,
        references=references,
        reference_strength=(
            REFERENCE_STRENGTH if options.reference_strength is None else options.reference_strength
        ),
        at_s=float(span.start_s - scene.span.start_s),
    )


def sampling_of(options: GenerateOptions) -> Sampling:
    """The part of the choices that the model is given."""
    return Sampling(
        steps=options.steps,
        guidance=options.guidance,
        sampler=options.sampler,
        motion_scale=options.motion_scale,
        hits_scale=options.hits_scale,
        quality=options.quality,
    )


def render(
    model: SoundModel,
    windows: Sequence[Window],
    contents: Iterator[WindowContent],
    options: GenerateOptions,
    report: Report,
    stage: str = STAGE,
) -> Iterator[tuple[Window, Audio]]:
    """Each window with its sound. Holds one batch of contents, and no more.

    To cancel, stop iterating, or raise from ``report``.
    """
    scenes = 1 + max((w.scene for w in windows), default=0)
    for first in range(0, len(windows), options.batch_size):
        batch = windows[first : first + options.batch_size]
        on_step = _announce(report, stage, first, batch, len(windows), scenes)
        sounds = model.generate([next(contents) for _ in batch], sampling_of(options), on_step)
        if len(sounds) != len(batch):
            raise ValueError(f"the model gave {len(sounds)} sounds for {len(batch)} windows")
        yield from zip(batch, sounds, strict=True)
        report(Step(stage, first + len(batch), len(windows), f"scene {batch[-1].scene + 1}"))


def _announce(
    report: Report, stage: str, before: int, batch: Sequence[Window], total: int, scenes: int
) -> OnStep:
    """Steps of a batch as a fraction of all windows, so that the time left is one number."""

    def on_step(done: int, steps: int) -> None:
        detail = f"scene {batch[0].scene + 1} of {scenes}, step {done} of {steps}"
        report(Step(stage, before + len(batch) * done / max(steps, 1), total, detail))

    return on_step
