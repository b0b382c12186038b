"""The audition page in a real Chromium: played, picked, redone, locked, undone, rendered."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import conftest
import fakes
import pytest
from chromium import chromium
from commands import FAKE, environment, vta

from vtacli.options import GenerateOptions, SceneOptions
from vtacli.review.preview import write_preview
from vtacli.review.source import SessionSource
from vtacli.session.making import generate
from vtacli.session.session import Session

NASTY = "<img src=x onerror=document.title='owned'> & \"rain\" </script>"
PATIENCE_S = 20.0
IN_STEP_S = 0.1
"""A take may be this far from its picture: two pictures and a half of 25 a second."""


@pytest.fixture(scope="session")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of three scenes of 2 s, two takes each; tests work on copies of its folder."""
    folder = tmp_path_factory.mktemp("audition")
    film = conftest.film_of(folder / "street.mp4", seconds=6, size="320x180", shots=3)
    cuts = folder / "cuts.csv"
    cuts.write_text("2\n4\n")
    options = GenerateOptions(
        prompt=NASTY, seed=7, takes=2, steps=1, scenes=SceneOptions(mode=cuts)
    )
    generate(film, folder / "out.mp4", options, fakes.handle())
    return folder


@pytest.fixture(scope="session")
def page_file(kept: Path) -> Path:
    """Its page in one file, as the command writes it."""
    page = kept / "for the director.html"
    said = vta("preview", kept / "out.mp4", "-o", page, "--json", program=FAKE)
    assert said.code == 0, said.err
    assert said.answer == {
        "page": str(page),
        "media": None,
        "bytes": page.stat().st_size,
        "scenes": 3,
        "takes": 6,
    }
    return page


@pytest.fixture(scope="session")
def linked_page(kept: Path) -> Path:
    """The same with its media beside it, in a folder that the session is not in."""
    away = kept / "away"
    away.mkdir()
    source = SessionSource(kept / "out.vta")
    page = away / "linked & all.html"
    write_preview(source.read(), source.footage, source.start, source.write_track, page, link=True)
    return page


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "film"
    copy.mkdir()
    for name in ("street.mp4", "out.mp4"):
        shutil.copy2(kept / name, copy)
    shutil.copytree(kept / "out.vta", copy / "out.vta")
    return copy


class Watched:
    """A page, and every address that it asked for."""

    def __init__(self, browser, **options: object) -> None:
        self.context = browser.new_context(viewport={"width": 1366, "height": 768}, **options)
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.set_default_timeout(20_000)

    def until(self, words: str) -> None:
        """Playwright's own waiting evaluates a string in the page, which the page forbids."""
        until = time.monotonic() + PATIENCE_S
        while not self.get(words):
            assert time.monotonic() < until, words
            self.page.wait_for_timeout(40)

    def enter(self, served: Served) -> None:
        """By the address that was printed, to the page itself, whose address holds no token."""
        self.page.goto(served.url)
        self.page.wait_for_url(f"http://127.0.0.1:{served.port}/")

    def sounds(self, scene: int, take: int) -> bool:
        """Whether the player's source is that of this take."""
        media = f"scene({scene}).takes.find((t) => t.n === {take}).media"
        return self.get(f"take.currentSrc === new URL(address({media}), location).href")

    def get(self, words: str):
        return self.page.evaluate(words)

    def off_s(self) -> float:
        """How far the take is from where its picture is: the middle of a few looks."""
        looks = []
        for _ in range(5):
            looks.append(
                self.get("take.currentTime - (film.currentTime - scene(heard.scene).start)")
            )
            self.page.wait_for_timeout(50)
        return abs(sorted(looks)[2])


@pytest.fixture
def watched(browser) -> Iterator[Watched]:
    made = Watched(browser)
    yield made
    made.context.close()
    assert made.wrong == []


# ---- the offline page


