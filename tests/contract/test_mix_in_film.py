"""What becomes of sound on its way into a film: measured in the files that were written."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest
import soundfile
from conftest import ffmpeg, film_of
from fakes import FakeModel, handle
from made_speech import voice

from vtacli.dub import dub
from vtacli.errors import ConfigError
from vtacli.media.marking import XMP_BOX
from vtacli.media.probe import probe
from vtacli.options import GenerateOptions, MixOptions, SceneOptions
from vtacli.progress import Note
from vtacli.provenance import COMPOSITE, GENERATED, read_note
from vtacli.signal.ducking import AFTER_S, BEFORE_S
from vtacli.signal.loudness import from_db
from vtacli.signal.media import Audio
from vtacli.signal.programme import LoudnessMeter

RATE = 48_000
SPOKEN = ((2.0, 3.5), (7.0, 8.0))
SECONDS = 10
STEP = 2.0**-23
"""Of a 24-bit file."""


def spoken(path: Path) -> Path:
    """Ten seconds with a voice in two places, over a very quiet room."""
    sound = 1e-4 * np.random.default_rng(0).standard_normal(SECONDS * RATE)
    for seed, (start, end) in zip((3, 4), SPOKEN, strict=True):
        sound[round(start * RATE) : round(end * RATE)] += voice(end - start, RATE, seed, 0.08)
    soundfile.write(path, sound.astype(np.float32), RATE, "PCM_24")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spoken")


@pytest.fixture(scope="module")
def talk(folder: Path) -> Path:
    """A film in which somebody speaks, mono."""
    wav = spoken(folder / "voice.wav")
    film = folder / "talk.mov"
    picture = ["-f", "lavfi", "-t", SECONDS, "-i", "testsrc2=s=64x36:r=25"]
    ffmpeg(*picture, "-i", wav, "-c:v", "libx264", "-g", 12, "-c:a", "pcm_s24le", film)
    return film


def track_of(film: Path, number: int = 0) -> np.ndarray:
    """(C, N) of one of a film's tracks."""
    wav = film.with_suffix(f".{number}.wav")
    ffmpeg("-i", film, "-map", f"0:a:{number}", "-c:a", "pcm_f32le", wav)
    return soundfile.read(wav, dtype="float32", always_2d=True)[0].T


def made(film: Path, output: Path, *, notes=None, model=None, provenance=True, **mix):
    options = GenerateOptions(
        seed=3,
        prompt="rain",
        scenes=SceneOptions(mode="off"),
        mix=MixOptions(**mix),
        provenance=provenance,
    )
    return dub(film, output, options, handle(model), (notes if notes is not None else []).append)


def masks(attack_ms: float, release_ms: float) -> tuple[np.ndarray, np.ndarray]:
    """Samples at which somebody speaks, and those at which foley must not have been touched: the
    detector may be early and late by its margins and two of its steps of 32 ms."""
    speaks = np.zeros(SECONDS * RATE, bool)
    free = np.ones(SECONDS * RATE, bool)
    for start, end in SPOKEN:
        speaks[round(start * RATE) : round(end * RATE)] = True
        lo = start - BEFORE_S - 0.096 - attack_ms / 1000
        hi = end + AFTER_S + 0.192 + release_ms / 1000
        free[round(lo * RATE) : round(hi * RATE)] = False
    return speaks, free


@pytest.mark.parametrize("depth_db", [6.0, 14.0])
def test_foley_is_down_while_somebody_speaks_and_untouched_elsewhere(talk, tmp_path, depth_db):
    slopes = {"duck_attack_ms": 80.0, "duck_release_ms": 300.0}
    plain, ducked = tmp_path / "plain.mov", tmp_path / "ducked.mov"
    made(talk, plain, mode="add")
    result = made(talk, ducked, mode="add", duck_db=depth_db, **slopes)
    before, after = track_of(plain, 1), track_of(ducked, 1)
    speaks, free = masks(80, 300)
    assert np.array_equal(before[:, free], after[:, free])
    assert free.mean() > 0.4
    # at every single sample of speech, not in the mean only
    limit = np.abs(before[:, speaks]) * from_db(-depth_db) + 2 * STEP
    assert np.all(np.abs(after[:, speaks]) <= limit)
    level = [np.sqrt(np.mean(x[:, speaks].astype(np.float64) ** 2)) for x in (before, after)]
    assert 20 * np.log10(level[0] / level[1]) == pytest.approx(depth_db, abs=0.05)
    told = json.loads(json.dumps(result.to_dict()))["ducking"]
    assert len(told["stretches_s"]) == 2
    assert told["depth_db"] == depth_db


