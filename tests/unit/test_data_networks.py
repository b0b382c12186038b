"""Cleaning by networks whose weights somebody put on a shelf: tiny ones here."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from media_factory import ffmpeg, film
from tiny_clap import made_clap
from tiny_encoders import sound, tiny_imagebind

from vtacli.errors import ConfigError, WeightsMissing
from vtacli.model.clap import Clap
from vtacli.model.imagebind import ImageBindPair
from vtacli.training.data.clean import Limits, score_clips
from vtacli.training.data.clip import Clip
from vtacli.training.data.material import Wanted, material_of
from vtacli.training.data.networks import Networks, NetworkScorer, _cosine, find_networks
from vtacli.training.data.scores import Ears


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shelf")
    tiny_imagebind(place)
    made_clap(place)
    return place


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Two films with sounds of their own, one of them without a caption, and a sound alone."""
    folder = tmp_path_factory.mktemp("clean")
    for seed, name in enumerate(("noise", "other")):
        silent = film(folder / f"{name}.silent.mkv", 4 + seed, "10", "96x64")
        wave = folder / f"{name}.tmp.wav"
        soundfile.write(wave, sound(4 + seed, 48_000, seed=seed), 48_000)
        ffmpeg(
            "-i", silent, "-i", wave, "-c:v", "copy", "-c:a", "pcm_s24le", folder / f"{name}.mkv"
        )
        silent.unlink()
    alone = folder / "noise.tmp.wav"
    return [
        Clip("noise", folder / "noise.mkv", None, "a dog", Fraction(0), None, "noise"),
        Clip("other", folder / "other.mkv", None, None, Fraction(0), None, "other"),
        Clip("alone", None, alone, "rain", Fraction(0), None, "alone"),
    ]


def networks(shelf: Path, *names: str) -> Networks:
    return find_networks(names or None, weights_dir=shelf)[0]


def test_the_scores_are_cosines_of_what_the_networks_say(shelf: Path, clips: list[Clip]) -> None:
    ears = Ears(None, networks=networks(shelf))
    rows = score_clips(clips, ears, Limits(), workers=0).scores
    pair, clap = ImageBindPair(shelf / "imagebind"), Clap(shelf / "clap")
    for clip, row in zip(clips, rows, strict=True):
        material = material_of(clip, Wanted(look_px=224, wide_hz=48_000))
        assert material.wide is not None
        # the same sound at another rate
        narrow = soxr.resample(material.wide, 48_000, 16_000)
        assert np.abs(narrow[200:-200] - material.wave[200 : len(narrow) - 200]).max() < 0.02
        if clip.film is None:
            assert row["imagebind"] is None
        else:
            assert material.looks is not None
            expected = _cosine(pair.seen(material.looks), pair.heard(material.wave))
            assert row["imagebind"] == pytest.approx(expected, abs=2e-4)
        if clip.caption is None:
            assert row["clap"] is None
        else:
            expected = _cosine(clap.said(clip.caption), clap.heard(material.wide).mean(axis=0))
            assert row["clap"] == pytest.approx(expected, abs=2e-4)
    assert rows[0]["imagebind"] != rows[1]["imagebind"]
    again = score_clips(clips[::-1], ears, Limits(), workers=0).scores
    assert again == rows[::-1]


def test_laws_of_the_cosine() -> None:
    point = np.arange(5.0)
    assert _cosine(point, 3 * point) == 1.0
    assert _cosine(point, -point) == -1.0
    assert _cosine(point, np.zeros(5)) is None
    assert _cosine(None, point) is None


def test_silence_has_no_clap(shelf: Path, clips: list[Clip]) -> None:
    material = material_of(clips[0], Wanted(wide_hz=48_000))
    scorer = NetworkScorer(networks(shelf, "clap"))
    assert scorer.look_px is None
    assert scorer(clips[0], material)["clap"] is not None
    assert scorer(clips[0], replace(material, wide=np.zeros(48_000, np.float32)))["clap"] is None


def test_other_weights_are_other_scores(shelf: Path, clips: list[Clip], tmp_path: Path) -> None:
    plain, with_both = Ears(None), Ears(None, networks=networks(shelf))
    assert set(with_both.facts()) - set(plain.facts()) == {"imagebind", "clap"}
    log = tmp_path / "scores.jsonl"
    limits = Limits(imagebind=2.0)
    found = score_clips(clips, with_both, limits, log=log, workers=0)
    assert found.verdicts == ("imagebind", "imagebind", None)  # of a sound alone nothing is known
    kept = log.read_bytes()
    assert score_clips(clips, with_both, limits, log=log, workers=0).scores == found.scores
    assert log.read_bytes() == kept
    score_clips(clips, plain, limits, log=log, workers=0)
    assert log.read_bytes() != kept

    tiny_imagebind(tmp_path)
    path = tmp_path / "imagebind" / "imagebind_huge.pth"
    same = networks(tmp_path, "imagebind").facts()
    assert same == networks(shelf, "imagebind").facts()
    path.write_bytes(path.read_bytes() + b"0")
    assert networks(tmp_path, "imagebind").facts() != same


def test_what_is_asked_for_must_be_there(shelf: Path, tmp_path: Path) -> None:
    none, absent = find_networks(None, weights_dir=tmp_path)
    assert none == Networks()
    assert "CC-BY-NC-SA-4.0" in absent["imagebind"]
    assert "laion/clap-htsat-unfused" in absent["clap"]
    for chosen, needed in ((["imagebind"], []), (None, ["clap"])):
        with pytest.raises(WeightsMissing, match="no shelf"):
            find_networks(chosen, needed, tmp_path)
    with pytest.raises(ConfigError, match="bat"):
        find_networks(["bat"], weights_dir=shelf)
    with pytest.raises(ConfigError, match="leaves out"):
        find_networks([], ["clap"], shelf)
    assert find_networks([], weights_dir=shelf) == (Networks(), {})
    assert find_networks(["clap"], weights_dir=shelf)[0].imagebind is None
