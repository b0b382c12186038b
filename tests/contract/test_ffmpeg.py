"""The ffmpeg child: its progress, its failures, its end."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from media_factory import film

from vtacli.errors import StorageError, ToolError
from vtacli.media.ffmpeg import ffmpeg_version, find_ffmpeg, run_ffmpeg

ENDLESS = ["-f", "lavfi", "-i", "testsrc2=s=64x64", "-c:v", "libx264", "-f", "matroska", "-y"]


def children() -> set[str]:
    """Processes whose parent is this one."""
    me = str(os.getpid())
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[1] == me:
            found.add(status.parent.name)
    return found


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    source = film(tmp_path / "f.mp4", 2)
    seconds = list(
        run_ffmpeg(["-y", "-i", f"file:{source}", "-c", "copy", str(tmp_path / "o.mkv")])
    )
    assert seconds == sorted(seconds)
    assert float(seconds[-1]) == pytest.approx(2, abs=0.1)
    assert (tmp_path / "o.mkv").stat().st_size > 1000


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at /proc")
@pytest.mark.parametrize("how", ["close", "raise"])
def test_nothing_is_left_running(tmp_path: Path, how: str) -> None:
    before = children()
    running = run_ffmpeg([*ENDLESS, str(tmp_path / "o.mkv")])
    next(running)
    assert len(children() - before) == 1
    if how == "close":
        running.close()  # type: ignore[attr-defined]
    else:
        with pytest.raises(KeyboardInterrupt):
            running.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    assert children() - before == set()
    size = (tmp_path / "o.mkv").stat().st_size
    time.sleep(0.2)
    assert (tmp_path / "o.mkv").stat().st_size == size


def test_a_failure_tells_ffmpegs_last_words(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="No such file") as failed:
        list(run_ffmpeg(["-i", f"file:{tmp_path}/none.mp4", "-f", "null", "-"]))
    assert "0x" not in str(failed.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_storage_error(tmp_path: Path) -> None:
    source = film(tmp_path / "f.mp4", 2)
    with pytest.raises(StorageError, match="disk is full"):
        list(run_ffmpeg(["-y", "-i", f"file:{source}", "-c", "copy", "-f", "mpegts", "/dev/full"]))


def test_the_program_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = find_ffmpeg()
    assert ffmpeg_version(usual)
    monkeypatch.setenv("VTA_FFMPEG", usual)
    assert find_ffmpeg() == usual
    monkeypatch.setenv("VTA_FFMPEG", str(tmp_path / "none"))
    with pytest.raises(ToolError, match="names no program"):
        find_ffmpeg()


def test_an_old_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "ffmpeg"
    old.write_text("#!/bin/sh\necho 'ffmpeg version 4.2.7-0ubuntu0.1 Copyright'\n")
    old.chmod(0o755)
    monkeypatch.setenv("VTA_FFMPEG", str(old))
    with pytest.raises(ToolError, match="too old"):
        list(run_ffmpeg(["-version"]))
