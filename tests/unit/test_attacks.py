"""Attack gains: where they lie in time, and that they learn to keep still before a blow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vtacli.model.mini.attacks import AttackGains
from vtacli.model.mini.vocos import InverseStftVocoder
from vtacli.signal.mel import log_mel
from vtacli.training.attacks import (
    attacks_loss,
    before_db,
    course,
    freeze_all_but_gains,
    millisecond_levels,
    rise_ms,
    weights,
)

HOP = 160


def test_at_first_nothing_is_gained():
    torch.manual_seed(0)
    mel = torch.randn(1, 50, 64)
    with_gains = InverseStftVocoder(width=16, depth=1, envelope_gains=8).eval()
    without = InverseStftVocoder(width=16, depth=1).eval()
    held = {k: v for k, v in with_gains.state_dict().items() if not k.startswith("gains.")}
    without.load_state_dict(held)
    assert torch.equal(with_gains(mel), without(mel))


@pytest.mark.parametrize(("frame", "gain"), [(1, 4), (10, 0), (10, 3), (10, 4), (10, 7), (29, 0)])
def test_a_gain_lies_where_its_frame_is_heard(frame, gain):
    gains = torch.zeros(1, 8, 30)
    gains[0, gain, frame] = -5
    envelope = AttackGains.between(gains, HOP)[0]
    assert envelope.shape == (30 * HOP,)
    # Frame k is heard around k * hop; of its eight gains the fourth ends there.
    middle = frame * HOP + (gain - 3.5) * HOP / 8
    assert abs(int(envelope.argmin()) - middle) <= 1
    assert (envelope < 0).sum() <= 2 * HOP / 8


def test_a_course_is_the_power_around_each_moment():
    assert torch.allclose(course(torch.full((1, 1600), 0.5))[0, 2:-2], torch.tensor(0.25))
    click = torch.zeros(1, 1600)
    click[0, 815] = 1  # within 20 samples of 810 and of 830, the middles of the 41st and 42nd
    assert course(click)[0].nonzero().flatten().tolist() == [40, 41]


def test_stillness_before_a_blow_weighs_most():
    true = torch.full((1, 200), -8.0)
    true[0, 100:] = 0.0
    weight = weights(true)[0]
    assert weight[80:100].min() > 2.5 * weight[100:].max()
    assert weight[:60].max() < 0.05 * weight[100:].max()


class Blows:
    """Stands for a library's excerpts: silence, then a burst of noise that dies away."""

    def batch(self, rng: np.random.Generator, size: int) -> torch.Tensor:
        waves = np.zeros((size, 9600), np.float32)
        for wave in waves:
            begin = int(rng.integers(3000, 6000))
            time = np.arange(9600 - begin) / 16_000
            wave[begin:] = 0.3 * rng.standard_normal(len(time)) * np.exp(-time / 0.06)
        return torch.from_numpy(waves)


def test_they_learn_to_keep_still_before_a_blow():
    torch.manual_seed(0)
    model = InverseStftVocoder(tones=False, envelope_gains=8)
    freeze_all_but_gains(model)
    held = Blows().batch(np.random.default_rng(99), 4)

    def copies() -> list[tuple[float, float]]:
        figures = []
        with torch.no_grad():
            for true, copy in zip(held, model.eval()(log_mel(held)), strict=True):
                blow = int(true.nonzero()[0]) // 16
                level = millisecond_levels(copy.numpy())
                figures.append((before_db(level, blow), rise_ms(level, blow)))
        return figures

    before = copies()
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 8e-3)
    loss_of = attacks_loss(Blows(), 8, "cpu", None, 0.0)
    for step in range(120):
        loss, logs = loss_of(model, np.random.default_rng(step), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert logs["gains"] < 0.8 * logs["none"]
    after = copies()
    assert np.mean([a[0] - b[0] for a, b in zip(after, before, strict=True)]) < -8
    assert np.mean([a[1] for a in after]) < np.mean([b[1] for b in before])


def test_a_rise_and_what_comes_before_it_are_measured():
    level = np.full(400, 1e-4)
    level[200:] = 1.0
    assert rise_ms(level, 200) == 1
    assert before_db(level, 200) == pytest.approx(-80, abs=0.2)
    slow = np.full(400, 1e-4)
    slow[190:200] = np.linspace(0.1, 1, 10)
    slow[200:] = 1.0
    assert rise_ms(slow, 200) == pytest.approx(7, abs=1)
