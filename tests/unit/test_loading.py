"""Opening a model folder: what is refused, and what is promised of the model."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from published_model import imported, window
from safetensors.torch import load_file, save_file

from vtacli.errors import ConfigError, DeviceError, WeightsMissing, WeightsRefused
from vtacli.model.contract import Sampling
from vtacli.model.describe import variant_of
from vtacli.model.devices import choose_device, choose_dtype, out_of_memory_told
from vtacli.model.encoders.clip4clip import Clip4Clip
from vtacli.model.loading import load_model
from vtacli.model.streaming import write_safetensors

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "model"
    shutil.copytree(imported("base"), copy)
    return copy


def test_sound_is_exact_repeatable_and_counted():
    torch.set_num_threads(1)
    model = load_model(imported("base"), device="cpu")
    assert model.variant.name == "vta-ldm-base"
    counted = []
    windows = [window(0, 1), window(1, 2)]
    settings = Sampling(steps=2, guidance=1.0, sampler="euler")
    sounds = model.generate(windows, settings, lambda done, total: counted.append((done, total)))
    assert counted == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [len(s) for s in sounds] == [163_840, 163_840]
    assert sounds[0].rate_hz == 16_000
    again = model.generate(windows[1:], settings)
    assert (again[0].data == sounds[1].data).all()
    assert model.generate([], settings) == []


def test_to_cancel_raise():
    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stop

    torch.set_num_threads(1)
    model = load_model(imported("base"), device="cpu")
    with pytest.raises(Stop):
        model.generate([window(0, 1)], Sampling(steps=2, guidance=1.0), stop)


def test_an_unknown_sampler_is_a_choice_gone_wrong():
    model = load_model(imported("base"), device="cpu")
    with pytest.raises(ConfigError, match="no sampler"):
        model.generate([window(0, 1)], Sampling(sampler="magic"))


def test_an_absent_folder_is_missing(tmp_path):
    with pytest.raises(WeightsMissing):
        load_model(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "index", [None, "not json", "[]", '{"_class_name": "StableDiffusionPipeline"}']
)
def test_a_folder_that_is_no_model_is_refused(tmp_path, index):
    if index is not None:
        (tmp_path / "model_index.json").write_text(index)
    with pytest.raises(WeightsRefused):
        load_model(tmp_path)


def test_a_file_is_no_model(tmp_path):
    (tmp_path / "model").write_text("hello")
    with pytest.raises(WeightsRefused):
        load_model(tmp_path / "model")


def test_an_unknown_variant_is_refused(folder):
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"variant": "vta-ldm-huge"}))
    with pytest.raises(WeightsRefused, match="vta-ldm-huge"):
        variant_of(folder)


@pytest.mark.parametrize("change", ["missing", "unexpected"])
def test_weights_that_do_not_fit_are_refused(folder, change):
    weights = load_file(folder / UNET)
    if change == "missing":
        del weights["conv_in.bias"]
    else:
        weights["surprise"] = torch.zeros(1)
    save_file(weights, folder / UNET)
    with pytest.raises(WeightsRefused, match=change):
        load_model(folder, device="cpu")


def test_a_component_that_is_strict_itself_is_left_to_it(folder, monkeypatch):
    weights = folder / "encoder" / "diffusion_pytorch_model.safetensors"
    changed = load_file(weights) | {"surprise": torch.zeros(1)}
    save_file(changed, weights)
    with pytest.raises(WeightsRefused, match="surprise"):
        load_model(folder, device="cpu")
    monkeypatch.setattr(Clip4Clip, "loads_strictly", True, raising=False)
    assert load_model(folder, device="cpu").variant.name == "vta-ldm-base"


def test_a_wrong_shape_is_refused(folder):
    weights = load_file(folder / UNET)
    weights["conv_in.bias"] = torch.zeros(7)
    save_file(weights, folder / UNET)
    with pytest.raises(WeightsRefused):
        load_model(folder, device="cpu")


@pytest.mark.parametrize("keep", [0, 5, 4000])
def test_a_truncated_file_is_refused(folder, keep):
    (folder / UNET).write_bytes((folder / UNET).read_bytes()[:keep])
    with pytest.raises(WeightsRefused):
        load_model(folder, device="cpu")


def test_a_component_without_weights_is_refused(folder):
    (folder / UNET).unlink()
    with pytest.raises(WeightsRefused):
        load_model(folder, device="cpu")


def test_devices_that_are_not_here():
    with pytest.raises(DeviceError, match="cuda:63"):
        choose_device("cuda:63")
    with pytest.raises(ConfigError):
        choose_device("abacus")
    with pytest.raises(ConfigError):
        choose_device("meta")
    assert choose_device("cpu").type == "cpu"
    assert choose_dtype("auto", torch.device("cpu")) is torch.float32
    with pytest.raises(ConfigError, match="float8"):
        choose_dtype("float8", torch.device("cpu"))


def test_running_out_of_memory_says_what_to_lower():
    with pytest.raises(DeviceError, match="--batch-size"), out_of_memory_told():
        torch.empty(2**50)
    with pytest.raises(RuntimeError, match="shape"), out_of_memory_told():
        torch.zeros(2).reshape(3)


def test_streamed_safetensors_read_back(tmp_path):
    made = {
        "b": torch.arange(6, dtype=torch.float16).reshape(2, 3),
        "a": torch.randn(3, 4).T,
        "c": torch.tensor(2.5, dtype=torch.bfloat16),
        "d": torch.tensor([True, False]),
        "e": torch.zeros(0, 4),
    }
    write_safetensors(tmp_path / "x.safetensors", made)
    back = load_file(tmp_path / "x.safetensors")
    assert set(back) == set(made)
    for name, tensor in made.items():
        assert back[name].dtype == tensor.dtype
        assert torch.equal(back[name], tensor)
    with pytest.raises(FileExistsError):
        write_safetensors(tmp_path / "x.safetensors", made)
