"""A catalog is read strictly, and says where it is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vtacli.errors import ConfigError, WeightsMissing
from vtacli.store.catalog import catalog_paths, entry_of, read_catalog, shipped_catalog
from vtacli.store.pins import Pin, read_pins, record_pins, with_pins

GOOD = """\
schema = 1

[models.rain]
title = "Rain"
variant = "vta-mini"
form = "folder"
licence = "CC0-1.0"
commercial = true

[[models.rain.files]]
path = "model_index.json"
url = "https://studio.invalid/rain/model_index.json"
size = 12

[[models.rain.files]]
path = "unet/weights.safetensors"
repository = "studio/rain"
"""


def written(tmp_path: Path, text: str = GOOD, name: str = "c.toml") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def test_a_row(tmp_path):
    rain = read_catalog([written(tmp_path)])["rain"]
    assert [f.path for f in rain.files] == ["model_index.json", "unet/weights.safetensors"]
    assert rain.files[1].source == "studio/rain@main/unet/weights.safetensors"
    assert rain.size is None  # of one file it is not known
    assert not rain.pinned
    assert not rain.needs_acceptance
    assert "text" in rain.capabilities
    assert rain.to_dict()["catalog"] == str(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('title = "Rain"', 'titel = "Rain"', 4, "Did you mean title?"),
        ('title = "Rain"', "title = 3", 4, "title is text, not 3"),
        ('title = "Rain"', 'title = " "', 4, "empty"),
        ('title = "Rain"', "", 3, "title is missing"),
        ('"vta-mini"', '"vta-mimi"', 5, "Did you mean vta-mini?"),
        ('"folder"', '"foldr"', 6, "Did you mean folder?"),
        ('"folder"', '"shipped"', 6, "lists no files"),
        ("commercial = true", 'commercial = "yes"', 8, "true or false"),
        ("size = 12", "size = true", 13, "a whole number"),
        ("size = 12", "size = -1", 13, "number of bytes"),
        ("size = 12", 'sha256 = "abc"', 13, "64 hexadecimal"),
        ("size = 12", 'revision = "main"', 12, "neither revision nor name"),
        ('"https://studio', '"ftp://studio', 12, "none of https"),
        ('path = "model_index.json"', 'path = "../model_index.json"', 11, "no path inside"),
        ('path = "model_index.json"', 'path = "/etc/passwd"', 11, "no path inside"),
        ('path = "model_index.json"', "path = 'a\\b'", 11, "no path inside"),
        ('path = "model_index.json"', 'path = "C:x"', 11, "no path inside"),
        ('path = "model_index.json"', 'path = "a//b"', 11, "no path inside"),
        ('path = "model_index.json"', 'path = "unet/weights.safetensors"', 3, "listed twice"),
        ('repository = "studio/rain"', 'repository = "rain"', 17, "owner/name"),
        ('repository = "studio/rain"', "", 15, "either a repository or a url"),
        ("schema = 1", "schema = 2", None, "schema 1"),
        ("schema = 1", "shema = 1", None, "Did you mean schema?"),
        ("commercial = true", "commercial = treu", None, "line 8"),
        ("[models.rain]", '[models."../rain"]', None, "no name for a model"),
    ],
)
def test_what_is_wrong_and_where(tmp_path, old, new, line, said):
    assert GOOD.count(old) == 1, old
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        read_catalog([path])
    if line is not None:
        assert str(caught.value.path) == f"{path}:{line}"


@pytest.mark.parametrize(
    "text",
    [
        "models = 3",
        "[models]\nrain = 3",
        "[models.rain]\nfiles = 3",
        "[[models]]",
        "\x00",
        GOOD.replace('"https://studio.invalid/rain/model_index.json"', '"https://[x"'),
        GOOD + "\n[models.rain.parts]\nname = 3",
        GOOD + "\n[[models.rain.parts]]\nname = 3",
        GOOD.replace("size = 12", "size = 1e3"),
        GOOD.replace("size = 12", "sha256 = 12"),
        GOOD.replace("model_index.json", "a\\u0000b"),
    ],
)
def test_what_is_no_catalog_is_refused_in_a_sentence(tmp_path, text):
    with pytest.raises(ConfigError):
        read_catalog([written(tmp_path, text)])


def test_a_catalog_in_another_encoding(tmp_path):
    (tmp_path / "c.toml").write_bytes(GOOD.replace("Rain", "Räin").encode("latin-1"))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_catalog([tmp_path / "c.toml"])


def test_later_catalogs_win_and_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert catalog_paths((), {}) == (shipped_catalog(),)
    one = written(tmp_path)
    two = written(tmp_path, GOOD.replace('"Rain"', '"Our rain"'), "two.toml")
    paths = catalog_paths([two], {"VTA_CATALOG": str(one)})
    assert paths == (shipped_catalog(), one, two)
    rows = read_catalog(paths)
    assert rows["rain"].title == "Our rain"
    assert "vta-mini" in rows


def test_a_catalog_that_is_not_there_and_a_name_that_is_not_in_it(tmp_path):
    with pytest.raises(ConfigError, match="no such catalog"):
        read_catalog([tmp_path / "none.toml"])
    with pytest.raises(WeightsMissing, match=r"Did you mean rain\?"):
        entry_of("rian", read_catalog([written(tmp_path)]))


def test_pins_fill_what_the_catalog_leaves_open(tmp_path):
    rain = read_catalog([written(tmp_path)])["rain"]
    index, weights = rain.files
    now = "2026-01-01T00:00:00+00:00"
    record_pins(
        tmp_path,
        "rain",
        {
            index.path: Pin(index.source, None, 99, "a" * 64, now),
            weights.path: Pin("elsewhere", "c0ffee", 7, "b" * 64, now),
        },
    )
    filled = with_pins(rain, read_pins(tmp_path)).files
    assert (filled[0].size, filled[0].sha256) == (12, "a" * 64)  # the catalog's own size is right
    assert filled[1] == weights  # that pin is of another source
    record_pins(tmp_path, "rain", {weights.path: Pin(weights.source, "c0ffee", 7, "b" * 64, now)})
    assert with_pins(rain, read_pins(tmp_path)).pinned