def test_in_a_mix_only_the_foley_gives_way(talk, tmp_path):
    plain, ducked = tmp_path / "plain.mov", tmp_path / "ducked.mov"
    made(talk, plain, mode="mix", gain_db=-12.0)
    made(talk, ducked, mode="mix", gain_db=-12.0, duck_db=12.0)
    own = track_of(talk)
    assert np.array_equal(own, track_of(ducked, 1))
    before, after = track_of(plain) - own, track_of(ducked) - own
    speaks, free = masks(100, 500)
    assert np.array_equal(before[:, free], after[:, free])
    assert np.all(np.abs(after[:, speaks]) <= np.abs(before[:, speaks]) * from_db(-12) + 4 * STEP)


@pytest.fixture(scope="module")
def two_tracks(folder: Path, talk: Path) -> Path:
    """Music first and default, dialogue second, by their titles."""
    film = folder / "two.mov"
    music = ["-f", "lavfi", "-t", SECONDS, "-i", "sine=330:sample_rate=48000"]
    ffmpeg("-i", talk, *music, "-map", "0:v", "-map", "1:a", "-map", "0:a", "-c", "copy",
           "-c:a:0", "pcm_s24le", "-metadata:s:a:0", "title=Music",
           "-metadata:s:a:1", "title=Dialogue stem",
           "-disposition:a:0", "default", "-disposition:a:1", "0", film)  # fmt: skip
    return film


def test_the_dialogue_track_is_listened_to_where_there_are_several(two_tracks, tmp_path):
    result = made(two_tracks, tmp_path / "o.mov", mode="mix", duck_db=9.0)
    assert result.ducking is not None
    assert len(result.ducking.stretches) == 2
    assert result.to_dict()["track"].startswith("foley mixed with stream 1")


@pytest.mark.parametrize("suffix", ["mov", "mp4", "mkv"])
def test_the_names_of_tracks_are_kept(two_tracks, tmp_path, suffix):
    out = tmp_path / f"o.{suffix}"
    made(two_tracks, out, mode="mix")
    assert [s.title for s in probe(out).audio] == ["Mix with foley", "Music", "Dialogue stem"]


def test_another_track_can_be_named_and_silence_is_told(two_tracks, tmp_path):
    notes = []
    result = made(two_tracks, tmp_path / "o.mov", notes=notes, mode="add", duck_db=9.0, dialogue=1)
    assert result.ducking is not None
    assert result.ducking.stretches == ()
    assert any("Nobody speaks in stream 1" in n.text for n in notes if isinstance(n, Note))
    with pytest.raises(ConfigError, match="no sound that can be read"):
        made(two_tracks, tmp_path / "p.mov", duck_db=9.0, dialogue=0)


def test_speech_in_the_centre_of_surround_is_heard_and_foley_is_in_front_alone(
    talk, folder, tmp_path
):
    film, out = folder / "surround.mov", tmp_path / "o.mov"
    loud = "aevalsrc=0.2*random(0)|0.2*random(1):s=48000"  # louder than the voice, left and right
    ffmpeg("-i", talk, "-f", "lavfi", "-t", SECONDS, "-i", loud, "-filter_complex",
           "[1:a][0:a]amerge=inputs=2,pan=5.1(side)|FL=c0|FR=c1|FC=c2|LFE=0*c2|SL=c0|SR=c1[a]",
           "-map", "0:v", "-map", "[a]", "-c:v", "copy", "-c:a", "pcm_s24le", film)  # fmt: skip
    result = made(film, out, mode="mix", gain_db=-20.0, ceiling_dbtp=0.0, duck_db=10.0)
    assert result.ducking is not None
    assert len(result.ducking.stretches) == 2
    with av.open(str(out)) as container:
        assert [s.layout.name for s in container.streams.audio] == ["5.1(side)", "5.1(side)"]
    mix, own = track_of(out), track_of(film)
    assert np.array_equal(mix[2:], own[2:])
    assert np.abs(mix[0] - own[0]).max() > 0.001
    assert np.allclose(mix[0] - own[0], mix[1] - own[1], atol=3 * STEP)


