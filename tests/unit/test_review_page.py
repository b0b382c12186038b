"""The page made of plain values: what it says, what it leaves out, and that it stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import pytest

from vtacli.errors import ConfigError
from vtacli.review.drawings import Drawings
from vtacli.review.model import Shown, ShownScene, ShownTake, clock, labels
from vtacli.review.page import Media, Page, policy
from vtacli.review.preview import FEWEST_KBITS, MOST_KBITS, picture_kbits
from vtacli.timecode import Timecode
from vtacli.timeline import Hit, Span

NASTY = "</script><script>alert(1)</script> \"'&<b>\u2028"


def span(start: float, end: float) -> Span:
    return Span(Fraction(start), Fraction(end))


def scene(number: int, start: float, end: float, **more: object) -> ShownScene:
    at = span(start, end)
    return ShownScene(number, at, clock(at.start_s), clock(at.end_s), **more)


def take(number: int, **more: object) -> ShownTake:
    return ShownTake(number, Path(f"/t/{number}.flac"), 100 + number, **more)


def page(scenes: tuple[ShownScene, ...], *, live: bool = False, **more: object) -> Page:
    shown = Shown("film", Path("film.vta"), Path("film.mp4"), scenes[-1].span.end_s, scenes)
    media = {(s.number, t.number): Media("m", "audio/mp4", "AA==") for s in scenes for t in s.takes}
    return Page(shown, Drawings(), None, media, Fraction(25), live=live, **more)


class Reader(HTMLParser):
    """What a browser would run, load and show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def written_by(words: str) -> Reader:
    """A page on which a person wrote this in every place where one can."""
    said = ShownTake(
        1, Path("/t/1"), 7, prompt=f"{words}!", negative=words, remark=words, pick=f"vta {words}"
    )
    one = scene(1, 0, 2, prompt=words, negative=words, chosen=1, takes=(said,))
    two = scene(2, 2, 3, guess=words)
    shown = Shown(words, Path("a"), Path("b"), Fraction(3), (one, two), ((words, words),), words)
    media = {(1, 1): Media("m", "audio/mp4", "AA==")}
    texts = [
        Page(shown, Drawings(), None, media, Fraction(25), live=live, extra={"x": words}).html()
        for live in (False, True)
    ]
    return Reader("".join(texts))


def test_what_a_person_wrote_stays_text_wherever_it_is_shown() -> None:
    nasty, plain = written_by(NASTY), written_by("rain")
    assert [tag for tag, _ in nasty.tags] == [tag for tag, _ in plain.tags]
    names = [sorted(attrs) for _, attrs in nasty.tags]
    assert names == [sorted(attrs) for _, attrs in plain.tags]
    assert not [n for found in names for n in found if n.startswith("on") or n == "style"]
    assert "".join(nasty.words).count("<script>alert(1)</script>") >= 10


def test_the_policy_names_the_very_bytes_of_style_and_program() -> None:
    for live in (False, True):
        text = page((scene(1, 0, 2),), live=live).html()
        style = re.search(r"<style>(.*?)</style>", text, re.S).group(1)
        program = re.search(r"<script>(.*?)</script>", text, re.S).group(1)
        for kind, content in (("style", style), ("script", program)):
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"{kind}-src 'sha256-{digest}'" in policy(live)
        assert "unsafe" not in policy(live)
        assert "http" not in policy(live)
    assert "connect-src 'none'" in policy(False)


def test_nothing_in_the_offline_page_has_an_address() -> None:
    read = Reader(page((scene(1, 0, 2, takes=(take(1),), chosen=1),)).html())
    for tag, attrs in read.tags:
        for name in ("src", "href", "action", "srcset", "poster", "data"):
            assert not attrs.get(name) or str(attrs[name]).startswith("data:"), (tag, attrs)


def test_scenes_say_what_they_are() -> None:
    scenes = (
        scene(1, 0, 2, takes=(take(1), take(2)), chosen=2, hits=(Hit(Fraction(1)),), lock=True),
        scene(2, 2, 3, mute=True),
        scene(3, 3, 4, gain_db=-3.0),
    )
    inspector, table = page(scenes).part("inspector"), page(scenes).part("table")
    words = " ".join("".join(Reader(inspector).words).split())
    assert words.count("in the film") == 1
    assert "1 hit written" in words
    assert "A muted scene has no takes." in words
    assert "No take yet." in words
    assert "-3.0 dB" in words
    rows = table.split("<tr")[2:]
    assert ["locked" in r for r in rows] == [True, False, False]
    assert ["muted" in r for r in rows] == [False, True, False]
    assert "in the film" in rows[0]
    live = page(scenes, live=True).part("inspector").split("<article")[1:]
    assert [s.count("<form") for s in live] == [1, 0, 1]
    assert live[0].count('data-do="pick"') == live[0].count(" disabled>Pick")
    assert 'data-do="unlock"' in live[0]
    assert 'data-do="lock"' in live[1]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (-23.456, "−23.5"), (float("-inf"), "–"), (0.04, "0.0"), (1.25, "1.2")],
)
def test_silence_and_what_is_too_short_have_no_loudness(value: float | None, shown: str) -> None:
    text = page((scene(1, 0, 2, takes=(take(1, loudness_lufs=value),), chosen=1),)).part("table")
    assert f'<td class="n">{shown}</td>' in text


def test_a_take_is_heard_as_loud_as_it_is_in_the_film() -> None:
    scenes = (scene(1, 0, 1, takes=(take(1, scale_db=6.0206),)), scene(2, 1, 2, gain_db=-6.0206))
    data = page(scenes, live=True, levels={1: -20.0}).data()
    assert data["scenes"][0]["gain"] == pytest.approx(0.1, abs=1e-4)
    assert data["scenes"][0]["takes"][0]["raise"] == pytest.approx(2, abs=1e-3)
    assert data["scenes"][1]["gain"] == pytest.approx(0.5, abs=1e-4)
    json.dumps(data, allow_nan=False)


def test_labels_are_those_of_the_films_own_timecode() -> None:
    rate = Fraction(30000, 1001)
    start = Timecode.parse("00:59:59;28", rate)
    two = Span(Fraction(0), 4 / rate)
    assert labels(two, start) == ("00:59:59;28", "01:00:00;02")
    assert labels(span(1.5, 3661.25), None) == ("0:01.500", "1:01:01.250")


def test_a_long_film_gets_fewer_bits_and_a_longer_one_a_folder() -> None:
    def asked(minutes: int, takes: int, link: bool = False) -> int:
        one = scene(1, 0, 60 * minutes, takes=tuple(take(n) for n in range(takes)))
        shown = Shown("f", Path("f"), Path("f"), one.span.end_s, (one,))
        return picture_kbits(shown, link)

    assert asked(1, 2) == MOST_KBITS
    assert FEWEST_KBITS <= asked(15, 1) < MOST_KBITS
    with pytest.raises(ConfigError, match="--link"):
        asked(120, 1)
    assert asked(120, 1, link=True) == MOST_KBITS
