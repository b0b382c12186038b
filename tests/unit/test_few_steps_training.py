"""Low-rank students: what they start as, what they are saved as, and that they learn a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from vtacli.model.mini.denoiser import MiniDenoiser
from vtacli.model.mini.few_steps import FewSteps
from vtacli.training.few_steps import LowRank, Ways, few_steps_loss, load_ways, save_ways
from vtacli.training.loop import Schedule, fit


def denoiser() -> MiniDenoiser:
    torch.manual_seed(0)
    model = MiniDenoiser(width=32, depth=1, heads=2)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return model.eval()


def inputs(rows: int = 2) -> tuple[torch.Tensor, ...]:
    source = torch.Generator().manual_seed(1)
    return (
        torch.randn(rows, 128, 16, 1, generator=source),
        torch.full((rows,), 500.0),
        torch.randn(rows, 1, 256, generator=source),
        torch.ones(rows, 1, dtype=torch.bool),
        torch.randn(rows, 155, 16, generator=source),
    )


def ways(count: int = 6) -> Ways:
    rng = np.random.default_rng(0)
    return Ways(
        rng.standard_normal((count, 3, 128, 16)).astype(np.float16),
        rng.standard_normal((count, 256)).astype(np.float16),
        np.ones(count, bool),
        rng.standard_normal((count, 155, 16)).astype(np.float16),
    )


def test_a_student_starts_as_its_teacher():
    teacher = denoiser()
    with torch.no_grad():
        assert torch.allclose(LowRank(teacher, 4)(*inputs()), teacher(*inputs()).sample, atol=1e-6)


def test_what_is_saved_merges_into_what_was_trained(tmp_path: Path):
    student = LowRank(denoiser(), 4)
    for up in student.up:
        torch.nn.init.normal_(up, std=0.1)
    student.save(tmp_path / "few_steps.safetensors", steps=2)
    few = FewSteps.of(tmp_path)
    merged = few.merged(denoiser())
    with torch.no_grad():
        expected = student(*inputs())
        assert torch.allclose(merged(*inputs()).sample, expected, atol=2e-3)
        assert not torch.allclose(denoiser()(*inputs()).sample, expected, atol=2e-2)


def test_a_student_learns_and_leaves_the_teacher_alone(tmp_path: Path):
    teacher = denoiser()
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    student = LowRank(teacher, 8)
    loss_of = few_steps_loss(ways(), 6, "cpu")
    rng = np.random.default_rng(5)
    first = float(loss_of(student, np.random.default_rng(5), 0)[0].detach())
    schedule = Schedule(steps=150, learning_rate=1e-2, warmup=5, ema=0.5)
    fit(
        "few_steps",
        student,
        loss_of,
        schedule,
        seed=1,
        state_file=tmp_path / "s.pt",
        report=lambda event: None,
    )
    assert float(loss_of(student, rng, 0)[0].detach()) < 0.8 * first
    assert all(torch.equal(v, before[k]) for k, v in teacher.state_dict().items())


def test_ways_are_saved_as_they_are(tmp_path: Path):
    save_ways(ways(), tmp_path / "ways.npz")
    again = load_ways(tmp_path / "ways.npz")
    assert np.array_equal(again.levels, ways().levels)
    assert np.array_equal(again.said, ways().said)
