"""Published files in, a model folder out, and back: strictly, and without running anything."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from published_model import REFERENCE, imported

from vtacli.errors import ConfigError, OutputError, WeightsMissing, WeightsRefused
from vtacli.model.checkpoint import export_published, import_published
from vtacli.model.describe import variant_of

MODEL = "pytorch_model_2.bin"
STAGE = "audioldm-s-full.ckpt"
KEY = "vid_fea_extractor.linear_layer.weight"


@pytest.fixture
def reference() -> Path:
    return REFERENCE


@pytest.fixture
def base_folder() -> Path:
    return imported("base")


@pytest.fixture
def copy(reference: Path, tmp_path: Path) -> Path:
    """A folder of links to the published files, so that a test can replace one."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for entry in reference.iterdir():
        (folder / entry.name).symlink_to(entry)
    return folder


def change(folder: Path, file: str, edit) -> None:
    state = torch.load(folder / file, weights_only=True)
    edit(state)
    (folder / file).unlink()
    torch.save(state, folder / file)


@pytest.mark.parametrize(
    ("summary", "variant", "expected"),
    [
        (None, None, "vta-ldm-base"),
        ("summary_pe.jsonl", None, "vta-ldm-pe"),
        ("summary_text.jsonl", None, "vta-ldm-text"),
        (None, "vta-ldm-text", "vta-ldm-text"),
    ],
)
def test_summary_names_the_variant(reference, tmp_path, summary, variant, expected):
    out = tmp_path / "model"
    assert import_published(reference, out, summary=summary, variant=variant).name == expected
    assert variant_of(out).name == expected
    encoder = json.loads((out / "encoder" / "config.json").read_text())
    assert encoder["position"] is (expected == "vta-ldm-pe")
    assert encoder["takes_text"] is (expected == "vta-ldm-text")


def test_a_variant_that_contradicts_the_summary_is_refused(reference, tmp_path):
    with pytest.raises(WeightsRefused, match="vta-ldm-base"):
        import_published(reference, tmp_path / "m", variant="vta-ldm-pe")
    with pytest.raises(ConfigError):
        import_published(reference, tmp_path / "m", variant="vta-ldm-huge")


def test_export_gives_back_every_bit(base_folder, reference, tmp_path):
    out = tmp_path / "published"
    export_published(base_folder, out)
    before, after = (torch.load(f / MODEL, weights_only=True) for f in (reference, out))
    assert_same(before, after)
    before, after = (
        torch.load(f / STAGE, weights_only=True)["state_dict"] for f in (reference, out)
    )
    kept = {k: v for k, v in before.items() if k.startswith(("first_stage_model.", "scale_factor"))}
    assert set(before) - set(kept)  # there was something to leave out
    assert_same(kept, after)
    for name in ("unet_config.json", "scheduler_config.json", "summary_base.jsonl"):
        assert (out / name).read_bytes() == (reference / name).read_bytes()
    for file in (reference / "clip-vit-large-patch14").iterdir():
        assert (out / "clip-vit-large-patch14" / file.name).read_bytes() == file.read_bytes()


def assert_same(before, after):
    assert set(before) == set(after)
    for name, tensor in before.items():
        assert tensor.dtype == after[name].dtype, name
        assert torch.equal(tensor, after[name]), name


def test_exported_files_import_again(base_folder, tmp_path):
    export_published(base_folder, tmp_path / "published")
    import_published(tmp_path / "published", tmp_path / "again", summary="summary_base.jsonl")
    for file in base_folder.rglob("*.safetensors"):
        again = tmp_path / "again" / file.relative_to(base_folder)
        assert again.read_bytes() == file.read_bytes()


