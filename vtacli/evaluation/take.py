"""One film's sound by the product's own path, in memory: decode, cuts, windows, stitch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from vtacli.inference import content_of, render
from vtacli.media.frames import FrameStore
from vtacli.media.probe import probe
from vtacli.media.video import analyse
from vtacli.model.contract import NoiseKey, Sampling, SoundModel, WindowContent
from vtacli.model.variants import Variant
from vtacli.options import GenerateOptions
from vtacli.progress import ignore
from vtacli.signal.media import Audio, Curve, Frames
from vtacli.signal.stitch import Grid, stitch
from vtacli.timeline import Hit, Scene, plan, tile

Hits = Sequence[tuple[float, float]]

NOTHING_SEEN = Frames(np.zeros((0, 3, 224, 224), np.uint8), np.zeros(0))


@dataclass(frozen=True)
class Watched:
    """The beginning of a film, seen as ``vta generate`` sees it; what lies beyond ``duration_s`` is
    left out."""

    frames: FrameStore
    motion: Curve
    cuts_s: tuple[Fraction, ...]
    duration_s: Fraction
    variant: Variant

    def sound(
        self, model: SoundModel, seed: int, *, prompt: str | None = None, hits: Hits = ()
    ) -> Audio:
        """The film's sound at the model's rate: a window a scene, stitched. (1, N)"""
        options = GenerateOptions(prompt=prompt)
        asked = [Hit(Fraction(t), s) for t, s in hits]
        spans = tile(self.cuts_s, self.duration_s, options.scenes.min_scene_s)
        scenes = [
            Scene(i, span, hits=tuple(h for h in asked if span.contains(h.time_s)))
            for i, span in enumerate(spans)
        ]
        windows = plan(scenes, self.variant.window_s, options.crossfade_s)
        contents = (
            content_of(w, scenes[w.scene], self.frames, self.motion, options, seed, self.variant)
            for w in windows
        )
        made = render(model, windows, contents, options, ignore)
        grid = Grid(self.variant.rate_hz, self.duration_s)
        blocks = [block.data.mean(axis=0) for block in stitch(made, grid)]
        return Audio(np.concatenate(blocks)[None].astype(np.float32), self.variant.rate_hz)


@contextmanager
def watch(
    film: Path, variant: Variant, seconds: float | Fraction | None = None
) -> Iterator[Watched]:
    """Decode a film once, of which the first ``seconds`` count (None: one window of the model).
    The sampled pictures are there as long as the context lasts."""
    footage = probe(film)
    analysis = analyse(
        footage,
        frames_per_second=variant.frames_per_second,
        frame_size_px=variant.frame_size_px,
    )
    assert analysis.frames is not None
    with analysis.frames as frames:
        asked = variant.window_s if seconds is None else Fraction(seconds)
        until = min(footage.duration_s, asked)
        cuts = tuple(c for c in analysis.cuts_s if c < until)
        yield Watched(frames, analysis.motion, cuts, until, variant)


def from_words(
    model: SoundModel, prompt: str | None, seed: int, hits: Hits = (), *, draft: bool = True
) -> Audio:
    """One whole window without any picture. (C, N)"""
    window_s = float(model.variant.window_s)
    inside = tuple((t, s) for t, s in hits if t < window_s)
    content = WindowContent(
        NOTHING_SEEN, window_s, NoiseKey(seed, 0, 0), prompt=prompt, hits=inside, draft=draft
    )
    return model.generate([content], Sampling())[0]


def cut_to(sound: Audio, duration_s: float) -> Audio:
    """The first seconds of a sound."""
    return replace(sound, data=sound.data[:, : round(duration_s * sound.rate_hz)])