def loudness_of(film: Path, number: int = 0):
    data = track_of(film, number)
    meter = LoudnessMeter(RATE, len(data))
    meter.add(data)
    return meter.result()


@pytest.mark.parametrize(
    ("spec", "target", "ceiling"), [("ebu-r128", -23, -1), ("atsc-a85", -24, -2), ("-20", -20, -1)]
)
def test_the_mix_is_brought_to_a_loudness_under_the_ceiling(talk, tmp_path, spec, target, ceiling):
    out = tmp_path / "o.mov"
    result = made(talk, out, mode="mix", loudness=spec)
    found = loudness_of(out)
    assert found.integrated_lufs == pytest.approx(target, abs=0.1)
    assert found.true_peak_dbtp <= ceiling + 0.05
    assert result.loudness.integrated_lufs == pytest.approx(found.integrated_lufs, abs=0.01)
    assert result.master is not None
    assert result.master.before.integrated_lufs != pytest.approx(target, abs=1)
    # the original track is as it was
    assert np.array_equal(track_of(out, 1), track_of(talk))


class Knocks(FakeModel):
    """Short, loud hits: far more peak than loudness."""

    def _sound(self, window):
        data = np.zeros(self.variant.window_samples, np.float32)
        decay = np.exp(-np.arange(800) / 120).astype(np.float32)
        noise = np.random.default_rng(window.key.seed_64()).standard_normal(800)
        for at in range(4000, len(data) - 800, 16_000):
            data[at : at + 800] = 0.3 * decay * noise.astype(np.float32)
        return Audio(data[None], self.variant.rate_hz)


def test_peaks_are_limited_where_the_target_needs_it_and_it_is_told(silent_film, tmp_path):
    out, notes = tmp_path / "o.mov", []
    result = made(silent_film, out, notes=notes, model=Knocks(), mode="add", loudness="streaming")
    found = loudness_of(out)
    assert found.true_peak_dbtp <= -1 + 0.05
    assert result.master is not None
    assert result.master.limited_db > 1
    assert 0 < result.master.limited_s < float(result.duration_s)
    said = " ".join(n.text for n in notes if isinstance(n, Note))
    if abs(found.integrated_lufs + 14) > 1:
        assert "cannot be reached" in said
    else:
        assert f"to {found.integrated_lufs:.1f} (streaming), and limited for" in said


def test_quiet_sound_is_raised_by_one_constant_gain(silent_film, tmp_path):
    plain, raised = tmp_path / "plain.mov", tmp_path / "raised.mov"
    made(silent_film, plain, mode="add", gain_db=-20)
    result = made(silent_film, raised, mode="add", gain_db=-20, loudness="-30")
    assert result.master is not None
    assert result.master.limited_s == 0
    a, b = track_of(plain), track_of(raised)
    assert b == pytest.approx(a * result.master.gain, abs=12 * STEP)


def test_what_is_too_short_for_a_loudness_still_stays_under_the_ceiling(tmp_path):
    film, out = film_of(tmp_path / "short.mp4", seconds=0.24), tmp_path / "o.mov"
    result = made(film, out, mode="add", gain_db=30.0, loudness="ebu-r128")
    assert result.master is None
    assert any("too short" in warning for warning in result.warnings)
    assert loudness_of(out).true_peak_dbtp <= -1 + 0.05


def test_a_loudness_beside_the_films_own_sound_is_refused(talk, silent_film, tmp_path):
    with pytest.raises(ConfigError, match="whole programme"):
        made(talk, tmp_path / "o.mov", mode="add", loudness="ebu-r128")
    with pytest.raises(ConfigError, match="loudness spec"):
        made(silent_film, tmp_path / "o.mov", loudness="ebu-r129")
    with pytest.raises(ConfigError, match="no sound"):
        made(silent_film, tmp_path / "o.mov", duck_db=6.0)
    assert not list(tmp_path.iterdir())


