"""Cleaning: what fits scores higher than what does not, and scores outlive a kill."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from media_factory import ffmpeg, film_of

from vtacli.errors import ConfigError
from vtacli.signal.av_align import av_align
from vtacli.signal.av_peaks import published_audio_peaks
from vtacli.signal.media import Audio
from vtacli.training.data.clean import Cleaned, Limits, score_clips
from vtacli.training.data.clip import Clip
from vtacli.training.data.material import Wanted, material_of
from vtacli.training.data.score_page import histogram, page
from vtacli.training.data.scores import Ears, Scorer, Sense, alignment, cosine, find_listeners

CLIPS = Path(__file__).parent.parent / "clips"
RATE, SECONDS = 25, 6
STRIKES_S = (1.0, 2.2, 3.4, 4.6)


def striking(path: Path, heard_s: tuple[float, ...]) -> Clip:
    """A square that drops and stops dead at :data:`STRIKES_S`, with clicks at ``heard_s``."""
    pictures = np.full((RATE * SECONDS, 96, 128, 3), 40, np.uint8)
    for frame in range(len(pictures)):
        now = frame / RATE
        since = min((now - t for t in (0.0, *STRIKES_S) if t <= now), default=now)
        until = min((t - now for t in (*STRIKES_S, 99.0) if t > now), default=99)
        high = 0 if since < 0.5 and now >= STRIKES_S[0] else min(1.0, until / 0.35)
        top = round(70 - 60 * high)
        pictures[frame, top : top + 22, 50:78] = 220
    rng = np.random.default_rng(0)
    wave = np.zeros(SECONDS * 48_000, np.float32)
    for time_s in heard_s:
        at = round(time_s * 48_000)
        wave[at : at + 2400] = rng.standard_normal(2400) * np.exp(-np.arange(2400) / 300) * 0.3
    silent, sound = path.with_suffix(".silent.mkv"), path.with_suffix(".wav.tmp.wav")
    film_of(silent, pictures, str(RATE))
    soundfile.write(sound, wave, 48_000)
    ffmpeg("-i", silent, "-i", sound, "-c:v", "copy", "-c:a", "flac", path)
    return Clip(path.stem, path, None, None, Fraction(0), None, path.stem)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    folder = tmp_path_factory.mktemp("clean")
    fits = striking(folder / "fits.mkv", STRIKES_S)
    late = striking(folder / "late.mkv", tuple(t + 0.5 for t in STRIKES_S))
    mute = striking(folder / "mute.mkv", ())
    (folder / "broken.mkv").write_bytes(b"no film" * 99)
    broken = replace(fits, id="broken", film=folder / "broken.mkv")
    return [fits, late, mute, broken]


@pytest.mark.parametrize("version", ["paper", "tempotokens-2023", "tempotokens-2025"])
def test_every_version_is_what_its_name_says(clips: list[Clip], version: str) -> None:
    """The authors' peaks of a stretch, under the formula of that name; of a made flow, because
    Farneback's rounds differently from call to call where nothing moves."""
    flow = np.zeros(RATE * SECONDS)
    for number, time_s in enumerate((0.2, *STRIKES_S, 5.5)):
        flow[round(time_s * RATE) + 1] = 0.05 if number == 2 else 3.0
    part = replace(clips[0], start_s=Fraction(1, 2), end_s=Fraction(5))
    material = replace(material_of(part, Wanted()), flow=flow)
    assert material.frame_rate == RATE
    found = alignment(material, version)
    heard = published_audio_peaks(Audio(material.wave[None], 16_000))
    # the two outside of the stretch are not asked; the weak one counts until 2025
    strikes = [t for t in STRIKES_S if version != "tempotokens-2025" or t != STRIKES_S[1]]
    seen = np.array(strikes) + 1 / RATE - 0.5
    assert (
        (found["audio_peaks"], found["video_peaks"]) == (4, len(strikes)) == (len(heard), len(seen))
    )
    assert found["av_align"] == pytest.approx(av_align(heard, seen, 1 / RATE, version), abs=1e-4)
    assert found["av_align"] > 0.5


def test_flow_is_read_where_it_is_wanted(clips: list[Clip]) -> None:
    found = Scorer(Ears("tempotokens-2025"))(clips[0], {}, lambda item: None)
    assert found["video_peaks"] >= 4
    assert found["av_align"] is not None


