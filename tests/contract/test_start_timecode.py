"""Where a film starts: as asked, as it says, or midnight."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from conftest import ffmpeg, film_of

from vtacli.errors import ConfigError
from vtacli.media.probe import probe
from vtacli.media.start_timecode import start_timecode
from vtacli.progress import Event, Note
from vtacli.timecode import Timecode

NTSC = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film_of(tmp_path_factory.mktemp("tc") / "a.mp4", seconds=0.5, rate="30000/1001")


def with_timecode(film: Path, label: str, suffix: str) -> Path:
    coded = film.with_name(f"coded{suffix}")
    named = "-metadata" if suffix == ".mkv" else "-timecode"
    ffmpeg("-i", film, "-c", "copy", named, f"{'timecode=' * (suffix == '.mkv')}{label}", coded)
    return coded


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("label", ["01:00:00;02", "09:59:59:29"])
def test_the_film_s_own(plain: Path, suffix: str, label: str) -> None:
    """Matroska counts milliseconds: the rate that it rounds is known again."""
    found = start_timecode(probe(with_timecode(plain, label, suffix)))
    assert found == Timecode.parse(label, NTSC)


def test_what_is_asked_for_comes_first(plain: Path) -> None:
    coded = probe(with_timecode(plain, "01:00:00;02", ".mov"))
    assert start_timecode(coded, "10:00:00:00") == Timecode.parse("10:00:00:00", NTSC)
    with pytest.raises(ConfigError, match="leaves it out"):
        start_timecode(coded, "00:01:00;00")


def test_without_any_it_is_midnight(plain: Path) -> None:
    assert start_timecode(probe(plain)) == Timecode(0, NTSC)


def test_a_label_that_is_none_is_passed_over_with_a_warning(plain: Path) -> None:
    said: list[Event] = []
    coded = probe(with_timecode(plain, "00:01:00;00", ".mkv"))
    assert start_timecode(coded, None, said.append) == Timecode(0, NTSC)
    (note,) = said
    assert isinstance(note, Note)
    assert note.level == "warning"
    assert "00:01:00;00" in note.text
    assert "--tc-start" in note.text


def test_a_film_slower_than_a_picture_a_second_has_none(tmp_path: Path) -> None:
    slow = film_of(tmp_path / "slow.mp4", seconds=6, rate="1/2")
    assert start_timecode(probe(slow)) is None