def test_width_leaves_the_mono_sum(silent_film, tmp_path):
    centred, wide = tmp_path / "a.mov", tmp_path / "b.mov"
    made(silent_film, centred, mode="add")
    made(silent_film, wide, mode="add", width=0.8)
    a, b = track_of(centred), track_of(wide)
    assert np.array_equal(a[0], a[1])
    assert np.corrcoef(b)[0, 1] < 0.5
    assert b.sum(axis=0) == pytest.approx(a.sum(axis=0), abs=3 * STEP)


def marks_of(film: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Tags of the film and of its first sound, names in lower case."""
    with av.open(str(film)) as container:
        return tuple(
            {k.lower(): v for k, v in tags.items()}
            for tags in (container.metadata, container.streams.audio[0].metadata)
        )


@pytest.fixture(scope="module")
def commented(folder: Path) -> dict[str, Path]:
    """A film with a comment of its own, without B-frames; and one that WebM can hold."""
    source = ["-f", "lavfi", "-t", 1, "-i", "testsrc2=s=64x36:r=25"]
    tag = ["-metadata", "comment=A film of mine; 1 of 2"]
    ffmpeg(*source, *tag, "-c:v", "libx264", "-bf", 0, "-g", 12, folder / "c.mp4")
    ffmpeg(*source, *tag, "-c:v", "libvpx", folder / "c.webm")
    return {"webm": folder / "c.webm", "": folder / "c.mp4"}


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "mxf"])
def test_the_film_says_that_its_sound_is_generated(suffix, commented, tmp_path):
    film = commented.get(suffix, commented[""])
    out, silent = tmp_path / f"o.{suffix}", tmp_path / f"n.{suffix}"
    made(film, out)
    tags, of_track = marks_of(out)
    comment = tags["comment_comment" if suffix == "mxf" else "comment"]
    note = read_note(comment)
    assert note is not None
    assert (note.seed, note.prompt, note.bandwidth_hz) == (3, "rain", 8000)
    assert note.source_type == COMPOSITE
    assert "bandwidth 8 kHz" in comment
    if suffix == "mxf":
        assert tags["comment_digital_source_type"] == COMPOSITE
    else:
        assert comment.startswith("A film of mine; 1 of 2\n")
    if suffix in ("mkv", "webm"):
        assert tags["digital_source_type"] == COMPOSITE
        assert of_track["digital_source_type"] == GENERATED
        assert of_track["generator_seed"] == "3"
    # dubbed again, it says it once
    again = tmp_path / f"again.{suffix}"
    made(out, again, mode="replace")
    tags, _ = marks_of(again)
    repeated = tags["comment_comment" if suffix == "mxf" else "comment"]
    assert repeated.count("Generated sound") == 1
    made(film, silent, provenance=False)
    assert "Generated sound" not in str(marks_of(silent))


def test_an_mp4_and_a_mov_carry_the_iptcs_term_as_xmp(commented, tmp_path):
    mp4, mov = tmp_path / "o.mp4", tmp_path / "o.mov"
    made(commented[""], mp4)
    made(commented[""], mov)
    for data, start in ((mp4.read_bytes(), XMP_BOX), (mov.read_bytes(), b"XMP_")):
        at = data.index(start)
        packet = data[data.index(b"<?xpacket begin", at) :]
        end = packet.index(b'<?xpacket end="w"?>') + len(b'<?xpacket end="w"?>')
        root = ElementTree.fromstring(packet[:end].decode())
        term = root.find(".//{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
        assert term is not None
        assert term.text == COMPOSITE
    boxes, data, at = [], mp4.read_bytes(), 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        boxes.append(data[at + 4 : at + 8])
        at += size
    assert at == len(data)
    assert boxes.count(b"uuid") == 1
    assert Fraction(boxes.index(b"uuid") + 1, len(boxes)) == 1