@pytest.mark.parametrize("which", ["page_file", "linked_page"])
def test_a_page_from_disk_plays_film_and_takes_and_asks_nobody(
    watched: Watched, which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = request.getfixturevalue(which)
    moved = tmp_path / "moved"
    if which == "linked_page":
        shutil.copytree(made.parent, moved)
    else:  # it needs nothing beside it
        moved.mkdir()
        shutil.copy(made, moved)
    watched.page.goto((moved / made.name).as_uri())

    watched.until("film.readyState >= 3")
    watched.page.keyboard.press("Space")
    watched.until("film.currentTime > 0.6 && !film.paused && !film.muted")
    assert watched.get("take.paused")

    watched.page.keyboard.press("ArrowDown")
    watched.page.keyboard.press("2")  # heard at once, from the scene's own start
    watched.until("!take.paused && take.currentTime > 0.5")
    assert watched.get("film.muted")
    assert watched.get("[heard.scene, heard.take]") == [2, 2]
    assert watched.sounds(2, 2)
    assert watched.get("take.duration") == pytest.approx(2.0, abs=0.03)
    assert watched.off_s() < IN_STEP_S
    watched.page.keyboard.press("1")  # the other, from where the picture is
    watched.until("heard.take === 1 && !take.paused && take.currentTime > 0.7")
    assert watched.sounds(2, 1)
    assert watched.off_s() < IN_STEP_S
    watched.until("film.paused && take.paused && Math.abs(film.currentTime - 2) < 0.05")

    watched.page.keyboard.press("0")
    assert watched.get("heard === null && !film.muted")
    names = {address.split("/")[-1] for address in watched.asked if address.startswith("file:")}
    linked = {"film.mp4", "scene-002-take-01.m4a", "scene-002-take-02.m4a"}
    assert names == {quote(made.name), *(linked if which == "linked_page" else ())}
    assert all(address.startswith(("file:", "blob:")) for address in watched.asked)


def test_what_a_page_shows_is_what_the_session_holds_and_only_text(
    watched: Watched, page_file: Path, kept: Path
) -> None:
    watched.page.goto(page_file.as_uri())
    assert NASTY in watched.page.inner_text("#inspector .scene:not([hidden]) .asked")
    assert watched.page.title() == "out – audition"
    with Session.open(kept / "out.vta") as session:
        takes = session.scene(2).takes
    row = watched.page.inner_text('tr[data-row="2"]').split("\t")
    assert row[:4] == ["2", "00:00:02:00", "00:00:04:00", "2.00 s"]
    assert row[5] == str(takes[0].seed)
    assert row[6] == f"{takes[0].loudness_lufs:.1f}".replace("-", "−")
    watched.page.click('tr[data-row="2"] [data-seek]')
    assert watched.get("[film.currentTime, shownScene]") == [pytest.approx(2, abs=0.01), 2]
    commands = watched.page.locator("#inspector .scene:not([hidden]) code").all_inner_texts()
    assert commands == ["vta pick out.vta 2 1", "vta pick out.vta 2 2"]
    # even a page that was tampered with could not speak to anybody
    barred = "addEventListener('securitypolicyviolation', (e) => { window.barred = e.blockedURI; })"
    watched.get(barred)
    assert watched.get("fetch('http://127.0.0.1:9/').catch((e) => 'no')") == "no"
    watched.until("window.barred")
    assert watched.get("document.querySelectorAll('script[src], link[href^=http]').length") == 0


def test_keys_and_lanes_move_the_playhead(watched: Watched, page_file: Path) -> None:
    watched.page.goto(page_file.as_uri())
    watched.until("film.readyState >= 3")
    keys = watched.page.keyboard
    for key, at in [("ArrowRight", 0.04), ("Shift+ArrowRight", 1.04), ("ArrowLeft", 1.0)]:
        keys.press(key)
        assert watched.get("film.currentTime") == pytest.approx(at, abs=0.003)
    for key, at, clock in [("ArrowDown", 2.0, "00:00:02:00"), ("ArrowUp", 0.0, "00:00:00:00")]:
        keys.press(key)
        assert watched.get("film.currentTime") == pytest.approx(at, abs=0.003)
        assert watched.page.inner_text("#clock") == clock
    box = watched.page.locator("#lanes .spec").bounding_box()
    watched.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 20)
    assert watched.get("film.currentTime") == pytest.approx(4.5, abs=0.02)
    assert watched.get("shownScene") == 3
    head = watched.page.locator("#head").bounding_box()
    assert head["x"] == pytest.approx(box["x"] + box["width"] * 0.75, abs=8)
    watched.page.click("#closer")
    assert watched.page.locator("#lanes .spec").bounding_box()["width"] > 1.9 * box["width"]
    for part in ("wave svg", "spec img", "motion svg", "strip .block:nth-child(3) img"):
        shown = watched.page.locator(f"#lanes .{part}").first.bounding_box()
        assert shown["width"] > 40
        assert shown["height"] > 20
    assert watched.get("[...document.querySelectorAll('#lanes img')].every((i) => i.naturalWidth)")


