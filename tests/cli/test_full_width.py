"""The published model at its own size, with random weights: imported, verified, and run."""

from __future__ import annotations

import shutil

import pytest
from commands import vta
from full_width import write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_a_model_of_full_width_is_imported_in_little_more_than_its_size(tmp_path, silent_film):
    weights = write(tmp_path / "published")
    assert weights > 2_000_000_000
    shelf = tmp_path / "shelf"
    said = vta(
        "models", "import", tmp_path / "published", "--name", "wide", "--weights-dir", shelf,
        "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert said.answer["variant"] == "vta-ldm-base"
    assert said.answer["peak_bytes"] <= 1.3 * weights
    shutil.rmtree(tmp_path / "published")
    checked = vta("models", "verify", "wide", "--weights-dir", shelf, "--json")
    assert checked.code == 0, checked.out
    dubbed = vta(
        "generate", silent_film, "-o", tmp_path / "o.mkv", "--model", "wide", "--steps", 1,
        "--guidance", 1, "--weights-dir", shelf, "--device", "cpu", "--json",
    )  # fmt: skip
    assert dubbed.code == 0, dubbed.err
    assert dubbed.answer["samples"] == 96_000
    shutil.rmtree(shelf)
