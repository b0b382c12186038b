"""The review server, asked over real connections: what it gives, what it refuses, what it does."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import conftest
import fakes
import pytest

from vtacli.errors import ConfigError
from vtacli.options import GenerateOptions
from vtacli.progress import Note, ignore
from vtacli.review.page import policy
from vtacli.review.serving import Review, reviewing
from vtacli.session.making import generate
from vtacli.session.session import Session


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of one scene with two takes."""
    folder = tmp_path_factory.mktemp("served")
    film = conftest.film_of(folder / "street.mp4", seconds=2)
    options = GenerateOptions(prompt="rain", seed=7, takes=2, steps=20)
    generate(film, folder / "out.mp4", options, fakes.handle())
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "film"
    shutil.copytree(kept, copy)
    return copy


class Asker:
    """A browser that is told what to send."""

    def __init__(self, review: Review) -> None:
        gate = review.server.gate
        self.port, self.token = gate.port, gate.token
        self.own = {
            "Host": f"127.0.0.1:{gate.port}",
            "Cookie": f"{gate.cookie}={gate.token}",
            "Origin": f"http://127.0.0.1:{gate.port}",
        }

    def ask(self, path: str, method: str = "GET", body: object = None, **changed: str | None):
        """(status, headers, bytes); headers that are changed to None are left out."""
        headers = {**self.own, **{k.replace("_", "-"): v for k, v in changed.items()}}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if method == "POST":
            headers = {"Content-Type": "application/json", **headers}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if value is not None:
                    connection.putheader(name, value)
            if data is not None and "Content-Length" not in headers:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def state(self) -> dict[str, object]:
        return json.loads(self.ask("/state")[2])

    def do(self, what: str, **body: object) -> int:
        return self.ask(f"/do/{what}", "POST", body)[0]

    def when(self, fits) -> dict[str, object]:
        """The first state that fits."""
        until = time.monotonic() + 30
        while not fits(state := self.state()):
            assert time.monotonic() < until, state
            time.sleep(0.03)
        return state


@contextmanager
def serving(folder: Path, handle=None, told: list[str] | None = None) -> Iterator[Asker]:
    def tell(event) -> None:
        if told is not None and isinstance(event, Note):
            told.append(event.text)

    model = handle or fakes.handle()
    with reviewing(folder / "out.vta", 0, lambda state: model, ignore, tell) as review:
        thread = threading.Thread(target=review.serve, daemon=True)
        thread.start()
        try:
            yield Asker(review)
        finally:
            review.server.shutdown()
            thread.join(10)


@pytest.fixture(scope="module")
def still(kept: Path) -> Iterator[Asker]:
    """Of a session that nothing changes."""
    with serving(kept) as asker:
        asker.when(lambda s: s["film"])
        yield asker


def test_the_token_becomes_a_cookie_and_nothing_else_is_said_before(still: Asker) -> None:
    status, headers, body = still.ask(f"/?token={still.token}", Cookie=None, Origin=None)
    assert status == 200
    assert headers["Set-Cookie"].startswith(still.own["Cookie"])
    assert b"url=/" in body
    assert still.token.encode() not in body
    for wrong in ("", "x", still.token[:-1], still.token + "x"):
        status, headers, _ = still.ask(f"/?token={wrong}", Cookie=None)
        assert status == 403
        assert "Set-Cookie" not in headers


