"""The command with a real, narrow model of the published architecture, in real processes."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import av
import pytest
from commands import ROOT, vta

from vtacli.media.fingerprint import packet_hashes

STEPS = ["--steps", 2]


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    from vtacli.model.checkpoint import import_published

    shelf = tmp_path_factory.mktemp("models")
    import_published(ROOT / "tests/reference", shelf / "tiny", summary="summary_base.jsonl")
    return shelf


def samples(path: Path) -> str:
    digest, count = sha256(), 0
    with av.open(str(path)) as film:
        for frame in film.decode(audio=0):
            digest.update(frame.to_ndarray().tobytes())
            count += frame.samples
    return f"{count} {digest.hexdigest()}"


def test_a_film_is_dubbed_and_can_be_dubbed_again(models, long_film, tmp_path):
    sounds = []
    for size in (1, 3):
        output = tmp_path / f"{size}.mkv"
        said = vta(
            "generate", long_film, "-o", output, "--json", "--model", "tiny", "--batch-size", size,
            "--weights-dir", models, "--seed", 9, "--device", "cpu", *STEPS,
        )  # fmt: skip
        assert said.code == 0, said.err
        assert packet_hashes(output)[0] == packet_hashes(long_film)[0]
        sounds.append(samples(output))
        assert sounds[-1].startswith(f"{said.answer['samples']} ")
    assert sounds[0] == sounds[1]


def test_refusals_of_a_real_model(models, silent_film, tmp_path):
    common = [silent_film, "-o", tmp_path / "o.mp4", "--weights-dir", models]
    assert vta("generate", *common, "--model", "tiny", "--prompt", "rain").code == 2
    missing = vta("generate", *common, "--model", "tinny")
    assert missing.code == 5
    assert "Did you mean tiny?" in missing.err
    assert vta("generate", *common, "--model", "tiny", "--device", "cuda:9").code == 7


def test_damaged_weights_are_refused(models, silent_film, tmp_path):
    broken = tmp_path / "weights" / "broken"
    shutil.copytree(models / "tiny", broken)
    file = next((broken / "unet").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:1000])
    said = vta(
        "generate", silent_film, "-o", tmp_path / "o.mp4", "--model", broken, "--device", "cpu"
    )
    assert said.code == 6, said.err
    assert "Traceback" not in said.err
    assert len([line for line in said.err.splitlines() if line.startswith("vta: ")]) == 1
    (broken / "model_index.json").write_text("{}")
    assert vta("plan", silent_film, "--model", broken).code == 6
    assert [p.name for p in tmp_path.iterdir()] == ["weights"]
