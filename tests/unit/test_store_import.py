"""Foreign files become a model: whole or not at all, and nothing in them is run."""

import gzip
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
import torch
from published_model import REFERENCE, imported
from safetensors.torch import load_file

from vtacli.errors import ConfigError, OutputError, WeightsMissing, WeightsRefused
from vtacli.model.describe import index_of
from vtacli.model.pipeline import VtaPipeline
from vtacli.shelves import find_model
from vtacli.store.exporting import export_model
from vtacli.store.folders import copy_model
from vtacli.store.importing import import_model, name_of
from vtacli.store.shelf import leftovers, prune
from vtacli.store.verify import verify

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A shelf with the reference model on it, imported as a person would; only read."""
    shelf = tmp_path_factory.mktemp("store")
    made = import_model(REFERENCE, shelf, name="tiny")
    assert (made.name, made.variant, made.kind) == ("tiny", "vta-ldm-base", "published")
    return shelf


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of an imported model that a test may spoil."""
    copy = tmp_path / "model"
    shutil.copytree(imported("base"), copy)
    return copy


def nothing_in(shelf: Path) -> bool:
    return not any(p.name != ".locks" for p in shelf.iterdir())


def test_published_files_become_a_verified_model(store):
    model = store / "tiny"
    for file in imported("base").rglob("*.safetensors"):
        assert (model / file.relative_to(imported("base"))).read_bytes() == file.read_bytes()
    checked = verify(model)
    assert checked.ok
    assert {f.check for f in checked.findings if f.ok} == {
        "index", "hashes", "headers", "numbers", "shapes",
    }  # fmt: skip
    assert find_model("tiny", store) == model
    assert leftovers(store) == {}


def test_the_library_finds_it_by_name(store, monkeypatch):
    monkeypatch.setenv("VTA_WEIGHTS", str(store))
    pipeline = VtaPipeline.from_pretrained("tiny")
    assert pipeline.facts.name == "vta-ldm-base"
    with pytest.raises(WeightsMissing, match="Did you mean tiny"):
        VtaPipeline.from_pretrained("tinny")


def test_what_was_exported_comes_back_bit_for_bit(store, tmp_path):
    first = export_model(store / "tiny", tmp_path / "one.tar")
    second = export_model(store / "tiny", tmp_path / "two.tar")
    assert first.read_bytes() == second.read_bytes()
    made = import_model(first, tmp_path / "shelf-a", name="tiny")
    for file in (store / "tiny").rglob("*"):
        if file.is_file() and file.name != "files.json":
            assert (made.folder / file.relative_to(store / "tiny")).read_bytes() == (
                file.read_bytes()
            )
    assert made.left == ()
    (tmp_path / "stick").mkdir()
    assert export_model(made.folder, tmp_path / "stick") == tmp_path / "stick" / "tiny"
    with pytest.raises(OutputError):
        export_model(made.folder, tmp_path / "stick")
    with pytest.raises(ConfigError, match=r"\.tar"):
        export_model(made.folder, tmp_path / "x.zip")


def test_a_bit_that_flipped_on_the_way_is_found(store, tmp_path):
    taken = export_model(store / "tiny", tmp_path / "stick")
    weights = taken / "unet" / "diffusion_pytorch_model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-5] ^= 1
    weights.write_bytes(raw)
    with pytest.raises(WeightsRefused, match="SHA-256 differs"):
        import_model(taken, tmp_path / "shelf")
    assert nothing_in(tmp_path / "shelf")
    with pytest.raises(WeightsRefused, match="SHA-256 differs"):
        export_model(taken, tmp_path / "again.tar")
    assert not (tmp_path / "again.tar").exists()


def test_what_is_there_stays(store):
    before = (store / "tiny" / "files.json").read_bytes()
    with pytest.raises(OutputError, match="already there"):
        import_model(REFERENCE, store, name="tiny")
    assert (store / "tiny" / "files.json").read_bytes() == before


