"""The table of presets, and, where the Debian packages are, what is rendered from it."""

from __future__ import annotations

import ctypes.util
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vtacli.errors import ConfigError
from vtacli.model.mini.series import series_of
from vtacli.training.labels import clean_label, kept
from vtacli.training.library import open_library
from vtacli.training.soundfont import (
    FONTS,
    RATE_HZ,
    SHELF,
    Preset,
    Synth,
    Take,
    main,
    read_presets,
    render_all,
    same_sound,
)
from vtacli.training.wordings import Wordings

there = ctypes.util.find_library("fluidsynth") and all(
    (SHELF / f).is_file() for f in FONTS.values()
)
rendering = pytest.mark.skipif(
    not there, reason="needs libfluidsynth3, fluid-soundfont-gm and fluid-soundfont-gs"
)
DOG = Preset("dog bark", "gs", 1, 123, (55, 62), (0.0,), (100,), (0.5,), 2.0)


def test_every_row_of_the_table_can_be_said_and_is_kept() -> None:
    presets = read_presets()
    assert len(presets) > 50
    for preset in presets:
        assert preset.font in FONTS
        assert kept({"label": preset.label, "seconds": "1"}), preset.label
        assert clean_label(preset.label) == preset.label
        assert len(Wordings.shipped().of(preset.label)) >= 4
        assert list(preset.takes())


def test_a_bad_table_is_named(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("label,font\nrain,gs\n")
    with pytest.raises(ConfigError, match="not a table of presets"):
        read_presets(table)


def test_a_gain_is_not_another_sound() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, RATE_HZ)).astype(np.float32)
    assert same_sound(one, one[: RATE_HZ // 2] * np.float32(0.2))
    assert not same_sound(one, other)
    assert not same_sound(one, np.roll(one, 400))


@rendering
def test_a_higher_key_is_shorter_and_the_same_take_is_the_same(tmp_path: Path) -> None:
    synth = Synth(SHELF / FONTS["gs"])
    slam = replace(DOG, program=124, bank=3, longest_s=4.0)
    low, high, again = (synth.render(slam, Take(key, 0, 100, 2.0)) for key in (48, 74, 48))
    synth.close()
    assert len(low) > len(high)
    assert same_sound(low, again)
    assert np.abs(low).max() > 0.01


@rendering
def test_renders_are_a_folder_of_recordings(tmp_path: Path) -> None:
    rows = render_all(tmp_path / "out", [DOG, replace(DOG, velocities=(60,))])
    assert len(rows) == 2  # the softer ones are the same sounds
    library = open_library(tmp_path / "out", tmp_path / "cache")
    assert {r.label for r in library.recordings} == {"dog bark"}
    assert {series_of(r.file) for r in library.recordings} == {"soundfont-dog-bark"}
    assert all(r.licence == "MIT" and "Frank Wen" in r.author for r in library.recordings)
    assert all(re.search(r"bank 1 program 123 key \d\d", r.source) for r in library.recordings)
    wave, rate = soundfile.read(tmp_path / "out" / rows[0]["file"])
    assert rate == RATE_HZ
    assert len(wave) / rate == pytest.approx(float(rows[0]["seconds"]), abs=1e-3)


@rendering
def test_a_preset_that_the_font_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no preset 99:1"):
        render_all(tmp_path, [replace(DOG, bank=99, program=1)])


def test_a_missing_font_says_what_to_install(tmp_path: Path) -> None:
    if ctypes.util.find_library("fluidsynth") is None:
        pytest.skip("needs libfluidsynth3")
    with pytest.raises(ConfigError, match="no such soundfont") as caught:
        main([str(tmp_path / "out"), "--fonts", str(tmp_path)])
    assert "fluid-soundfont-gm" in (caught.value.hint or "")
