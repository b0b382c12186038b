"""A set of files appears whole, or as if nothing had been tried."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vtacli.errors import OutputError, StorageError
from vtacli.media.staging import Staging


def contents(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in folder.iterdir()}


def make(folder: Path, names: str, text: str, overwrite: bool = False) -> None:
    with Staging(overwrite) as files:
        for name in names:
            files.part(folder / name).write_text(text)


def test_all_get_their_names_at_the_end(tmp_path: Path) -> None:
    with Staging() as files:
        for name in "abc":
            files.part(tmp_path / name).write_text(name)
        assert all(name.startswith(".vta-") for name in contents(tmp_path))
        assert [t.name for t in files.targets] == ["a", "b", "c"]
    assert contents(tmp_path) == {"a": "a", "b": "b", "c": "c"}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_an_exception_leaves_what_was_there(tmp_path: Path, stop: type[BaseException]) -> None:
    make(tmp_path, "b", "old")

    def stopped() -> None:
        with Staging(overwrite=True) as files:
            files.part(tmp_path / "a").write_text("new")
            files.part(tmp_path / "b").write_text("new")
            raise stop

    with pytest.raises(stop):
        stopped()
    assert contents(tmp_path) == {"b": "old"}


def test_files_are_replaced_together(tmp_path: Path) -> None:
    make(tmp_path, "ab", "old")
    make(tmp_path, "abc", "new", overwrite=True)
    assert contents(tmp_path) == dict.fromkeys("abc", "new")


def test_a_name_that_cannot_be_given_takes_the_others_back(tmp_path: Path) -> None:
    """The third target becomes a folder with something in it while the set is being made."""
    make(tmp_path, "a", "old")

    def spoilt() -> None:
        with Staging(overwrite=True) as files:
            for name in "abc":
                files.part(tmp_path / name).write_text("new")
            (tmp_path / "c").mkdir()
            (tmp_path / "c" / "x").write_text("x")

    with pytest.raises(OutputError):
        spoilt()
    (tmp_path / "c" / "x").unlink()
    (tmp_path / "c").rmdir()
    assert contents(tmp_path) == {"a": "old"}


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_stop_at_any_rename_is_undone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    error: type[BaseException],
    when: str,
) -> None:
    """Six renames replace three files; the stop comes right before or right after one of them,
    as a signal can. After the last one the set is complete, and may stay so."""
    make(tmp_path, "abc", "old")
    really, count = os.rename, 0

    def rename(source: str, target: str, **more: int) -> None:
        nonlocal count
        count += 1
        if count == at and when == "before":
            raise error(5, "stopped")
        really(source, target, **more)
        if count == at:
            raise error(5, "stopped")

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else StorageError):
        make(tmp_path, "abc", "new", overwrite=True)
    assert count >= at
    assert contents(tmp_path) == dict.fromkeys("abc", "old")


def test_a_file_that_came_meanwhile_is_not_replaced_unasked(tmp_path: Path) -> None:
    def late() -> None:
        with Staging() as files:
            files.part(tmp_path / "a").write_text("new")
            (tmp_path / "a").write_text("another's")

    with pytest.raises(OutputError, match="exists"):
        late()
    assert contents(tmp_path) == {"a": "another's"}


def test_refusals_come_before_any_work(tmp_path: Path) -> None:
    make(tmp_path, "a", "old")
    with Staging() as files:
        for path in (tmp_path / "a", tmp_path / "none" / "b"):
            with pytest.raises(OutputError):
                files.part(path)
    assert contents(tmp_path) == {"a": "old"}


def test_a_file_alone_takes_the_old_ones_place_in_one_step(tmp_path, monkeypatch):
    (tmp_path / "film").write_text("old")
    seen = []
    replace = Path.replace

    def watched(self, target):
        seen.append(Path(target).exists())
        replace(self, target)
        raise KeyboardInterrupt  # the worst moment: the name is given, nothing more was done

    monkeypatch.setattr(Path, "replace", watched)
    with pytest.raises(KeyboardInterrupt), Staging(overwrite=True) as files:
        files.part(tmp_path / "film").write_text("new")
    assert seen == [True]  # at no moment was there no film
    assert [p.name for p in tmp_path.iterdir()] == ["film"]
    assert (tmp_path / "film").read_text() == "new"