class Trap:
    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def test_a_pickle_is_not_run_in_the_other_process_either(tmp_path):
    source, mark = tmp_path / "source", tmp_path / "ran"
    shutil.copytree(REFERENCE, source)
    torch.save({"unet.x": Trap(mark)}, source / "pytorch_model_2.bin")
    with pytest.raises(WeightsRefused, match="more than tensors"):
        import_model(source, tmp_path / "shelf")
    assert not mark.exists()
    assert nothing_in(tmp_path / "shelf")


def test_memory_is_limited(tmp_path):
    """A checkpoint is a zip file, in which 800 MB of a pickle fit into 1 MB."""
    source = tmp_path / "source"
    shutil.copytree(REFERENCE, source)
    bomb = source / "pytorch_model_2.bin"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("m/version", "3")
        with file.open("m/data.pkl", "w") as data:
            for _ in range(800):
                data.write(bytes(1 << 20))
    assert bomb.stat().st_size < 8 << 20
    with pytest.raises(WeightsRefused, match="memory"):
        import_model(source, tmp_path / "shelf")
    assert nothing_in(tmp_path / "shelf")


def test_a_header_of_an_archive_may_not_fill_the_memory(tmp_path):
    """Its own headers are read whole by whoever opens an archive: here one of 600 MB."""
    header = tarfile.TarInfo("PaxHeaders/x")
    header.type, header.size = tarfile.XHDTYPE, 600 << 20
    with gzip.open(tmp_path / "x.tar.gz", "wb", 1) as packed:
        packed.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(600):
            packed.write(bytes(1 << 20))
    with pytest.raises(WeightsRefused, match="memory"):
        import_model(tmp_path / "x.tar.gz", tmp_path / "shelf")
    assert nothing_in(tmp_path / "shelf")


def test_time_is_limited(tmp_path):
    began = time.monotonic()
    with pytest.raises(WeightsRefused, match="longer than"):
        import_model(REFERENCE, tmp_path / "shelf", limit_s=0.3)
    assert time.monotonic() - began < 10
    assert nothing_in(tmp_path / "shelf")


def test_a_killed_import_leaves_no_model_and_prune_finds_the_rest(tmp_path):
    shelf = tmp_path / "shelf"
    command = [
        sys.executable, "-c",
        "import sys; from pathlib import Path; from vtacli.store.importing import import_model; "
        "import_model(Path(sys.argv[1]), Path(sys.argv[2]), name='tiny')",
        str(REFERENCE), str(shelf),
    ]  # fmt: skip
    shelf.mkdir()
    child = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    while not list(shelf.glob(".*.part")):
        assert child.poll() is None
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert not (shelf / "tiny").exists()
    left = leftovers(shelf)
    assert set(left) == set(shelf.glob(".*.part")) != set()
    prune(left)
    assert nothing_in(shelf)


def test_a_diffusers_folder_with_pickles_becomes_safetensors(folder, tmp_path):
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    state = load_file(weights)
    torch.save(state, weights.with_suffix(".bin"))
    weights.unlink()
    left = copy_model(folder, tmp_path / "out")
    assert left == []
    again = load_file(tmp_path / "out" / "unet" / weights.name)
    assert set(again) == set(state)
    assert all(torch.equal(again[name], state[name]) for name in state)


