"""Estimates grow with the work, and are not made up where nothing was measured."""

from fractions import Fraction as F

import pytest

from vtacli.cost import MEASURED, estimate
from vtacli.model.variants import VARIANTS


def cost(name="vta-mini", windows=10, steps=20, duration=F(100), device="cpu", batch=4):
    return estimate(VARIANTS[name], windows, steps, batch, duration, 10**6, 84 * 10**6, device)


@pytest.mark.parametrize("name", MEASURED)
def test_every_model_with_weights_to_be_had_was_measured(name):
    assert cost(name).seconds > 0


def test_a_variant_that_was_not_measured_is_not_guessed():
    assert cost("vta-ldm-vivit").seconds is None
    assert cost("vta-ldm-vivit").disk_bytes > 2 * cost("vta-ldm-base").disk_bytes


def test_all_that_was_published_or_ships_was_measured():
    assert {"vta-mini", "vta-ldm-base", "vta-ldm-pe", "vta-ldm-text"} <= set(MEASURED)
    assert set(MEASURED) <= set(VARIANTS)


def test_time_follows_windows_and_steps_and_memory_does_not():
    assert cost(windows=1000).seconds > 50 * cost(windows=10).seconds
    assert cost(steps=40).seconds > 1.5 * cost(steps=20).seconds
    assert cost(windows=1000).memory_bytes == cost(windows=10).memory_bytes
    assert cost(duration=F(3600)).disk_bytes > 30 * cost(duration=F(100)).disk_bytes


def test_windows_that_begin_near_a_draft_take_their_share_of_the_steps():
    mini = VARIANTS["vta-mini"]
    whole, near = (
        estimate(mini, 100, 20, 4, F(1000), 10**6, 10**6, "cpu", near_draft=n)
        for n in (False, True)
    )
    assert near.seconds < 0.5 * whole.seconds


def test_a_device_that_was_not_measured_is_not_guessed():
    assert cost(device="cuda").seconds is None
