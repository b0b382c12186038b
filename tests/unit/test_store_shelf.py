"""The list of what is here, and what is taken away: never more than was asked."""

import shutil
from pathlib import Path

import pytest
from published_model import imported

from vtacli.errors import ConfigError, OutputError, WeightsMissing, WeightsRefused
from vtacli.shelves import find_model
from vtacli.store import default
from vtacli.store.inventory import details, inventory
from vtacli.store.place import locked
from vtacli.store.shelf import describe, leftovers, prune, remove, shelved

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path, monkeypatch) -> Path:
    """A shelf with one model and one that is broken; the person's own settings are elsewhere."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("VTA_WEIGHTS", raising=False)
    shelf = tmp_path / "shelf"
    shutil.copytree(imported("base"), shelf / "tiny")
    (shelf / "broken").mkdir()
    (shelf / "broken" / "model_index.json").write_text("{}")
    return shelf


def test_everything_is_listed_even_what_is_broken(store):
    rows = {row["name"]: row for row in inventory(store, ())}
    assert rows["tiny"]["state"] == "installed"
    assert rows["tiny"]["commercial"] is False
    assert rows["tiny"]["capabilities"] == ["picture"]
    assert rows["broken"]["state"] == "broken"
    assert "model_index.json" in rows["broken"]["fault"]
    assert rows["vta-mini"]["state"] == "shipped"
    assert rows["vta-mini"]["commercial"] is True
    assert rows["vta-mini"]["default"]
    published = rows["vta-ldm-clip4clip-v-large"]
    assert published["state"] == "available"
    assert (published["pinned"], published["commercial"]) == (False, False)


def test_sizes_are_those_of_the_files(store):
    total = sum(f.stat().st_size for f in (store / "tiny").rglob("*") if f.is_file())
    assert describe(store / "tiny").size == total > 10_000_000


def test_details_of_what_is_nowhere_name_the_nearest(store):
    with pytest.raises(WeightsMissing, match="Did you mean vta-mini"):
        details("vta-mimi", store, ())


def test_a_removed_model_is_gone_and_its_neighbours_are_not(store):
    folder, freed = remove("tiny", store)
    assert not folder.exists()
    assert freed > 10_000_000
    assert [p.name for p in store.iterdir() if p.name != ".locks"] == ["broken"]
    remove("broken", store)
    with pytest.raises(WeightsMissing):
        remove("tiny", store)


def test_what_ships_is_not_removed(store):
    with pytest.raises(OutputError, match="comes with vta"):
        remove("vta-mini", store)
    assert find_model("vta-mini").is_dir()


@pytest.mark.parametrize("name", ["..", ".", "../shelf/tiny", "/tmp", "", ".locks"])
def test_only_names_are_removed(store, name):
    with pytest.raises(ConfigError):
        remove(name, store)
    assert (store / "tiny").is_dir()


def test_of_a_link_only_the_link_is_removed(store, tmp_path):
    shutil.copytree(store / "tiny", tmp_path / "elsewhere")
    (store / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WeightsRefused, match="leads out"):
        find_model("linked", store)
    remove("linked", store)
    assert not (store / "linked").is_symlink()
    assert (tmp_path / "elsewhere" / "model_index.json").is_file()


def test_a_link_in_a_model_that_leads_out_is_refused(store, tmp_path):
    config = store / "tiny" / "unet" / "config.json"
    shutil.move(config, tmp_path / "config.json")
    config.symlink_to(tmp_path / "config.json")
    with pytest.raises(WeightsRefused, match="leads out"):
        find_model("tiny", store)


def test_leftovers_of_the_dead_are_pruned_and_work_of_the_living_is_not(store):
    gone = [
        store / ".old.17.part",
        store / ".old.2.17.gone",
        store / ".old.17.files.part",
        store / "..old.17.part.18.part",
        store / ".downloads" / "idle",
    ]
    kept = [store / ".new.2.17.part", store / "..new.2.17.part.18.part", store / ".downloads/new.2"]
    for folder in (*gone, *kept):
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(bytes(1000))
    with locked(store, "new.2"):
        found = leftovers(store)
    assert set(found) == set(gone)
    assert set(found.values()) == {1000}
    assert prune(found) == 5000
    assert all(path.exists() for path in (*kept, store / "tiny"))
    assert not any(path.exists() for path in gone)
    assert set(leftovers(store)) == set(kept)  # nobody is at work at them any more


def test_the_default_is_kept_and_can_be_given_back(store):
    assert default.default_model() == "vta-mini"
    default.set_default("tiny")
    assert default.default_model() == "tiny"
    assert [row["name"] for row in inventory(store, ()) if row["default"]] == ["tiny"]
    default.settings_file().write_text("not json")
    assert default.default_model() == "vta-mini"
    default.set_default(None)
    default.set_default(None)
    assert not default.settings_file().exists()


def test_a_shelf_that_is_not_there_is_empty(store, tmp_path):
    assert leftovers(tmp_path / "absent") == {}
    assert set(shelved(tmp_path / "absent")) == set(shelved())