def test_programs_pickles_and_hidden_files_stay_behind(folder, tmp_path):
    for name in ("unet/evil.py", "notes.exe", "optimizer.pt", ".git/config"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    shutil.copyfile(
        folder / "unet/diffusion_pytorch_model.safetensors",
        folder / "unet/diffusion_pytorch_model.fp16.safetensors",
    )
    left = copy_model(folder, tmp_path / "out")
    assert left == [
        "notes.exe", "optimizer.pt", "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/evil.py",
    ]  # fmt: skip
    assert not any((tmp_path / "out" / name).exists() for name in [*left, ".git"])


def test_a_program_in_a_folder_is_not_run(folder, tmp_path):
    """diffusers would import unet/evil.py for an index that names it."""
    mark = tmp_path / "ran"
    (folder / "unet" / "evil.py").write_text(f"open({str(mark)!r}, 'w')\nclass Evil: pass\n")
    with pytest.raises(WeightsRefused, match="no program"):
        VtaPipeline.from_pretrained(folder)
    index = json.loads((folder / "model_index.json").read_text())
    index["unet"] = ["evil", "Evil"]
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsRefused, match="'evil', which is none of ours"):
        VtaPipeline.from_pretrained(folder)
    (folder / "unet" / "evil.py").unlink()
    index["unet"] = ["os", "system"]
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsRefused, match="none of ours"):
        index_of(folder)
    assert not mark.exists()


def test_a_link_out_of_the_folder_is_refused(folder, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (folder / "unet" / "notes.json").symlink_to(secret)
    with pytest.raises(WeightsRefused, match="leads out"):
        copy_model(folder, tmp_path / "out")


def test_a_snapshot_of_the_hubs_cache_is_links_and_can_be_taken(folder, tmp_path):
    repository = tmp_path / "models--studio--rain"
    blobs, snapshot = repository / "blobs", repository / "snapshots" / "0a1b2c"
    for number, file in enumerate(sorted(p for p in folder.rglob("*") if p.is_file())):
        blobs.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, blobs / str(number))
        link = snapshot / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blobs / str(number))
    assert name_of(snapshot) == "rain"
    assert copy_model(snapshot, tmp_path / "out") == []
    assert not any(p.is_symlink() for p in (tmp_path / "out").rglob("*"))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("vta ldm (copy).tar.gz", "vta-ldm-copy"),
        ("..rain..", "rain"),
        ("Rain_2.1", "Rain_2.1"),
        ("MODEL.TAR", "MODEL"),
    ],
)
def test_a_name_is_made_of_the_sources(tmp_path, file, expected):
    (tmp_path / file).touch()
    assert name_of(tmp_path / file) == expected


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b", "x" * 101, "con\n"])
def test_a_name_that_could_leave_the_shelf_is_refused(tmp_path, name):
    with pytest.raises(ConfigError):
        import_model(REFERENCE, tmp_path / "shelf", name=name)
    assert not (tmp_path / "shelf").exists() or nothing_in(tmp_path / "shelf")


def test_what_holds_no_model_says_so(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "weights.safetensors").write_bytes(b"x" * 100)
    with tarfile.open(tmp_path / "evil.tar", "w") as packed:
        info = tarfile.TarInfo("../evil")
        packed.addfile(info)
    for source, reason in (
        ("empty", "holds no model"),
        ("weights.safetensors", "neither a folder nor an archive"),
        ("evil.tar", "leave its folder"),
    ):
        with pytest.raises(WeightsRefused, match=reason):
            import_model(tmp_path / source, tmp_path / "shelf")
    with pytest.raises(WeightsMissing):
        import_model(tmp_path / "absent", tmp_path / "shelf")
    assert nothing_in(tmp_path / "shelf")


@pytest.mark.slow
def test_an_encoder_of_published_files_needs_no_settings_where_they_are_known(tmp_path):
    """Of a model without words the tokenizer is not needed; its settings alone are enough."""
    source = tmp_path / "source"
    shutil.copytree(REFERENCE, source)
    for path in (source / "clip-vit-large-patch14").iterdir():
        if path.name != "config.json":
            path.unlink()
    made = import_model(source, tmp_path / "shelf")
    assert not (made.folder / "encoder" / "tokenizer").exists()
    assert verify(made.folder).ok


def test_a_legacy_pickle_is_data_too(tmp_path):
    (tmp_path / "w.bin").write_bytes(pickle.dumps({"a": Trap(tmp_path / "ran")}))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(WeightsRefused):
        copy_model(tmp_path, tmp_path.with_name("out"))
    assert not (tmp_path / "ran").exists()
