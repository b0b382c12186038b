"""What may be opened and what may be written."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from vtacli.errors import MediaError, OutputError, StorageError
from vtacli.media.door import check_input, check_output, check_picture_size, check_room


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "in.mp4"
    path.write_bytes(b"not empty")
    return path


def test_a_regular_file_by_any_name_is_let_in(tmp_path: Path) -> None:
    for name in ("-f.mp4", "http:x.mp4", "a.b.mp4", "new\nline.mp4", "🎬.mp4", " .mp4"):
        path = tmp_path / name
        path.write_bytes(b"x")
        assert check_input(path) == path


def test_what_is_no_regular_file_is_refused_without_opening_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)  # opening it would wait for a writer for ever
    (tmp_path / "dir.mp4").mkdir()
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket.mp4"))
    for name in ("pipe", "dir", "empty", "loop", "socket", "missing", "nul\0"):
        with pytest.raises(MediaError) as refused:
            check_input(tmp_path / f"{name}.mp4")
        assert "\n" not in str(refused.value)
    with pytest.raises(MediaError, match="device"):
        check_input("/dev/zero")
    listening.close()


def test_a_picture_beyond_8k_is_refused_with_the_reason() -> None:
    check_picture_size(8192, 4320)
    with pytest.raises(MediaError, match=r"8192×8192.*memory"):
        check_picture_size(8192, 8192)


def test_an_output_that_is_the_input_is_refused_by_any_name(film: Path, tmp_path: Path) -> None:
    (tmp_path / "soft.mp4").symlink_to(film)
    os.link(film, tmp_path / "hard.mp4")
    for output in (film, tmp_path / "soft.mp4", tmp_path / "hard.mp4", tmp_path / "." / "in.mp4"):
        with pytest.raises(OutputError, match="input itself"):
            check_output(film, output, overwrite=True)


def test_an_output_that_exists_needs_a_word(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    assert check_output(film, output) == output
    output.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        check_output(film, output)
    assert check_output(film, output, overwrite=True) == output
    assert output.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["out.avi", "out", "out.wav", "nowhere/out.mp4", "dir.mp4"])
def test_an_output_that_cannot_be_is_refused(film: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "dir.mp4").mkdir()
    with pytest.raises(OutputError):
        check_output(film, tmp_path / name, overwrite=True)


def test_a_dangling_link_is_no_output(film: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").symlink_to(tmp_path / "gone.mp4")
    with pytest.raises(OutputError, match="nowhere"):
        check_output(film, tmp_path / "out.mp4", overwrite=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="may not be written"):
        check_output(film, folder / "out.mp4")


def test_room_is_counted(tmp_path: Path) -> None:
    check_room(tmp_path, 1)
    with pytest.raises(StorageError, match="MB"):
        check_room(tmp_path, 1 << 60)