def test_a_missing_key_is_named(copy, tmp_path):
    change(copy, MODEL, lambda state: state.pop(KEY))
    with pytest.raises(WeightsRefused, match=f"1 missing.*{KEY}"):
        import_published(copy, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_an_unexpected_key_is_named(copy, tmp_path):
    change(copy, MODEL, lambda state: state.update({"group_in.0.weight": torch.ones(2)}))
    with pytest.raises(WeightsRefused, match=r"1 unexpected.*group_in\.0\.weight"):
        import_published(copy, tmp_path / "m")


def test_only_named_parts_of_the_first_stage_file_are_left_out(copy, tmp_path):
    change(copy, STAGE, lambda whole: whole["state_dict"].update({"surprise": torch.ones(1)}))
    with pytest.raises(WeightsRefused, match=r"unexpected.*surprise"):
        import_published(copy, tmp_path / "m")


def test_a_first_stage_without_its_beginning_is_refused(copy, tmp_path):
    gone = "first_stage_model.encoder.conv_in.weight"
    change(copy, STAGE, lambda whole: whole["state_dict"].pop(gone))
    with pytest.raises(WeightsRefused, match=r"encoder\.conv_in\.weight"):
        import_published(copy, tmp_path / "m")


def test_a_wrong_shape_is_refused(copy, tmp_path):
    change(copy, MODEL, lambda state: state.update({KEY: state[KEY][:, :-1].clone()}))
    with pytest.raises(WeightsRefused, match=r"shape \(64, 767\), not \(64, 768\)"):
        import_published(copy, tmp_path / "m")


class Trap:
    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_not_run(copy, tmp_path, zipped):
    mark = tmp_path / "ran"
    (copy / MODEL).unlink()
    if zipped:
        torch.save({"unet.x": Trap(mark)}, copy / MODEL)
    else:
        (copy / MODEL).write_bytes(pickle.dumps({"unet.x": Trap(mark)}))
    with pytest.raises(WeightsRefused):
        import_published(copy, tmp_path / "m")
    assert not mark.exists()


@pytest.mark.parametrize("file", [MODEL, STAGE])
@pytest.mark.parametrize("keep", [0, 100, 50_000])
def test_a_truncated_file_is_refused(copy, reference, tmp_path, file, keep):
    (copy / file).unlink()
    (copy / file).write_bytes((reference / file).read_bytes()[:keep])
    with pytest.raises(WeightsRefused) as caught:
        import_published(copy, tmp_path / "m")
    assert file in str(caught.value)


@pytest.mark.parametrize("file", [MODEL, STAGE, "summary.jsonl", "clip-vit-large-patch14"])
def test_an_absent_file_is_missing(copy, tmp_path, file):
    (copy / file).unlink()
    with pytest.raises(WeightsMissing) as caught:
        import_published(copy, tmp_path / "m")
    assert file in str(caught.value)


@pytest.mark.parametrize(
    "line", ["", "not json", "[]", "{}", '{"fea_encoder_name": "x", "embedding_dim": "wide"}']
)
def test_a_summary_that_says_nothing_is_refused(copy, tmp_path, line):
    (copy / "summary.jsonl").unlink()
    (copy / "summary.jsonl").write_text(line + "\n")
    with pytest.raises(WeightsRefused):
        import_published(copy, tmp_path / "m")


def test_another_encoders_model_is_refused(copy, reference, tmp_path):
    said = json.loads((reference / "summary.jsonl").read_text().splitlines()[0])
    (copy / "summary.jsonl").unlink()
    (copy / "summary.jsonl").write_text(json.dumps(said | {"jepa": True}))
    with pytest.raises(WeightsRefused, match="jepa"):
        import_published(copy, tmp_path / "m")


def test_what_is_there_is_not_overwritten(reference, tmp_path):
    (tmp_path / "m").mkdir()
    with pytest.raises(OutputError):
        import_published(reference, tmp_path / "m")


def test_constants_that_old_libraries_saved_are_let_pass(copy, base_folder, tmp_path):
    name = "vid_fea_extractor.clip_text.text_model.embeddings.position_ids"
    change(copy, MODEL, lambda state: state.update({name: torch.arange(77)[None]}))
    import_published(copy, tmp_path / "m")
    ours, theirs = (
        f / "encoder" / "diffusion_pytorch_model.safetensors" for f in (tmp_path / "m", base_folder)
    )
    assert ours.read_bytes() == theirs.read_bytes()


def test_export_needs_what_the_import_kept(base_folder, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(base_folder, bare)
    shutil.rmtree(bare / "published")
    with pytest.raises(WeightsRefused, match="import"):
        export_published(bare, tmp_path / "out")
