"""What a model's files are held against, and that nothing gets past it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from header_mutants import packed
from hypothesis import given
from hypothesis import strategies as st
from published_model import imported
from safetensors.numpy import save_file
from safetensors.torch import load_file as load_torch
from safetensors.torch import save_file as save_torch

from vtacli.model.headers import read_header
from vtacli.store.finite import not_finite
from vtacli.store.manifest import Listed, files_of, hash_of, read_manifest, write_manifest
from vtacli.store.record import recorded
from vtacli.store.verify import verify

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def listed(tmp_path_factory) -> Path:
    """A model with its list; only read."""
    folder = tmp_path_factory.mktemp("shelf") / "model"
    shutil.copytree(imported("base"), folder)
    write_manifest(folder, "the tests")
    return folder


@pytest.fixture
def folder(listed, tmp_path) -> Path:
    """A copy that a test may spoil."""
    copy = tmp_path / "model"
    shutil.copytree(listed, copy)
    return copy


def wrong(folder: Path) -> list[tuple[str, str]]:
    return [(f.check, f.found) for f in verify(folder).findings if f.ok is False]


def test_a_whole_model_passes(listed):
    assert wrong(listed) == []


def test_what_ships_passes():
    checked = verify(Path(__file__).parents[2] / "weights" / "vta-mini")
    assert checked.ok, checked.findings
    assert {"index", "headers", "numbers", "shapes"} <= {f.check for f in checked.findings if f.ok}


@given(st.data())
def test_any_flipped_bit_is_found(listed, data):
    """Of any file of a model, at any place: same size, other bytes."""
    file = data.draw(st.sampled_from(files_of(listed)))
    raw = file.read_bytes()
    at = data.draw(st.integers(0, len(raw) - 1))
    bit = data.draw(st.integers(0, 7))
    said = read_manifest(listed).files[file.relative_to(listed).as_posix()]
    changed = raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]
    spoilt = listed.parent / "spoilt"
    spoilt.write_bytes(changed)
    assert said == Listed(len(raw), hash_of(file))
    assert hash_of(spoilt) != said.sha256


def test_a_flipped_bit_is_named(folder):
    raw = bytearray((folder / UNET).read_bytes())
    raw[-7] ^= 1
    (folder / UNET).write_bytes(raw)
    assert [(c, f.split(":")[0]) for c, f in wrong(folder)] == [("hashes", UNET)]


@pytest.mark.parametrize(
    ("spoil", "check", "words"),
    [
        (lambda f: (f / UNET).unlink(), "hashes", "missing"),
        (lambda f: (f / "unet/config.json").unlink(), "hashes", "missing"),
        (lambda f: (f / UNET).write_bytes((f / UNET).read_bytes()[:-4]), "headers", "end at"),
        (lambda f: (f / UNET).write_bytes((f / UNET).read_bytes()[:-4]), "hashes", "bytes, not"),
        (lambda f: (f / "unet/more.safetensors").write_bytes(packed({}, b"")), "hashes", "list"),
        (lambda f: (f / "files.json").write_text("{"), "hashes", "cannot be read"),
        (lambda f: (f / "files.json").write_text('{"files": {"a": {}}}'), "hashes", "cannot"),
        (lambda f: (f / "model_index.json").write_text("{}"), "index", "does not describe"),
        (lambda f: (f / "unet/run.py").write_text(""), "index", "no program"),
        (lambda f: (f / "unet/x.json").symlink_to("/etc/passwd"), "index", "leads out"),
    ],
)
def test_each_fault_is_found(folder, spoil, check, words):
    spoil(folder)
    assert any(c == check and words in text for c, text in wrong(folder)), wrong(folder)


def test_a_list_that_names_other_files_is_not_followed(folder):
    path = folder / "files.json"
    said = json.loads(path.read_text())
    said["files"]["../secret"] = {"size": 2, "sha256": "0" * 64}
    said["files"]["/etc/passwd"] = {"size": 2, "sha256": "0" * 64}
    (folder.parent / "secret").write_text("xx")
    path.write_text(json.dumps(said))
    assert sorted(wrong(folder)) == [
        ("hashes", "../secret: missing"), ("hashes", "/etc/passwd: missing"),
    ]  # fmt: skip


def test_weights_of_another_shape_are_found_without_a_list(folder):
    (folder / "files.json").unlink()
    weights = load_torch(folder / UNET)
    weights["conv_in.bias"] = weights["conv_in.bias"][:-1].clone()
    save_torch(weights, folder / UNET)
    assert [c for c, _ in wrong(folder)] == ["shapes"]
    del weights["conv_in.bias"]
    save_torch(weights, folder / UNET)
    assert "1 missing (conv_in.bias)" in wrong(folder)[0][1]


def test_settings_that_make_no_network_are_found(folder):
    (folder / "files.json").unlink()
    (folder / "unet/config.json").write_text('{"block_out_channels": "wide"}')
    assert [c for c, _ in wrong(folder)] == ["shapes"]


def test_a_number_that_is_none_is_named(folder):
    (folder / "files.json").unlink()
    weights = load_torch(folder / UNET)
    weights["conv_in.bias"][3] = float("nan")
    save_torch(weights, folder / UNET)
    assert wrong(folder) == [("numbers", f"{UNET}: NaN or infinity in conv_in.bias")]


def test_what_a_catalog_gives_counts_beside_the_list(folder):
    right = read_manifest(folder).files[UNET]
    assert verify(folder, expected={UNET: right}).ok
    other = verify(folder, expected={UNET: Listed(right.size, "0" * 64)})
    found = [f.found for f in other.findings if f.ok is False]
    assert any("SHA-256 differs" in text for text in found)
    assert any("the catalog and files.json differ" in text for text in found)


FLOATS = {"F16": np.float16, "F32": np.float32, "F64": np.float64}


@given(
    st.sampled_from(list(FLOATS)),
    st.lists(st.floats(-6e4, 6e4), min_size=1, max_size=50),
    st.sampled_from([None, float("nan"), float("inf"), float("-inf")]),
    st.integers(0, 49),
)
def test_only_what_is_not_finite_is_found(tmp_path_factory, kind, values, bad, at):
    path = tmp_path_factory.getbasetemp() / "numbers.safetensors"
    array = np.array(values, FLOATS[kind])
    if bad is not None:
        array[at % len(array)] = bad
    ones = np.full(7, -1, np.int64)  # all bits set, and yet no fault
    save_file({"a": array, "b": ones}, path)
    assert not_finite(path, read_header(path)) == ([] if np.isfinite(array).all() else ["a"])


def test_brain_floats_are_read_too(tmp_path):
    import torch

    path = tmp_path / "b.safetensors"
    save_torch({"a": torch.tensor([1.0, 3e38], dtype=torch.bfloat16)}, path)
    assert not_finite(path, read_header(path)) == []
    save_torch({"a": torch.tensor([1.0, float("inf")], dtype=torch.bfloat16)}, path)
    assert not_finite(path, read_header(path)) == ["a"]


def test_what_an_installer_copied_is_held_against_its_record(tmp_path):
    """As pip lays it out: a package with weights, and the record of what was written."""
    from base64 import urlsafe_b64encode
    from hashlib import sha256
    from importlib.metadata import PathDistribution

    site = tmp_path / "site"
    model = site / "vtacli" / "weights" / "vta-mini"
    shutil.copytree(imported("base"), model)
    info = site / "vta-0.dist-info"
    info.mkdir()
    lines = []
    for file in files_of(model):
        digest = urlsafe_b64encode(sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
        lines.append(f"{file.relative_to(site)},sha256={digest},{file.stat().st_size}")
    (info / "RECORD").write_text("\n".join([*lines, "vtacli/other.py,,", ""]))
    found = recorded(model, PathDistribution(info))
    assert set(found) == {f.relative_to(model).as_posix() for f in files_of(model)}
    assert verify(model, expected=found).ok
    raw = bytearray((model / UNET).read_bytes())
    raw[-7] ^= 1
    (model / UNET).write_bytes(raw)
    assert not verify(model, expected=found).ok
    assert recorded(Path(__file__).parent) == {}
