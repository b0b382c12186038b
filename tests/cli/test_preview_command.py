"""``vta preview`` and ``vta review`` as commands: what they refuse, and what they leave behind."""

from __future__ import annotations

import json
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

import conftest
import fakes
import no_network
import pytest
from commands import REAL, ROOT, environment, vta

from vtacli.cli.main import main
from vtacli.options import GenerateOptions
from vtacli.session.making import generate
from vtacli.session.session import Session


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("previewed")
    film = conftest.film_of(folder / "street.mp4", seconds=1)
    generate(film, folder / "out.mp4", GenerateOptions(seed=7, steps=1), fakes.handle())
    return folder


@pytest.fixture
def here(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
    """The command in this process: (exit code, stdout, stderr)."""

    def run(cwd: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(cwd)
        code = main(arguments)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "film"
    shutil.copytree(kept, copy)
    return copy


@pytest.mark.skipif(not no_network.available(), reason="seccomp is Linux's")
def test_a_page_is_made_without_a_network_and_nothing_else_is(folder: Path) -> None:
    alone = [sys.executable, str(ROOT / "tests" / "no_network.py")]
    said = vta("preview", "out.vta", cwd=folder, program=alone)
    assert said.code == 0, said.err
    assert said.out.splitlines()[1].endswith("1 scene, 1 take")
    names = sorted(p.name for p in folder.iterdir())
    assert names == ["out.html", "out.mp4", "out.vta", "street.mp4"]
    assert stat.S_IMODE((folder / "out.html").stat().st_mode) & 0o400
    again = vta("preview", "out.vta", cwd=folder, program=REAL)
    assert again.code == 4
    assert "--overwrite" in again.err
    linked = vta("preview", "out.mp4", "--link", "--overwrite", cwd=folder, program=REAL)
    assert linked.code == 0, linked.err
    media = sorted(p.name for p in (folder / "out.media").iterdir())
    assert media == ["film.mp4", "scene-001-take-01.m4a"]


@pytest.mark.skipif(not no_network.available(), reason="seccomp is Linux's")
def test_the_server_listens_and_connects_to_nobody(folder: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "no_network.py")]
    with subprocess.Popen(
        [*command, "review", "out.vta", "--no-browser"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            address = urlsplit(process.stdout.readline().strip())
            assert address.hostname == "127.0.0.1"
            opener = build_opener(ProxyHandler({}), HTTPCookieProcessor())
            opener.open(address.geturl(), timeout=20).read()
            home = f"http://{address.netloc}/"
            assert b"Scene 1" in opener.open(home, timeout=20).read()
            body = json.dumps({"scene": 1}).encode()
            asked = {"Content-Type": "application/json", "Origin": home.rstrip("/")}
            opener.open(Request(f"{home}do/lock", body, asked), timeout=20).read()
            with Session.open(folder / "out.vta") as session:
                assert session.scene(1).scene.lock
        finally:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=20)
    assert process.returncode == 143, err
    assert address.query.removeprefix("token=") not in out + err


def test_what_fails_leaves_nothing_behind(folder: Path, here) -> None:
    with Session.open(folder / "out.vta") as session:
        session.take_path(1, 1).write_bytes(b"no sound any more")
    before = sorted(folder.rglob("*"))
    for arguments in ([], ["--link"]):
        code, _, err = here(folder, "preview", "out.vta", *arguments)
        assert code == 3
        assert "vta redo" in err
        assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["preview", "street.mp4"], 2, "no session"),
        (["review", "street.mp4", "--no-browser"], 2, "no session"),
        (["preview", "out.vta", "-o", "page.pdf"], 2, ".html"),
        (["preview", "out.vta", "-o", "nowhere/page.html"], 4, "folder"),
        (["review", "out.vta", "--port", "99999"], 2, "port"),
    ],
)
def test_refusals_are_one_sentence(
    kept: Path, arguments: list[str], code: int, word: str, here
) -> None:
    found, out, err = here(kept, *arguments)
    assert (found, out) == (code, "")
    assert word in err
    assert len(err.strip().splitlines()) == 1


def test_a_film_that_was_moved_is_found_where_it_is_said_to_be(folder: Path, here) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "street.mp4").rename(folder / "elsewhere" / "street.mp4")
    code, _, err = here(folder, "preview", "out.vta")
    assert code == 3
    assert "--film" in err
    code, _, err = here(folder, "preview", "out.vta", "--film", "elsewhere/street.mp4")
    assert code == 0, err
