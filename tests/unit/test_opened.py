"""The program's own way to open a model: the same sound as diffusers' pipeline, sooner."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from sound_edition import MODEL, windows

from vtacli.errors import WeightsRefused
from vtacli.model.opened import OpenedPipeline
from vtacli.model.pipeline import VtaPipeline

START = """
import sys
from pathlib import Path
from vtacli.model.lean import import_diffusers
import_diffusers()
from vtacli.model.loading import load_model
import sound_edition
from vtacli.model.contract import Sampling
model = load_model(sound_edition.MODEL, device="cpu")
model.generate(sound_edition.windows()[:1], Sampling(steps=1))
print(sorted({"torch._dynamo", "diffusers.hooks", "diffusers.pipelines"} & set(sys.modules)))
import torch._dynamo
print(torch._dynamo.is_compiling())
"""


def test_it_makes_what_diffusers_pipeline_makes():
    torch.set_num_threads(1)
    asked = {"num_inference_steps": 2, "guidance_scale": 2.0}
    ours = OpenedPipeline.from_folder(MODEL)(windows()[:2], **asked)
    theirs = VtaPipeline.from_pretrained(MODEL)(windows()[:2], **asked)
    assert torch.equal(ours.audios, theirs.audios)
    assert ours.audios.abs().max() > 0.01


def test_neither_a_compiler_nor_a_pipeline_is_imported_to_make_sound():
    done = subprocess.run(
        [sys.executable, "-c", START],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["[]", "False"], done.stderr


@pytest.mark.parametrize("said", [None, ["diffusers"]])
def test_a_folder_that_lacks_a_part_is_refused(tmp_path, said):
    folder = shutil.copytree(MODEL, tmp_path / "model")
    index = json.loads((folder / "model_index.json").read_text())
    index["vocoder"] = said
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsRefused, match="vocoder"):
        OpenedPipeline.from_folder(folder)
