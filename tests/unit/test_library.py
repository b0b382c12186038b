"""Folders of recordings: what is kept, what is held out, and that both can be checked."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from toy_sounds import make_toy_sounds
from typer.testing import CliRunner

from vtacli.errors import ConfigError, MediaError
from vtacli.model.mini.series import series_of
from vtacli.signal.rumble import without_rumble
from vtacli.training.cleaning import REASONS, relabelled, unfit
from vtacli.training.labels import clean_label, kept, label_of
from vtacli.training.library import Recording, open_library, read_manifest
from vtacli.training.provenance import check, hash_of, known, main, write_table
from vtacli.training.series import apart, people

RAW_LABELS = (Path(__file__).parents[1] / "golden/sound_labels.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy_sounds(tmp_path_factory.mktemp("sounds") / "toy")


def rename(folder: Path, prefix: str) -> Path:
    """Give every recording of a folder another name."""
    rows = read_manifest(folder)
    for row in rows:
        (folder / row["file"]).rename(folder / f"{prefix}{row['file']}")
        row["file"] = f"{prefix}{row['file']}"
    with (folder / "manifest.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_the_cache_gives_back_what_was_decoded(sounds: Path, tmp_path: Path) -> None:
    first = open_library(sounds, tmp_path)
    second = open_library(sounds, tmp_path, on_file=lambda *_: pytest.fail("decoded again"))
    assert np.array_equal(first.samples, second.samples)
    assert first.recordings == second.recordings
    assert first.fingerprint == second.fingerprint


def test_a_new_cache_leaves_readers_of_the_old_one_alone(sounds: Path, tmp_path: Path) -> None:
    old = open_library(sounds, tmp_path)
    before = old.samples.copy()
    new = open_library(sounds, tmp_path, rate_hz=8_000)
    assert len(new.samples) < len(before)
    assert np.array_equal(old.samples, before)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["library.json", "library.npy"]


def test_several_folders_make_one_library_with_the_same_split(sounds: Path, tmp_path: Path) -> None:
    other = rename(shutil.copytree(sounds, tmp_path / "other"), "other-")
    alone, both = (
        open_library(sounds, tmp_path / "a"),
        open_library([sounds, other], tmp_path / "b"),
    )
    assert len(both.recordings) == 2 * len(alone.recordings)
    side = {r.file: r.held_out for r in both.recordings}
    assert all(side[r.file] == r.held_out for r in alone.recordings)
    assert both.fingerprint != alone.fingerprint
    last = both.recordings[-1]
    assert np.array_equal(both.wave(last), alone.wave(alone.recordings[-1]))


def test_a_name_in_two_folders_is_refused(sounds: Path, tmp_path: Path) -> None:
    twin = shutil.copytree(sounds, tmp_path / "twin")
    with pytest.raises(ConfigError, match="is also in") as caught:
        open_library([sounds, twin], tmp_path / "cache")
    assert "twin" in str(caught.value)


def test_bad_manifests_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no manifest\.csv"):
        open_library(tmp_path, tmp_path / "cache")
    (tmp_path / "manifest.csv").write_text("file,seconds,label\nx.wav,1,rain\n")
    with pytest.raises(ConfigError, match="no column 'licence'"):
        open_library(tmp_path, tmp_path / "cache")
    (tmp_path / "manifest.csv").write_text(
        "file,seconds,label,licence,author,source\nx.wav,1,rain,CC0,me,here: x\n"
    )
    (tmp_path / "x.wav").write_bytes(b"nothing")
    with pytest.raises(MediaError, match="cannot be decoded"):
        open_library(tmp_path, tmp_path / "cache")


def test_rumble_goes_and_sound_stays() -> None:
    rate = 16_000
    time = np.arange(2 * rate) / rate

    def level(hz: float) -> float:
        wave = np.cos(2 * np.pi * hz * time).astype(np.float32)
        return float(np.abs(without_rumble(wave, rate)[rate:]).max())

    assert level(0) < 1e-3
    assert level(15) < 0.02
    assert level(100) > 0.95
    assert level(1000) == pytest.approx(1, abs=0.01)


def test_cleaning_a_clean_label_changes_nothing() -> None:
    for raw in RAW_LABELS:
        if not kept({"label": raw, "seconds": "1"}):
            continue
        once = clean_label(raw)
        assert clean_label(once) == once, raw


def test_unfit_recordings_are_left_out_and_mended_labels_used() -> None:
    file = "berklee/hallwaytalking.opus"
    row = {"file": file, "seconds": "8", "label": "rain"}
    assert unfit()[file] == "speech"
    assert not kept(row)
    assert kept({**row, "file": "mine/rain.wav"})
    assert set(Counter(unfit().values())) <= set(REASONS)
    assert label_of({"file": "berklee/thunder1.opus", "label": "thunder1"}) == "rain thunder"
    assert label_of({"file": "mine/thunder1.opus", "label": "metalhit"}) == "metal hit"
    assert not set(unfit()) & set(relabelled())


def recording(file: str, author: str = "somebody", source: str = "here: x") -> Recording:
    return Recording(file, "x", 0, 1, False, "CC0", author, source)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("berklee/bell-1.opus", "berklee/bell-1a.opus"),
        ("berklee/camera1d.opus", "berklee/camera-2.opus"),
        ("antum/sounds-bat-01.opus", "antum/sounds-bat-12.opus"),
        ("berklee/background-noise-1-2.opus", "berklee/background-noise-2.opus"),
        ("berklee/hit-b.opus", "berklee/hit-c.opus"),
        ("berklee/fan-long-1.opus", "berklee/fan-1.opus"),
    ],
)
def test_takes_of_one_series(one: str, other: str) -> None:
    assert series_of(one) == series_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("berklee/bell-1.opus", "antum/bell-1.opus"),
        ("berklee/can-hit-1.opus", "berklee/can-1.opus"),
        ("a/7778.opus", "a/1234.opus"),
    ],
)
def test_different_series(one: str, other: str) -> None:
    assert series_of(one) != series_of(other)


def test_apart_means_neither_take_nor_author_is_known() -> None:
    whole = [recording(f"b/thing{n}{c}.opus", "a college", "b: x") for n in range(9) for c in "xyz"]
    training = [*whole, recording("c/rain.opus", "Ann (work 1)"), recording("c/sea.opus", "N/A")]
    held_out = [
        recording("b/thing3w.opus", "a college", "b: y"),  # a take of a series
        recording("b/door.opus", "a college", "b: y"),  # an author who is the whole collection
        recording("c/wind.opus", "Ann (work 2)"),  # a person who is on the other side
        recording("c/dog.opus", "Ben"),
        recording("c/cat.opus", "N/A"),  # nobody is named, so nobody is known
    ]
    files = [r.file for r in apart(held_out, training)]
    assert files == ["b/door.opus", "c/dog.opus", "c/cat.opus"]
    assert people([*held_out, *training]) == {"ann", "ben"}


def test_the_strict_split_is_a_part_of_the_plain_one(sounds: Path, tmp_path: Path) -> None:
    library = open_library(sounds, tmp_path, held_out_share=0.3)
    plain, strict = library.held_out(), library.held_out(strict=True)
    assert 0 < len(plain) < len(library.recordings)
    assert strict == []  # the toys are takes of four series
    assert set(strict) <= set(plain)


def test_every_known_recording_is_fit_and_tells_its_source() -> None:
    assert len(known()) > 2000
    assert all(len(digest) == 64 for digest in known().values())
    assert not set(known()) & set(unfit())


def test_hashes_tell_what_differs(sounds: Path, tmp_path: Path) -> None:
    main([str(sounds), "--out", str(tmp_path / "table.csv")])
    with (tmp_path / "table.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert all(row["source"] and row["licence"] and row["author"] for row in rows)
    table = {row["file"]: row["sha256"] for row in rows}
    assert check([sounds], table).exact
    assert check([sounds], table).sentence() == ""
    mine = shutil.copytree(sounds, tmp_path / "mine")
    names = sorted(table)
    shutil.copyfile(mine / names[0], mine / names[1])
    found = check([mine], {**table, "gone.wav": "0" * 64})
    assert found.different == (names[1],)
    assert found.absent == ("gone.wav",)
    assert f"1 have other bytes than the known ones ({names[1]})" in found.sentence()
    assert "1 are missing (gone.wav)" in found.sentence()
    assert hash_of(sounds / names[1]) == table[names[1]] != hash_of(mine / names[1])


def test_own_recordings_are_no_reason_for_a_warning(sounds: Path) -> None:
    found = check([sounds])
    assert len(found.unknown) == 40
    assert not found.exact
    assert found.sentence() == ""


def test_train_refuses_other_recordings_when_told_to_be_exact(sounds: Path, tmp_path: Path) -> None:
    from vtacli.cli.main import main as vta

    out = tmp_path / "out"
    asked = ["train", "smoke", "--sounds", str(sounds), "--out", str(out), "--exact"]
    assert vta(asked) == 2
    assert not out.exists()


def test_the_table_lists_what_is_kept(sounds: Path, tmp_path: Path) -> None:
    assert write_table([sounds], tmp_path / "table.csv") == len(read_manifest(sounds))


def test_help_of_train_says_that_folders_may_be_given_again() -> None:
    from vtacli.cli.app import app

    shown = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "160"})
    assert "may be given again for more" in shown.output
