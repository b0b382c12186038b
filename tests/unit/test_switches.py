"""What each control of the shipped model promises: equal scales are the old ones, nought is off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vtacli.model.contract import NoiseKey, Sampling, WindowContent
from vtacli.model.loading import load_model
from vtacli.signal.media import Curve, Frames

MODEL = Path(__file__).parents[2] / "weights" / "vta-mini"
TIMES = np.arange(0, 10.24, 0.04)
QUICK = 2


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return load_model(MODEL, device="cpu")


def window(**asked) -> WindowContent:
    """Pictures of noise that move, hits and words; the arguments take some of it away."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (3, 3, 224, 224), dtype=np.uint8)
    values = rng.random((len(TIMES), 2)).astype(np.float32)
    full = WindowContent(
        Frames(pictures, np.arange(3) / 2),
        10.24,
        NoiseKey(5, 0, 0),
        motion=Curve(TIMES, values),
        hits=((1.0, 0.9), (4.0, 0.5)),
        prompt="door slam",
        negative="rain",
    )
    return replace(full, **asked)


UNSEEN = Frames(np.zeros((0, 3, 224, 224), np.uint8), np.zeros(0))


def sound(model, content, **scales):
    return model.generate([content], Sampling(steps=QUICK, **scales))[0].data


def rows_of(model, content, **scales) -> list[int]:
    """How many branches the denoiser ran in each step."""
    rows: list[int] = []
    hook = model.pipeline.unet.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    try:
        sound(model, content, **scales)
    finally:
        hook.remove()
    return rows


def test_equal_scales_are_one_scale_and_cost_no_more(model):
    plain = sound(model, window(), guidance=3.0)
    assert np.array_equal(sound(model, window(), guidance=3, motion_scale=3, hits_scale=3), plain)
    assert rows_of(model, window(), guidance=3.0) == [2, 2]
    usual = model.variant.default_guidance
    assert np.array_equal(sound(model, window()), sound(model, window(), guidance=usual))


def test_near_a_draft_nothing_is_guided_unless_a_scale_or_a_negative_prompt_asks(model):
    plain = window(negative=None)
    assert rows_of(model, plain) == [1, 1]
    assert np.array_equal(sound(model, plain), sound(model, plain, guidance=1.0))
    assert rows_of(model, plain, guidance=3.0) == rows_of(model, plain, hits_scale=3.0) == [2, 2]
    assert rows_of(model, window()) == rows_of(model, window(negative=None, draft=False)) == [2, 2]


def test_each_scale_changes_the_sound_and_runs_what_it_needs(model):
    plain = sound(model, window(), guidance=3.0)
    for scale, rows in (("motion_scale", 4), ("hits_scale", 3), ("guidance", 3)):
        others = {"guidance": 3.0, "motion_scale": 3.0, "hits_scale": 3.0, scale: 6.0}
        assert not np.array_equal(sound(model, window(), **others), plain)
        assert rows_of(model, window(), **others) == [rows] * QUICK


@pytest.mark.parametrize(
    ("scale", "absent"),
    [
        ("motion_scale", {"motion": None}),
        ("hits_scale", {"hits": ()}),
        ("guidance", {"prompt": None, "negative": None, "frames": UNSEEN}),
    ],
)
def test_a_scale_of_nought_is_the_input_absent(model, scale, absent):
    rest = {"guidance": 2.0, "motion_scale": 2.0, "hits_scale": 3.0}
    off = sound(model, window(), **{**rest, scale: 0.0})
    assert not np.array_equal(off, sound(model, window(), **rest))
    assert np.array_equal(off, sound(model, window(**absent), **{**rest, scale: 0.0}))
    if scale != "guidance":
        # Where the input is absent its scale means nothing.
        assert np.array_equal(off, sound(model, window(**absent), **rest))


def test_words_that_are_off_lay_no_draft(model):
    seen = model.pipeline.encoder.condition([window(prompt=None, frames=UNSEEN)])
    assert not seen.mask.any()
    assert not seen.control[:, -1].any()


def test_an_input_that_is_off_does_not_matter(model):
    off = {"guidance": 0.0, "motion_scale": 2.0, "hits_scale": 2.0}
    assert np.array_equal(
        sound(model, window(), **off), sound(model, window(prompt="rain", negative=None), **off)
    )


def test_windows_of_one_batch_do_not_meet(model):
    """As on an accelerator: rows that lack an input share a batch with rows that have it."""
    mixed = [window(), window(motion=None), window(hits=()), window(motion=None, hits=())]
    scales = {"guidance_scale": 2.0, "motion_scale": 3.0, "hits_scale": 4.0}
    pipeline = model.pipeline
    together = pipeline(mixed, num_inference_steps=QUICK, one_at_a_time=False, **scales)
    for i, content in enumerate(mixed):
        alone = pipeline([content], num_inference_steps=QUICK, **scales)
        assert torch.allclose(together.latents[i], alone.latents[0], atol=2e-3), i