def test_what_fits_scores_higher_and_the_log_is_kept(clips: list[Clip], tmp_path: Path) -> None:
    log = tmp_path / "scores.jsonl"
    first = score_clips(clips, Ears(), Limits(av_align=0.2), log=log, workers=0)
    fits, late, mute, broken = first.scores
    assert fits["av_align"] > 0.5 > 0.2 > late["av_align"]
    assert mute["peak_db"] is None
    assert "reason" in broken
    assert first.verdicts == (None, "av_align", "av_align", "failed")
    assert [c.id for c in first.kept] == ["fits"]
    assert first.dropped == {"av_align": 2, "failed": 1}

    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) // 2])  # killed while it wrote
    again = score_clips(clips, Ears(), Limits(), log=log, workers=0)
    assert log.read_bytes() == whole
    assert again.scores == first.scores
    assert again.verdicts == (None, None, "peak_db", "failed")

    # other thresholds look at no film: the films may even be away, as long as they are the same
    spoiled = [json.loads(line) for line in whole.decode().splitlines()]
    spoiled[0]["av_align"] = 0.125
    log.write_text("".join(json.dumps(row) + "\n" for row in spoiled))
    assert score_clips(clips, Ears(), Limits(), log=log, workers=0).scores[0]["av_align"] == 0.125
    other = score_clips(clips[:1], Ears(None), Limits(), log=log, workers=0)
    assert "av_align" not in other.scores[0]


def test_a_stretch_is_scored_by_what_is_in_it(clips: list[Clip]) -> None:
    half = replace(clips[0], start_s=Fraction(3), end_s=Fraction(5))
    found = Scorer(Ears())(half, {}, lambda item: None)
    assert found["seconds"] == 2
    assert found["audio_peaks"] == 2


def test_words_that_are_heard_score_higher() -> None:
    sense = Sense(*find_listeners())
    rng = np.random.default_rng(0)
    noise = sense.heard(rng.standard_normal(3 * 16_000).astype(np.float32) * 0.2)
    rain, violin = (cosine(noise, sense.said(w)) for w in ("heavy rain", "a violin plays"))
    assert rain > violin + 0.1
    assert sense.said("") is None
    assert sense.said(None) is None


def test_a_brook_sounds_like_a_brook_and_not_like_a_crowd() -> None:
    """A real clip's own picture and sound, against the sound of another kind."""
    brook = CLIPS / "stream-of-water.mp4"
    clip = Clip("brook", brook, None, "a stream of water", Fraction(0), None, "brook")
    found = Scorer(Ears("vta", *find_listeners()))(clip, {}, lambda item: None)
    assert found["picture"] > 0.2
    assert found["words"] > 0.2
    sense = Sense(*find_listeners())
    time = np.arange(3 * 16_000) / 16_000
    siren = np.sin(2 * np.pi * (700 * time + 60 * np.sin(3 * time))).astype(np.float32) * 0.4
    looks = material_of(clip, Wanted(look_px=224)).looks
    assert found["picture"] > cosine(sense.heard(siren), sense.seen(looks)) + 0.1


def test_unknown_scores() -> None:
    row = {"clip": "a", "peak_db": -3.0, "av_align": None, "words": 0.1}
    assert Limits(av_align=0.1).against(row) is None
    assert Limits(av_align=0.1, keep_unknown=False).against(row) == "av_align"
    assert Limits(words=0.2).against(row) == "words"
    assert Limits(peak_db=None).against({**row, "peak_db": None}) is None
    with pytest.raises(ConfigError):
        Limits(words=float("nan"))


def test_a_histogram_counts_every_clip() -> None:
    import re

    values = [0.0, 0.1, 0.1, 0.35, 0.9]
    drawn = histogram(values, 0.2, "a <score>")
    counts = [(kind, int(n)) for kind, n in re.findall(r'class="(\w+)".*?<title>(\d+):', drawn)]
    assert sum(n for kind, n in counts if kind == "out") == 3
    assert sum(n for kind, n in counts if kind == "kept") == 2
    assert "&lt;score&gt;" in drawn
    assert histogram([0.5], None, "one").count("<rect") == 1


def test_a_page_escapes_and_names_the_version() -> None:
    clip = Clip("<b>", Path("x.mp4"), None, None, Fraction(0), None, "x")
    scores = ({"clip": "<b>", "av_align": 0.1, "peak_db": -3.0},)
    facts = {"av_align": "vta", "words": None, "picture": None}
    text = page(Cleaned((clip,), scores, ("av_align",), facts, Limits(av_align=0.2)))
    assert "<b>" not in text
    assert "version vta" in text
    assert "0 of 1 clips kept" in text
