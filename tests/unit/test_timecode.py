"""Timecode: every frame of a day has one label, and every label one frame."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtacli.errors import ConfigError
from vtacli.timecode import Timecode, frames_a_second, standard_rate, takes_drop_frame

NTSC = Fraction(30000, 1001)
RATES = [
    Fraction(24000, 1001), Fraction(24), Fraction(25), NTSC, Fraction(30),
    Fraction(48000, 1001), Fraction(48), Fraction(50), Fraction(60000, 1001), Fraction(60),
    Fraction(100), Fraction(120000, 1001), Fraction(120), Fraction(25, 2),
]  # fmt: skip
COUNTS = [(rate, False) for rate in RATES] + [(r, True) for r in RATES if takes_drop_frame(r)]


@st.composite
def timecodes(draw: st.DrawFn) -> Timecode:
    rate, drop = draw(st.sampled_from(COUNTS))
    day = Timecode(0, rate, drop).frames_a_day
    return Timecode(draw(st.integers(0, day - 1)), rate, drop)


@given(timecodes())
def test_a_label_and_its_frame_are_one(timecode: Timecode) -> None:
    assert Timecode.parse(timecode.text, timecode.rate) == timecode


@given(timecodes(), st.integers(-200_000_000, 200_000_000))
def test_adding_goes_round_the_day(timecode: Timecode, frames: int) -> None:
    assert (timecode + frames) + -frames == timecode
    assert (timecode + timecode.frames_a_day) == timecode


@given(timecodes())
def test_seconds_are_exact_and_samples_are_rounded_once(timecode: Timecode) -> None:
    assert timecode.seconds * timecode.rate == timecode.frames
    for rate_hz in (44_100, 48_000, 96_000):
        error = timecode.samples(rate_hz) - timecode.seconds * rate_hz
        assert -Fraction(1, 2) < error <= Fraction(1, 2)


def test_drop_frame_labels_by_walking_through_them() -> None:
    """The rule said the other way: count labels one by one, and leave out what is left out."""

    def walk(base: int, dropped: int, digits: int) -> Iterator[str]:
        for minute in range(21 if base == 120 else 71):
            for second in range(60):
                for frame in range(base):
                    if second or frame >= dropped or minute % 10 == 0:
                        yield f"{minute // 60:02}:{minute % 60:02}:{second:02};{frame:0{digits}}"

    for rate, base, dropped, digits in ((NTSC, 30, 2, 2), (Fraction(120000, 1001), 120, 8, 3)):
        for frame, label in enumerate(islice(walk(base, dropped, digits), 0, None, 7)):
            assert Timecode(7 * frame, rate, True).text == label


@pytest.mark.parametrize(
    ("rate", "drop", "frames"),
    [
        (NTSC, True, 2_589_408),
        (NTSC, False, 2_592_000),
        (Fraction(60000, 1001), True, 5_178_816),
        (Fraction(120000, 1001), True, 10_357_632),
        (Fraction(24000, 1001), False, 2_073_600),
        (Fraction(25), False, 2_160_000),
    ],
)
def test_a_day_has_so_many_frames(rate: Fraction, drop: bool, frames: int) -> None:
    assert Timecode(0, rate, drop).frames_a_day == frames
    last = Timecode(frames - 1, rate, drop)
    assert last.text.startswith("23:59:59")
    assert (last + 1).frames == 0


def test_an_hour_of_labels_and_an_hour_of_time() -> None:
    """Known figures: 3.6 s apart without drop-frame, 3.6 ms with it."""
    assert Timecode.parse("01:00:00:00", NTSC).seconds == Fraction(36036, 10)
    assert Timecode.parse("01:00:00;00", NTSC).seconds == Fraction(35999964, 10_000)
    assert Timecode.parse("01:00:00:00", NTSC).samples(48_000) == 172_972_800
    assert Timecode.parse("01:00:00;00", NTSC).samples(48_000) == 172_799_827
    assert Timecode.parse("10:00:00:00", Fraction(25)).samples(48_000) == 1_728_000_000
    assert Timecode.parse("01:00:00;02", NTSC).flag == "DF"
    assert Timecode.parse("01:00:00.02", NTSC).text == "01:00:00;02"


def test_a_sound_after_midnight_counts_from_midnight() -> None:
    late = Timecode.parse("23:59:59:00", Fraction(25))
    assert late.samples_after(0, 48_000) == 86_399 * 48_000
    assert late.samples_after(72_000, 48_000) == 24_000
    assert Timecode(0, Fraction(25)).samples_after(-1, 48_000) == 86_400 * 48_000 - 1


@pytest.mark.parametrize(
    ("text", "rate", "says"),
    [
        ("00:01:00;00", NTSC, "Write 00:01:00;02, .* after 00:00:59;29"),
        ("00:01:00;01", NTSC, "Write 00:01:00;02"),
        ("01:01:00;03", Fraction(60000, 1001), "Write 01:01:00;04, .* 01:00:59;59"),
        ("01:00:00;00", Fraction(25), "no drop-frame .* Write 01:00:00:00"),
        ("01:00:00;00", Fraction(30), "no drop-frame"),
        ("01:00:00;00", Fraction(24000, 1001), "no drop-frame"),
        ("01:00:00:25", Fraction(25), "numbered 0 to 24"),
        ("01:60:00:00", Fraction(25), "does not exist"),
        ("24:00:00:00", Fraction(25), "A day ends"),
        ("01:00:00", Fraction(25), "HH:MM:SS:FF"),
        ("ten", Fraction(25), "HH:MM:SS:FF"),
        ("\u0661:00:00:00", Fraction(25), "HH:MM:SS:FF"),
    ],
)
def test_what_is_no_label_is_refused_with_advice(text: str, rate: Fraction, says: str) -> None:
    with pytest.raises(ConfigError, match="(?s)" + says):
        Timecode.parse(text, rate)


def test_the_tenth_minutes_are_whole() -> None:
    for minute in range(60):
        text = f"07:{minute:02}:00;00"
        if minute % 10 == 0:
            assert Timecode.parse(text, NTSC).text == text
        else:
            with pytest.raises(ConfigError, match="leaves it out"):
                Timecode.parse(text, NTSC)


def test_counts_outside_the_day_are_refused() -> None:
    for frames in (-1, 2_589_408):
        with pytest.raises(ConfigError, match="A day has"):
            Timecode(frames, NTSC, True)
    with pytest.raises(ConfigError, match="no timecode"):
        Timecode(0, Fraction(1, 2))


@pytest.mark.parametrize(
    ("given_rate", "meant"),
    [
        (Fraction("29.97"), NTSC),
        (Fraction("23.976"), Fraction(24000, 1001)),
        (Fraction("23.98"), Fraction(24000, 1001)),
        (Fraction("59.94"), Fraction(60000, 1001)),
        (Fraction(19001, 317), Fraction(60000, 1001)),
        (Fraction("29.83"), Fraction("29.83")),
        (Fraction("12.5"), Fraction("12.5")),
        *((rate, rate) for rate in RATES),
    ],
)
def test_the_rate_that_is_meant(given_rate: Fraction, meant: Fraction) -> None:
    assert standard_rate(given_rate) == meant


def test_frames_a_second_round_halves_up() -> None:
    assert [frames_a_second(r) for r in (NTSC, Fraction(25, 2), Fraction(24000, 1001))] == [
        30, 13, 24,
    ]  # fmt: skip
