"""Cut lists as people write them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from vtacli.errors import ConfigError
from vtacli.media.scenes import CutDetector, parse_time, read_scene_file

NTSC = Fraction(30000, 1001)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_every_way_to_write_a_time(tmp_path: Path) -> None:
    listed = write(
        tmp_path / "cuts.csv",
        "\ufefftime,name\n# opening\n0\n1.5,door # slam\n\n"
        '00:00:02.250\n00:00:03:05\n"4.5",x\n1.5\n',
    )
    cuts = read_scene_file(listed, Fraction(10), Fraction(25))
    assert cuts == [Fraction(3, 2), Fraction(9, 4), Fraction(16, 5), Fraction(9, 2)]


def test_drop_frame_counts_frames_not_labels() -> None:
    assert parse_time("00:01:00;02", NTSC) == 1800 / NTSC
    assert parse_time("00:00:59;29", NTSC) == 1799 / NTSC
    assert parse_time("00:10:00;00", NTSC) == 17982 / NTSC
    assert parse_time("01:00:00;00", NTSC) == 107892 / NTSC
    assert parse_time("01:00:00:00", NTSC) == 108000 / NTSC
    assert parse_time("01:00:00;00", Fraction(60000, 1001)) == 215784 / Fraction(60000, 1001)
    # a Matroska file's rate, counted in milliseconds
    assert parse_time("01:00:00;00", Fraction(19001, 317)) == 215784 / Fraction(60000, 1001)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1\nsoon", "no time"),
        ("1\n-3", "Line 2"),
        ("10", "film's end"),
        ("00:00:01:25", "does not exist"),
        ("00:00:01;05", "no drop-frame"),
        ("1:2", "no time"),
        ("1e3", "no time"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    listed = write(tmp_path / "cuts.txt", line + "\n")
    with pytest.raises(ConfigError, match=reason) as refused:
        read_scene_file(listed, Fraction(10), Fraction(25))
    assert refused.value.path == listed


def test_a_label_that_is_dropped_is_refused() -> None:
    with pytest.raises(ConfigError, match="leaves it out"):
        parse_time("00:01:00;01", NTSC)


def test_a_list_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "cuts.txt").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "cuts.txt", tmp_path / "missing.txt", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_scene_file(path, Fraction(10), Fraction(25))


def test_a_detector_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="no scene detector"):
        CutDetector("optical")
    with pytest.raises(ConfigError, match="above 0"):
        CutDetector("content", 0)
