"""A denoiser of few steps: low-rank changes, held strictly against the layers that they change."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from test_switches import MODEL, rows_of, window

from vtacli.errors import ConfigError, WeightsRefused
from vtacli.model.contract import Sampling
from vtacli.model.describe import few_steps_of
from vtacli.model.loading import load_model
from vtacli.model.mini.denoiser import MiniDenoiser
from vtacli.model.mini.few_steps import FewSteps, euler_sigmas
from vtacli.model.variants import VARIANTS
from vtacli.options import GenerateOptions
from vtacli.planning import make_job

SAID = {"scale": "0.5", "steps": "4"}


@pytest.fixture(scope="module")
def denoiser() -> MiniDenoiser:
    torch.manual_seed(0)
    return MiniDenoiser(width=32, depth=1, heads=2).eval()


def written(folder: Path, tensors, said=SAID) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    save_file(tensors, folder / "few_steps.safetensors", metadata=said)
    return folder


def change(rank=3, rows=96, columns=32):
    torch.manual_seed(1)
    return torch.randn(rank, columns), torch.randn(rows, rank)


def test_the_change_is_scale_times_up_times_down_in_a_copy(denoiser, tmp_path):
    down, up = change()
    tensors = {"blocks.0.qkv.down": down, "blocks.0.qkv.up": up}
    few = FewSteps.of(written(tmp_path / "unet", tensors))
    before = denoiser.blocks[0].qkv.weight.clone()
    made = few.merged(denoiser)
    assert torch.allclose(made.blocks[0].qkv.weight, before + 0.5 * up @ down, atol=1e-5)
    assert torch.equal(denoiser.blocks[0].qkv.weight, before)
    changed = [
        name
        for (name, a), b in zip(denoiser.named_parameters(), made.parameters(), strict=True)
        if not torch.equal(a, b)
    ]
    assert changed == ["blocks.0.qkv.weight"]
    assert (few.steps, few_steps_of(tmp_path)) == (4, 4)
    assert few.sigmas == [1.0, 0.75, 0.5, 0.25]


def test_half_precision_is_changed_in_full_precision(denoiser, tmp_path):
    down, up = change()
    tensors = {"blocks.0.qkv.down": down.half(), "blocks.0.qkv.up": up.half()}
    few = FewSteps.of(written(tmp_path / "unet", tensors))
    made = few.merged(MiniDenoiser(width=32, depth=1, heads=2).to(torch.bfloat16))
    assert made.blocks[0].qkv.weight.dtype == torch.bfloat16


def test_none_where_there_is_none(tmp_path):
    assert FewSteps.of(tmp_path) is None
    assert few_steps_of(tmp_path) is None


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("blocks.0.qkv.down",), SAID),
        (("blocks.0.qkv.down", "blocks.0.qkv.up", "blocks.0.qkv.alpha"), SAID),
        ((), SAID),
        (("blocks.0.qkv.down", "blocks.0.qkv.up"), {"scale": "1"}),
        (("blocks.0.qkv.down", "blocks.0.qkv.up"), {"scale": "much", "steps": "4"}),
        (("blocks.0.qkv.down", "blocks.0.qkv.up"), {"scale": "1", "steps": "0"}),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path, names, said):
    tensors = {n: torch.zeros((3, 32) if n.endswith("down") else (96, 3)) for n in names}
    with pytest.raises(WeightsRefused):
        FewSteps.of(written(tmp_path / "unet", tensors, said))


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        ("blocks.7.qkv", ((3, 32), (96, 3))),
        ("blocks.0.local", ((3, 32), (96, 3))),
        ("blocks.0.qkv", ((3, 32), (95, 3))),
        ("blocks.0.qkv", ((3, 31), (96, 3))),
        ("blocks.0.qkv", ((3, 32), (96, 4))),
    ],
)
def test_a_layer_that_does_not_fit_is_refused(denoiser, tmp_path, layer, shapes):
    tensors = {f"{layer}.down": torch.zeros(shapes[0]), f"{layer}.up": torch.zeros(shapes[1])}
    few = FewSteps.of(written(tmp_path / "unet", tensors))
    with pytest.raises(WeightsRefused, match=layer):
        few.merged(denoiser)


@pytest.fixture(scope="module")
def distilled(tmp_path_factory):
    """The shipped model with a change of nothing to one layer, for three steps."""
    folder = tmp_path_factory.mktemp("weights") / "mine"
    folder.mkdir()
    for part in MODEL.iterdir():
        if part.name != "unet":
            (folder / part.name).symlink_to(part)
    shutil.copytree(MODEL / "unet", folder / "unet")
    nothing = {"project_out.down": torch.zeros(2, 256), "project_out.up": torch.zeros(128, 2)}
    written(folder / "unet", nothing, {"scale": "1", "steps": "3"})
    torch.set_num_threads(1)
    return load_model(folder, device="cpu")


def test_draft_quality_runs_one_branch_for_the_steps_it_was_made_for(distilled):
    def sound(**asked):
        return distilled.generate([window()], Sampling(**asked))[0].data

    quick = {"quality": "draft"}
    usual = distilled.pipeline.unet
    draft = sound(**quick)
    assert distilled.pipeline.unet is usual
    # A change of nothing: the same as Euler steps of the plain denoiser without guidance.
    plain = distilled.pipeline(
        [window()], guidance_scale=1.0, euler_sigmas=euler_sigmas(3)
    ).audios.numpy()[0]
    assert np.array_equal(draft, plain)
    assert rows_of(distilled, window(), quality="normal") == [2, 2]
    rows, steps = [], []
    hook = distilled._distilled.register_forward_pre_hook(lambda _, a: rows.append(len(a[0])))
    distilled.generate([window()], Sampling(**quick), lambda done, of: steps.append((done, of)))
    distilled.generate([window()], Sampling(steps=2, **quick))
    hook.remove()
    assert rows == [1, 1, 1, 1, 1]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    off = sound(hits_scale=0.0, **quick)
    assert not np.array_equal(off, draft)


def test_the_plan_knows_the_steps_and_refuses_a_scale(silent_film, tmp_path):
    mini = VARIANTS["vta-mini"]

    def steps(few, **asked):
        return make_job(silent_film, tmp_path / "o.mp4", GenerateOptions(**asked), mini, few).steps

    assert steps(None) == steps(3) == mini.default_steps
    assert steps(3, quality="draft") == 3
    assert steps(None, quality="draft") == mini.draft_steps
    assert steps(3, quality="draft", steps=7) == 7
    assert steps(3, quality="best") == mini.best_steps > mini.default_steps
    assert steps(3, quality="draft", guidance=0.0) == 3
    with pytest.raises(ConfigError, match="built in"):
        steps(3, quality="draft", hits_scale=3.0)
    assert steps(None, quality="draft", hits_scale=3.0) == mini.draft_steps
