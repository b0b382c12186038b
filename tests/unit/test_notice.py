"""Whoever made a recording is credited for it."""

from __future__ import annotations

import csv
from pathlib import Path

from vtacli.training.library import COLUMNS
from vtacli.training.notice import credits

ROWS = [
    ("a/rain.opus", "9", "rain", "CC-BY-3.0", "Ann", "someone/sounds: rain.ogg"),
    ("a/rain2.opus", "9", "rain 2", "CC-BY-3.0", "Ann", "someone/sounds: rain2.ogg"),
    ("a/dog.opus", "1", "dog", "CC0-1.0", "N/A", "someone/sounds: deep/dog.ogg"),
    ("a/tune.opus", "9", "guitar riff", "CC-BY-3.0", "Musician", "someone/sounds: tune.ogg"),
    ("blanket/city.opus", "9", "city", "CC-BY-3.0", "Walker", "other/noise: city.ogg"),
]
RENDER = ("s/agogo.flac", "1", "agogo bell", "MIT", "Frank Wen", "Debian fluid-soundfont-gm: x")


def folder_of(path: Path, rows: list[tuple[str, ...]]) -> Path:
    path.mkdir()
    with (path / "manifest.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([COLUMNS, *rows])
    return path


def test_authors_by_licence_and_collection(tmp_path: Path) -> None:
    text = credits(folder_of(tmp_path / "a", ROWS))
    assert "## CC-BY-3.0, from github.com/someone/sounds (2 recordings)\n\n- Ann (2)\n" in text
    assert "- not named there: dog.ogg" in text
    assert "Musician" not in text
    assert "MIT" not in text


def test_those_found_unfit_are_credited_all_the_same(tmp_path: Path) -> None:
    assert "- Walker" in credits(folder_of(tmp_path / "a", ROWS))


def test_renders_bring_the_text_of_their_licence(tmp_path: Path) -> None:
    text = credits(folder_of(tmp_path / "a", ROWS), folder_of(tmp_path / "b", [RENDER]))
    assert "## MIT, from Debian fluid-soundfont-gm (1 recordings)\n\n- Frank Wen\n" in text
    assert "Permission is hereby granted, free of charge" in text
    assert "- Ann (2)" in text
