"""Weights in eight bits: what is lost is known, what is wrong is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from vtacli.errors import WeightsRefused
from vtacli.model.mini.codec import MelCodec
from vtacli.model.rounded import ROWS, SCALES, opened, rounded, shapes_of
from vtacli.model.strict import check_components

SMALL = {"width": 64, "deep_width": 64, "shallow_blocks": 1, "deep_blocks": 1}


@given(
    rows=st.integers(1, 5),
    wide=st.integers(32, 70),
    size=st.floats(1e-6, 1e6),
    seed=st.integers(0, 99),
)
def test_each_number_is_off_by_half_a_level_of_its_row_at_most(rows, wide, size, seed):
    value = torch.randn(rows, wide, generator=torch.Generator().manual_seed(seed)) * size
    again = opened(rounded({"a": value}, 0))["a"]
    level = value.abs().amax(dim=1, keepdim=True) / 127
    assert ((again - value).abs() <= level * 0.5001).all()


def test_what_was_rounded_is_rounded_no_further():
    value = torch.randn(8, 2, 40)
    once = opened(rounded({"a": value}, 0))
    twice = opened(rounded(once, 0))
    assert torch.allclose(once["a"], twice["a"], rtol=1e-6, atol=0)


def test_small_tensors_stay_in_half_precision_and_whole_numbers_as_they_are():
    state = {"bias": torch.randn(300), "deep": torch.randn(9, 1, 7), "few": torch.randn(99, 99)}
    state["count"] = torch.tensor(3)
    held = rounded(state)
    assert set(held) == set(state)
    assert held["bias"].dtype == held["deep"].dtype == held["few"].dtype == torch.float16
    assert held["count"].dtype == torch.int64


def test_a_row_of_zeros_stays_zero():
    assert torch.equal(opened(rounded({"a": torch.zeros(2, 40)}, 0))["a"], torch.zeros(2, 40))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    codec = MelCodec(**SMALL)
    codec.save_pretrained(tmp_path / "vae")
    save_file(rounded(codec.state_dict(), 0), tmp_path / "vae" / SAFETENSORS_WEIGHTS_NAME)
    return tmp_path


def test_a_rounded_codec_opens_and_sounds_nearly_the_same(folder: Path):
    torch.manual_seed(0)
    whole, again = MelCodec(**SMALL), MelCodec.from_pretrained(folder / "vae")
    mel = torch.randn(1, 1, 64, 64) - 5
    one, other = (c.reconstruct(c.raw(c.encode(mel).mean)) for c in (whole.eval(), again))
    assert not again.training
    assert 0 < float((one - other).detach().abs().mean()) < 0.02


def test_a_header_tells_the_shapes_as_they_will_be(folder: Path):
    expected = {k: tuple(v.shape) for k, v in MelCodec(**SMALL).state_dict().items()}
    assert shapes_of(folder / "vae" / SAFETENSORS_WEIGHTS_NAME) == expected


class Only:
    def __init__(self, codec: MelCodec):
        self.components = {"vae": codec}


def test_rounded_weights_pass_the_check_of_names(folder: Path):
    check_components(Only(MelCodec.from_pretrained(folder / "vae")), folder)


@pytest.mark.parametrize("fault", ["missing", "scales", "shape", "more"])
def test_rounded_weights_that_do_not_fit_are_refused(folder: Path, fault: str):
    held = rounded(MelCodec(**SMALL).state_dict(), 0)
    if fault == "missing":
        del held["down" + ".weight" + ROWS], held["down" + ".weight" + SCALES]
    elif fault == "scales":
        del held["down" + ".weight" + SCALES]
    elif fault == "shape":
        held["down.weight" + SCALES] = held["down.weight" + SCALES][:-1].clone()
    else:
        held["stranger"] = torch.zeros(3)
    save_file(held, folder / "vae" / SAFETENSORS_WEIGHTS_NAME)
    with pytest.raises(WeightsRefused, match="do not fit"):
        MelCodec.from_pretrained(folder / "vae")
