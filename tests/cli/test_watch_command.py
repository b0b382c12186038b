"""Films that come into a folder: taken when they are whole, not before, and once."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import FAKE, environment, vta
from many_films import good_films, hashes, leftovers

from vtacli.batch.values import Film
from vtacli.batch.watching import Growing, being_written

MODEL = ["--model", "fake", "--device", "cpu", "--jobs", "2"]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return good_films(tmp_path_factory.mktemp("films"), 3)


def looked(source, films):
    """What is taken at one more look, by name."""
    source._looked_at = -10.0
    return [f.path.name for f in source.take()]


def growing(folder, settle_s=0.0, once=False):
    def find():
        return [Film(p, Path(p.name)) for p in sorted(folder.glob("*.mp4"))]

    return Growing(find, lambda films: list(map(Entryish, films)), settle_s, once)


class Entryish:
    """Stands for an entry where only its film matters."""

    def __init__(self, film):
        self.film = film
        self.path = film.path


def test_a_film_is_taken_when_it_stopped_growing_and_nobody_writes_to_it(tmp_path):
    source = growing(tmp_path)
    assert looked(source, tmp_path) == []
    film = tmp_path / "a.mp4"
    with film.open("wb") as file:
        file.write(b"x" * 10)
        file.flush()
        assert looked(source, tmp_path) == []  # seen for the first time
        assert film.resolve() in being_written()
        assert looked(source, tmp_path) == []  # still, but open
        file.write(b"y")
    assert looked(source, tmp_path) == []  # it grew
    assert looked(source, tmp_path) == ["a.mp4"]
    assert looked(source, tmp_path) == []  # once is enough
    source.ended(Film(film, Path("a.mp4")))
    film.write_bytes(b"another film")
    assert looked(source, tmp_path) == []
    assert looked(source, tmp_path) == ["a.mp4"]


def test_an_empty_file_is_not_a_film_yet(tmp_path):
    source = growing(tmp_path)
    (tmp_path / "a.mp4").touch()
    for _ in range(3):
        assert looked(source, tmp_path) == []
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert looked(source, tmp_path) == []
    assert looked(source, tmp_path) == ["a.mp4"]


def test_it_settles_for_as_long_as_asked(tmp_path):
    source = growing(tmp_path, settle_s=0.4)
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert looked(source, tmp_path) == []
    assert looked(source, tmp_path) == []
    time.sleep(0.45)
    assert looked(source, tmp_path) == ["a.mp4"]


def test_once_is_over_when_all_is_at_its_end(tmp_path):
    source = growing(tmp_path, once=True)
    (tmp_path / "a.mp4").write_bytes(b"x")
    looked(source, tmp_path)
    assert source.open
    looked(source, tmp_path)
    looked(source, tmp_path)
    assert source.open  # taken, but at work
    source.ended(Film(tmp_path / "a.mp4", Path("a.mp4")))
    looked(source, tmp_path)
    assert not source.open


def test_films_are_dubbed_as_they_come_until_ctrl_c(films, tmp_path):
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    shutil.copy(films[0], inbox)
    command = ["watch", str(inbox), "-o", str(out), *MODEL, "--settle", "0.5"]
    child = subprocess.Popen(
        [*FAKE, *command, "--progress", "json"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = ""
    ended = 0
    for line in child.stderr:
        said += line
        if '"ended"' not in line:
            continue
        ended += 1
        if ended == 1:  # a bad one does not end it, and another comes in two pieces
            (inbox / "bad.mp4").write_text("no film")
            data = films[1].read_bytes()
            with (inbox / films[1].name).open("wb") as file:
                file.write(data[:1000])
                file.flush()
                time.sleep(2.0)
                file.write(data[1000:])
        if ended == 3:
            break
    child.send_signal(signal.SIGINT)
    _, rest = child.communicate(timeout=60)
    assert child.returncode == 130, said + rest
    assert list(hashes(out)) == ["film-00.mp4", "film-01.mp4"]
    assert not leftovers(out)
    again = vta("batch", inbox, "-o", out, *MODEL, "--json", program=FAKE)
    assert again.answer["summary"] == "3 films: 2 done before, 1 failed before, 0 to do"


@pytest.mark.slow
def test_once_does_what_is_there_and_ends(films, tmp_path):
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    shutil.copy(films[2], inbox)
    said = vta("watch", inbox, "-o", out, *MODEL, "--once", "--settle", "0", "--json", program=FAKE)
    assert said.code == 0, said.err
    assert said.answer["counts"]["made"] == 1
    assert vta("watch", tmp_path / "none", "-o", out, *MODEL, program=FAKE).code == 3