# ---- the served page


@dataclass
class Served:
    process: subprocess.Popen
    url: str
    place: Path

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])


@pytest.fixture
def served(folder: Path, tmp_path: Path) -> Iterator[Served]:
    """``vta review`` as a person starts it, with the small model."""
    place = tmp_path / "tmp"
    place.mkdir()
    process = subprocess.Popen(
        [*FAKE, "review", str(folder / "out.vta"), "--no-browser", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(TMPDIR=str(place)),
        text=True,
    )
    line = process.stdout.readline()
    assert line, process.stderr.read()
    try:
        yield Served(process, json.loads(line)["url"], place)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 130, err
        assert "Traceback" not in err
        assert list(place.iterdir()) == []
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def chosen(folder: Path) -> list[int | None]:
    with Session.open(folder / "out.vta") as session:
        return [s.chosen for s in session.state.scenes]


def test_the_buttons_do_what_they_say(watched: Watched, served: Served, folder: Path) -> None:
    page = watched.page
    watched.enter(served)
    watched.until("film.readyState >= 3")
    here = "#inspector .scene:not([hidden]) "

    page.keyboard.press("ArrowDown")
    page.keyboard.press("2")
    watched.until("!take.paused && take.currentTime > 0.4")
    assert watched.get("take.currentSrc").split("/")[3:7] == ["media", "take", "2", "2"]
    assert watched.off_s() < IN_STEP_S

    page.click(here + "[data-do=pick]:not([disabled])")
    page.wait_for_selector(here + '[data-take="2"].chosen')
    assert chosen(folder) == [1, 2, 1]
    page.keyboard.press("0")
    before = watched.get("film.dataset.src")
    watched.until(f"film.dataset.src !== {before!r} && film.readyState >= 3")  # heard in the film

    page.click('tr[data-row="2"] [data-seek]')
    page.keyboard.press("Space")  # it plays on, and whoever types is not disturbed
    page.fill(here + "[name=prompt]", "rain on a roof")
    page.fill(here + "[name=seed]", "99")
    page.click(here + "[type=submit]")
    page.wait_for_selector(here + '[data-take="3"].chosen')
    with Session.open(folder / "out.vta") as session:
        scene = session.scene(2)
    assert [(t.seed, t.prompt) for t in scene.takes][2] == (99, "rain on a roof")
    assert "rain on a roof" in page.inner_text(here + ".asked")
    page.click(here + '[data-hear="2/3"]')
    watched.until("!take.paused && take.currentTime > 0.3")
    page.click("#play")

    page.click(here + "[data-do=lock]")
    page.wait_for_selector(here + "[data-do=unlock]")
    page.wait_for_selector(here + ".pick:not([disabled])", state="detached")
    with Session.open(folder / "out.vta") as session:
        assert session.scene(2).scene.lock
    page.click(here + "[data-do=unlock]")
    page.wait_for_selector(here + "[data-do=lock]")
    for expected in ("1,3L,1", "1,3,1", "1,2,1", "1,1,1"):  # unlock, lock, redo, pick taken back
        page.click("#undo:not([disabled])")
        watched.until(
            f"data.scenes.map((s) => s.chosen + (s.lock ? 'L' : '')).join() === '{expected}'"
        )
        assert chosen(folder) == [int(n.strip("L")) for n in expected.split(",")]

    (folder / "out.mp4").unlink()
    page.click("#render")
    watched.until("document.getElementById('said').textContent.includes('out.mp4 is written')")
    assert (folder / "out.mp4").stat().st_size > 10_000

    page.reload()
    watched.until("film.readyState >= 3 && data.scenes[1].takes.length === 3")
    page.keyboard.press("Space")
    watched.until("film.currentTime > 0.2")
    origin = f"http://127.0.0.1:{served.port}/"
    assert all(
        address.startswith(origin) or address.startswith("data:") for address in watched.asked
    )


def test_a_page_follows_the_command_line(watched: Watched, served: Served, folder: Path) -> None:
    watched.enter(served)
    watched.until("data.scenes[2].takes.length === 2")
    watched.page.fill("#scene-1 [name=prompt]", "half a sen")
    with Session.open(folder / "out.vta", write=True, command="vta pick") as session:
        session.pick(3, 2)
        session.lock([1])
    watched.until("data.scenes[2].chosen === 2 && data.scenes[0].lock")
    assert watched.page.input_value("#scene-1 [name=prompt]") == "half a sen"
    assert "locked" in watched.page.inner_text('tr[data-row="1"]')
    watched.page.click('tr[data-row="2"] [data-seek]')
    with Session.open(folder / "out.vta", write=True, command="vta other"):  # held for a while
        watched.page.locator("#inspector .scene:not([hidden]) [data-do=lock]").click()
        watched.until("document.getElementById('jobs').textContent.includes('another vta')")
    watched.until("data.scenes.some((s) => s.lock && s.n > 1)")


def test_a_page_from_elsewhere_gets_nothing_and_changes_nothing(
    watched: Watched, served: Served, folder: Path
) -> None:
    """The same browser, with the cookie, on a page of another server on this very machine."""
    watched.enter(served)
    watched.until("data.scenes.length === 3")
    target = f"http://127.0.0.1:{served.port}"

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>elsewhere</title><p>hello"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    statuses: list[int] = []
    seen = lambda r: statuses.append(r.status) if r.url.startswith(target) else None  # noqa: E731
    try:
        page = watched.context.new_page()
        page.on("response", seen)
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
        tried = page.evaluate(
            """async (target) => {
              const pick = JSON.stringify({scene: 1, take: 2});
              const told = [];
              const send = (kind, mode) => fetch(target + '/do/pick', {method: 'POST', mode,
                credentials: 'include', headers: {'Content-Type': kind}, body: pick})
                .then((a) => told.push(a.type), () => told.push('refused'));
              await send('text/plain', 'no-cors');
              await send('application/json', 'cors');
              await fetch(target + '/state', {credentials: 'include'})
                .then(() => told.push('read'), () => told.push('refused'));
              const picture = new Image();
              await new Promise((done) => { picture.onload = picture.onerror = done;
                picture.src = target + '/media/film/1'; });
              const frame = document.createElement('iframe');
              await new Promise((done) => { frame.onload = done; frame.src = target + '/';
                document.body.append(frame); });
              return told;
            }""",
            target,
        )
        page.evaluate(
            """(target) => { const form = document.createElement('form'); form.method = 'POST';
            form.action = target + '/do/undo'; form.enctype = 'text/plain';
            document.body.append(form); form.submit(); }""",
            target,
        )
        page.wait_for_url(f"{target}/do/undo")
        assert "error" in page.inner_text("body")
    finally:
        server.shutdown()
        server.server_close()
    assert tried == ["refused", "refused", "refused"]
    assert set(statuses) <= {403, 501}
    assert 403 in statuses
    assert chosen(folder) == [1, 1, 1]
    with Session.open(folder / "out.vta") as session:
        assert all(e.command != "vta review" for e in session.history)


def test_a_file_leads_a_browser_to_the_page(watched: Watched, served: Served) -> None:
    """So no command line, which others on the machine can read, holds the token."""
    (door,) = served.place.glob("vta-review-*/open.html")
    assert door.parent.stat().st_mode & 0o077 == 0
    watched.page.goto(door.as_uri())
    watched.page.wait_for_url(f"http://127.0.0.1:{served.port}/")
    watched.until("data.scenes.length === 3")


def test_without_the_token_there_is_no_page(watched: Watched, served: Served) -> None:
    for address in (f"http://127.0.0.1:{served.port}/", served.url[:-4] + "abcd"):
        assert watched.page.goto(address).status == 403
        assert "scene" not in watched.page.inner_text("body").lower()
