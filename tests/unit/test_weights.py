"""A model is found by its name or its path, in a known order."""

from pathlib import Path

import pytest

from vtacli.errors import ConfigError, WeightsMissing
from vtacli.media.weights import find_model, installed, shelves


def shelf(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "model_index.json").write_text("{}")
    return root


def test_the_flag_wins_over_the_environment(tmp_path):
    flag, env = shelf(tmp_path / "flag", "a"), shelf(tmp_path / "env", "a", "b")
    environ = {"VTA_WEIGHTS": str(env)}
    assert find_model("a", flag, environ) == flag / "a"
    assert find_model("b", flag, environ) == env / "b"
    assert find_model("a", None, environ) == env / "a"


def test_a_path_is_a_path(tmp_path, monkeypatch):
    shelf(tmp_path, "mine")
    assert find_model(f"{tmp_path}/mine", None, {}) == tmp_path / "mine"
    monkeypatch.chdir(tmp_path)
    assert find_model("mine", None, {}) == tmp_path / "mine"
    with pytest.raises(WeightsMissing, match=r"model_index\.json"):
        find_model(f"{tmp_path}/other", None, {})


def test_what_is_missing_is_said_with_what_is_there(tmp_path):
    shelf(tmp_path, "studio-rain", "other")
    with pytest.raises(WeightsMissing, match=r"Did you mean studio-rain\? Installed: .*other"):
        find_model("studio-rian", tmp_path, {})


def test_a_folder_without_an_index_is_no_model(tmp_path):
    (tmp_path / "half").mkdir()
    assert installed([tmp_path, tmp_path / "absent"]) == {}


def test_a_shelf_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError):
        find_model("a", tmp_path / "absent", {})


def test_the_order_of_shelves(tmp_path):
    on = shelves(tmp_path / "flag", {"VTA_WEIGHTS": "/somewhere"})
    assert on[:2] == [tmp_path / "flag", Path("/somewhere")]
    assert all(s.name == "weights" for s in on[2:])