PATHS = ["/", "/state", "/lanes", "/page.json", "/media/film/1", "/media/take/1/1/0123456789abcdef"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "changed",
    [
        {"Cookie": None},
        {"Cookie": "vta-review=wrong"},
        {"Host": "evil.example"},
        {"Host": None},
        {"Origin": "http://evil.example"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=lambda c: f"{next(iter(c))} {next(iter(c.values()))}",
)
def test_strangers_read_nothing(still: Asker, path: str, changed: dict[str, str | None]) -> None:
    status, headers, body = still.ask(path, **changed)
    assert status == 403
    assert len(body) < 100
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "changed",
    [
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Cookie": None},
        {"Host": "rebound.example"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
    ids=lambda c: f"{next(iter(c))} {next(iter(c.values()))}",
)
def test_strangers_change_nothing(still: Asker, changed: dict[str, str | None]) -> None:
    before = still.state()["page"]
    status, _, body = still.ask("/do/pick", "POST", {"scene": 1, "take": 2}, **changed)
    assert status == 403
    assert "error" in json.loads(body)
    assert still.state()["page"] == before


@pytest.mark.parametrize(
    "path",
    [
        "/media/take/1/1/../../../../../etc/passwd",
        "/media/take/1/1/%2e%2e/%2e%2e/session.json",
        "/media/../session.json",
        "//etc/passwd",
        "/media/take/0/1/0123456789abcdef",
        "/media/take/1/9/0123456789abcdef",
        "/media/take/1/1/",
        "/media/film/99",
        "/open.html",
        "/picture.mp4",
        "/do/pick",
    ],
)
def test_no_path_leads_to_another_file(still: Asker, path: str) -> None:
    assert still.ask(path)[0] == 404


def test_media_come_whole_or_in_parts(still: Asker, kept: Path) -> None:
    with Session.open(kept / "out.vta") as session:
        take = session.scene(1).takes[1]
        data = session.take_path(1, 2).read_bytes()
    path = f"/media/take/1/2/{take.sha256[:16]}"
    status, headers, body = still.ask(path)
    assert (status, headers["Content-Type"], body) == (200, "audio/flac", data)
    assert headers["Accept-Ranges"] == "bytes"
    status, headers, body = still.ask(path, Range="bytes=100-299")
    assert (status, body) == (206, data[100:300])
    assert headers["Content-Range"] == f"bytes 100-299/{len(data)}"
    assert still.ask(path, Range="bytes=-50")[2] == data[-50:]
    assert still.ask(path, Range=f"bytes={len(data)}-")[0] == 416
    status, headers, body = still.ask(path, "HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(data)), b"")
    film = still.ask(f"/{still.state()['film']}", Range="bytes=4-7")
    assert film[2] == b"ftyp"


def test_the_page_is_strict_with_itself(still: Asker) -> None:
    status, headers, body = still.ask("/")
    assert status == 200
    assert headers["Content-Security-Policy"].startswith(policy(live=True))
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert still.token.encode() not in body


@pytest.mark.parametrize(
    ("what", "body", "word"),
    [
        ("pick", {"scene": 1, "take": 9}, "no take 9"),
        ("pick", {"scene": 2, "take": 1}, "from 1 to 1"),
        ("pick", {"scene": "1", "take": 1}, "number"),
        ("pick", {"scene": True, "take": 1}, "number"),
        ("pick", {}, "number"),
        ("redo", {"scene": 1, "takes": 99}, "from 1 to 9"),
        ("redo", {"scene": 1, "prompt": 5}, "line"),
        ("redo", {"scene": 1, "prompt": "a\nb"}, "line"),
        ("redo", {"scene": 1, "prompt": ""}, "empty prompt"),
        ("redo", {"scene": 1, "seed": -1}, "number"),
        ("cancel", {"job": 1}, "ended"),
        ("rm", {}, "no such thing"),
        ("", {}, "no such thing"),
    ],
)
def test_what_cannot_be_done_is_said(still: Asker, what: str, body: object, word: str) -> None:
    status, _, said = still.ask(f"/do/{what}", "POST", body)
    assert status == 400
    assert word in json.loads(said)["error"]


def test_a_body_is_a_json_object_of_reasonable_size(still: Asker) -> None:
    for body in (b"", b"[]", b"{", b"\xff", b"1"):
        assert still.ask("/do/undo", "POST", body)[0] == 400
    for changed in (
        {"Content_Type": "text/plain"},
        {"Content_Length": "9999999"},
        {"Content_Length": "-1"},
        {"Content_Length": None},
    ):
        status = still.ask(
            "/do/undo", "POST", b"" if "Content_Length" in changed else b"{}", **changed
        )
        assert status[0] == 400
    assert still.ask("/do/undo", "OPTIONS")[0] == 501
    assert still.ask("/", "PUT")[0] == 501


def test_only_this_machine_is_listened_to(still: Asker) -> None:
    for other in ("127.0.0.2", "::1"):
        family = socket.AF_INET6 if ":" in other else socket.AF_INET
        with socket.socket(family) as tried:
            tried.settimeout(2)
            assert tried.connect_ex((other, still.port)) != 0


def test_a_port_that_is_taken_is_named(still: Asker, kept: Path) -> None:
    with (
        pytest.raises(ConfigError, match=str(still.port)),
        reviewing(kept / "out.vta", still.port, lambda s: fakes.handle(), ignore, ignore),
    ):
        pass


def test_nothing_is_written_about_who_asked(still: Asker, capfd: pytest.CaptureFixture) -> None:
    still.ask(f"/?token={still.token}")
    still.ask(f"/?token={still.token}", Host="evil.example")
    with socket.create_connection(("127.0.0.1", still.port)) as rude:
        rude.send(b"\x16\x03\x01 no request at all\r\n\r\n")
        rude.recv(4096)
    assert "".join(capfd.readouterr()) == ""


def test_the_model_is_read_once_when_it_is_needed_and_kept(folder: Path) -> None:
    loads: list[int] = []
    model = fakes.FakeModel()

    def load() -> fakes.FakeModel:
        loads.append(1)
        return model

    told: list[str] = []
    with serving(folder, replace(fakes.handle(model), load=load), told) as asker:
        asker.when(lambda s: s["film"])
        assert asker.do("pick", scene=1, take=2) == 202
        assert loads == []
        for count in (1, 2):
            assert asker.do("redo", scene=1, prompt=f"rain {count}", takes=2) == 202
            asker.when(lambda s, n=count: len(told) == n + 1 and not s["jobs"])
        assert asker.do("undo") == 202
        page = asker.ask("/")[2].decode()
    assert len(loads) <= 2
    assert told[0] == "Take 2 of scene 1 picked."
    assert told[1] == "Scene 1 has new takes: 3, 4."
    assert "rain 1" in page
    with Session.open(folder / "out.vta") as session:
        assert [t.prompt for t in session.scene(1).takes] == ["rain"] * 2 + ["rain 1"] * 2 + [
            "rain 2"
        ] * 2
        assert session.scene(1).chosen == 3
        assert {e.command for e in session.history[-4:]} == {"vta review"}


def test_a_redo_that_is_cancelled_leaves_the_session_as_it_was(folder: Path) -> None:
    slow = fakes.handle(fakes.FakeModel(seconds_per_window=3.0))
    told: list[str] = []
    before = sorted(p.name for p in (folder / "out.vta").rglob("*"))
    with Session.open(folder / "out.vta") as session:
        history = session.history
    with serving(folder, slow, told) as asker:
        asker.do("redo", scene=1, seed=5)
        asker.do("lock", scene=1)  # waits for its turn
        state = asker.when(lambda s: s["jobs"] and s["jobs"][0]["detail"] == "generate")
        assert [job["what"] for job in state["jobs"]] == ["Redo scene 1", "Lock scene 1"]
        asker.do("cancel", job=state["jobs"][0]["id"])
        asker.when(lambda s: not s["jobs"])
        assert told == ["Cancelled: Redo scene 1.", "Scene 1 locked."]
        assert asker.do("pick", scene=1, take=2) == 202
        assert "locked" in asker.when(lambda s: s["bad"])["said"]
    with Session.open(folder / "out.vta") as session:
        assert session.history[:-1] == history
        assert len(session.scene(1).takes) == 2
    assert sorted(p.name for p in (folder / "out.vta").rglob("*")) == before


def test_a_render_writes_what_the_command_writes_and_leaves_nothing_behind(folder: Path) -> None:
    before = (folder / "out.mp4").read_bytes()
    with serving(folder) as asker:
        asker.do("pick", scene=1, take=2)
        asker.do("render")
        asker.when(lambda s: "out.mp4 is written" in s["said"])
        assert (folder / "out.mp4").read_bytes() != before
        asker.do("undo")
        asker.do("render")
        asker.when(lambda s: s["told"] == 4)
    assert (folder / "out.mp4").read_bytes() == before
    assert sorted(p.name for p in folder.iterdir()) == ["out.mp4", "out.vta", "street.mp4"]


def test_the_end_of_the_server_is_the_end_of_its_copies(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with serving(kept) as asker:
        asker.when(lambda s: s["film"])
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
