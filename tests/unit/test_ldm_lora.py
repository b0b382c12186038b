"""Low-rank changes: nothing at first, saved apart, and merged into a plain model."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from tiny_ldm import smoke
from torch import nn

from vtacli.errors import ConfigError
from vtacli.training.ldm.lora import adapters_of, add_lora, merge_lora, save_adapters
from vtacli.training.ldm.module import trainable_names
from vtacli.training.ldm.parts import make_parts


def unet():
    return make_parts(replace(smoke(), seed=7)).unet.eval()


def said(model):
    source = torch.Generator().manual_seed(1)
    x = torch.randn(1, 8, 32, 16, generator=source)
    tokens = torch.randn(1, 3, 32, generator=source)
    with torch.no_grad():
        return model(x, torch.tensor([300]), tokens).sample


def test_a_changed_model_starts_as_it_was_and_only_the_changes_learn():
    model = unet()
    before = said(model)
    names = add_lora(model, 2, 1.0, ("to_q", "to_v", "conv1"))
    assert any(n.endswith("conv1") for n in names)
    assert torch.allclose(said(model), before, atol=1e-6)
    learns = trainable_names(model)
    assert len(learns) == 2 * len(names)
    assert all(n.endswith((".down", ".up")) for n in learns)


def test_the_merged_model_is_plain_and_says_what_the_changed_one_said(tmp_path):
    model, plain = unet(), unet()
    add_lora(model, 2, 0.5, ("to_q", "to_k", "to_v", "to_out.0", "conv2"))
    for name, value in model.named_parameters():
        if name.endswith(".up"):
            nn.init.normal_(value, std=0.2, generator=torch.Generator().manual_seed(len(name)))
    changed = said(model)
    assert not torch.allclose(changed, said(plain), atol=1e-3)
    save_adapters(model, tmp_path / "lora" / "adapters.safetensors", "vta-ldm-base", 0.5)
    factors = adapters_of(model)
    merge_lora(model)
    assert model.state_dict().keys() == plain.state_dict().keys()
    assert torch.allclose(said(model), changed, atol=1e-5)

    with safe_open(tmp_path / "lora" / "adapters.safetensors", "pt") as file:
        assert file.metadata() == {"start": "vta-ldm-base", "scale": "0.5"}
        assert set(file.keys()) == set(factors)
        for name, layer in plain.named_modules():
            if f"{name}.up" in file.keys():  # noqa: SIM118 - it is no dict
                change = file.get_tensor(f"{name}.up") @ file.get_tensor(f"{name}.down")
                layer.weight.data += 0.5 * change.view_as(layer.weight)
    assert torch.allclose(said(plain), changed, atol=1e-5)


def test_layers_that_are_not_there_are_refused():
    with pytest.raises(ConfigError, match="no layer whose name ends in to_nothing"):
        add_lora(unet(), 2, 1.0, ("to_nothing",))
