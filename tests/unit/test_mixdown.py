"""What the new track has to become is decided, or refused, from a film's headers alone."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from vtacli.errors import ConfigError
from vtacli.media.dialogue import dialogue_stream
from vtacli.media.probe import Footage, StreamInfo
from vtacli.mixdown import plan_mixdown
from vtacli.options import MixOptions


def sound(index: int, title: str = "", language: str = "", *disposition: str) -> StreamInfo:
    return StreamInfo(
        index,
        "audio",
        "aac",
        language,
        title,
        channels=2,
        layout="stereo",
        rate_hz=48_000,
        disposition=disposition,
    )


def film(*sounds: StreamInfo) -> Footage:
    one = Fraction(1)
    return Footage(
        Path("f.mov"), "mov", one, one, Fraction(25), False, 25, 0, 64, 36, 0, one, "yuv420p", 8,
        {}, None, 0, one, (StreamInfo(0, "video", "h264"), *sounds),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sounds", "expected"),
    [
        ([sound(1), sound(2)], 1),
        ([sound(1), sound(2, "", "", "default")], 2),
        ([sound(1, "Music", "", "default"), sound(2, "Dialogue")], 2),
        ([sound(1, "5.1 mix"), sound(2, "DX stem"), sound(3, "FX")], 2),
        ([sound(1, "M&E", "", "default"), sound(2)], 2),
        ([sound(1, "", "zxx", "default"), sound(2, "", "fra")], 2),
        ([sound(1, "", "", "clean_effects"), sound(2)], 2),
        ([sound(1, "Director's commentary (voice)"), sound(2)], 2),
        ([sound(1, "Music")], 1),
    ],
)
def test_the_track_that_says_dialogue_is_listened_to(sounds, expected):
    assert dialogue_stream(film(*sounds), None, None).index == expected


def test_the_one_that_is_mixed_with_comes_before_the_default():
    one, two = sound(1, "", "", "default"), sound(2)
    assert dialogue_stream(film(one, two), None, two) == two
    assert dialogue_stream(film(one, two), 1, two) == one


def test_a_stream_that_is_no_sound_is_refused_with_those_that_are():
    for asked in (0, 7):
        with pytest.raises(ConfigError, match="Streams with sound: 1, 2"):
            dialogue_stream(film(sound(1), sound(2)), asked, None)
    unreadable = replace(sound(1), channels=0)
    with pytest.raises(ConfigError, match="no sound"):
        dialogue_stream(film(unreadable), None, None)


def test_a_spec_lowers_the_ceiling_and_never_raises_it():
    silent = film()
    assert plan_mixdown(silent, "add", MixOptions(loudness="atsc-a85"), None).ceiling_dbtp == -2
    low = MixOptions(loudness="ebu-r128", ceiling_dbtp=-6.0)
    assert plan_mixdown(silent, "add", low, None).ceiling_dbtp == -6
    assert plan_mixdown(silent, "add", MixOptions(), None).spec is None


def test_what_is_planned_is_said():
    one = sound(1)
    plan = plan_mixdown(film(one), "mix", MixOptions(duck_db=6.0, loudness="-18"), one)
    said = dict(plan.lines())
    assert "6 dB lower while somebody speaks in stream 1" in said["ducking"]
    assert "-18 LUFS" in said["loudness"]
    assert plan.to_dict()["duck_attack_ms"] == 100
    with pytest.raises(ConfigError, match="beside the film's own sound"):
        plan_mixdown(film(one), "add", MixOptions(loudness="-18"), None)
