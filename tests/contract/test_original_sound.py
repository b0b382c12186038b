"""A film's own sound, placed on the picture's clock to the sample."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from media_factory import X264, click_wav, ffmpeg, film, moving_picture

from vtacli.errors import MediaError, StorageError
from vtacli.media.audio import OriginalSound, write_wav
from vtacli.media.probe import probe
from vtacli.signal.media import Audio
from vtacli.timeline import samples_at


def heard(path: Path, rate_hz: int = 48_000) -> np.ndarray:
    return np.concatenate([b.data for b in OriginalSound(probe(path), rate_hz=rate_hz).blocks()], 1)


def with_click(path: Path, codec: str, rate: str = "25", seconds: int = 2, *more: object) -> Path:
    click = click_wav(path.with_suffix(".wav"), seconds * 48_000)
    ffmpeg(*moving_picture(seconds, rate), "-i", click, *X264, "-c:a", codec, *more, path)
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "aac"), ("a.mkv", "libopus"), ("a.mkv", "libvorbis"), ("a.mov", "pcm_s24le"),
     ("a.mkv", "flac"), ("a.mp4", "libmp3lame"), ("a.ts", "mp2")],
)  # fmt: skip
def test_priming_is_not_heard(tmp_path: Path, name: str, codec: str) -> None:
    data = heard(with_click(tmp_path / name, codec))
    assert data.shape == (2, 96_000)
    # MP3 and MP2 in these containers do not say their delay: a codec's own frame is allowed.
    slack = 1200 if codec in ("mp2", "libmp3lame") else 48 if name.endswith(".mkv") else 0
    assert abs(int(np.abs(data[0]).argmax()) - 24_000) <= slack


def test_a_track_that_starts_late_begins_with_silence(tmp_path: Path) -> None:
    source = with_click(tmp_path / "a.mov", "pcm_s24le")
    path = tmp_path / "late.mov"
    ffmpeg("-i", source, "-itsoffset", "0.2", "-i", source, "-map", "0:v", "-map", "1:a",
           "-c", "copy", path)  # fmt: skip
    data = heard(path)
    assert data.shape == (2, 96_000)
    assert abs(int(np.abs(data[0]).argmax()) - (24_000 + 9_600)) <= 48
    assert not data[:, :9_500].any()


def test_a_track_that_starts_early_loses_what_was_before(tmp_path: Path) -> None:
    source = with_click(tmp_path / "a.mov", "pcm_s24le")
    path = tmp_path / "early.mkv"
    ffmpeg("-itsoffset", "0.25", "-i", source, "-i", source, "-map", "0:v", "-map", "1:a",
           "-c", "copy", path)  # fmt: skip
    data = heard(path)
    assert data.shape == (2, 96_000)
    assert abs(int(np.abs(data[0]).argmax()) - 12_000) <= 48


def test_the_length_is_the_pictures_not_the_tracks(tmp_path: Path) -> None:
    click = click_wav(tmp_path / "c.wav", 48_000 * 3)
    for seconds, rate in ((1, "30000/1001"), (4, "24000/1001")):
        path = tmp_path / f"{seconds}.mp4"
        ffmpeg(*moving_picture(seconds, rate), "-i", click, *X264, "-c:a", "aac", path)
        found = probe(path)
        assert heard(path).shape[1] == samples_at(found.duration_s, 48_000)
        assert found.duration_s != seconds


def test_layouts_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "surround.mkv"
    sources = "|".join(f"{0.1 * (k + 1):.1f}*sin(2*PI*{200 + 100 * k}*t)" for k in range(6))
    ffmpeg(*moving_picture(1), "-f", "lavfi", "-i", f"aevalsrc={sources}:c=5.1:d=1:s=48000",
           *X264, "-c:a", "flac", path)  # fmt: skip
    sound = OriginalSound(probe(path))
    assert (sound.channels, sound.layout) == (6, "5.1")
    data = heard(path)
    for k in range(6):
        spectrum = np.abs(np.fft.rfft(data[k]))
        assert spectrum.argmax() == 200 + 100 * k
        assert np.abs(data[k]).max() == pytest.approx(0.1 * (k + 1), abs=0.01)


def test_another_rate_is_resampled_in_phase(tmp_path: Path) -> None:
    path = with_click(tmp_path / "a.mkv", "flac", "25", 2, "-ar", "44100")
    data = heard(path)
    assert data.shape == (2, 96_000)
    assert abs(int(np.abs(data[0]).argmax()) - 24_000) <= 1


def test_a_hole_is_silence_and_nothing_moves(tmp_path: Path) -> None:
    source = with_click(tmp_path / "a.mkv", "flac", "25", 3)
    path = tmp_path / "hole.mkv"
    click_at_end = tmp_path / "b.mkv"
    ffmpeg("-i", click_wav(tmp_path / "b.wav", 144_000, 120_000), "-c:a", "flac", click_at_end)
    drop = r"noise=drop=gt(pts*tb\,1)*lt(pts*tb\,1.5)"
    ffmpeg("-i", source, "-i", click_at_end, "-map", "0:v", "-map", "1:a", "-c", "copy",
           "-bsf:a", drop, path)  # fmt: skip
    data = heard(path)
    assert data.shape == (2, 144_000)
    assert abs(int(np.abs(data[0]).argmax()) - 120_000) <= 48


def test_blocks_have_the_size_asked_for(tmp_path: Path) -> None:
    path = film(tmp_path / "f.mp4", 2, sound=True)
    sizes = [len(b) for b in OriginalSound(probe(path)).blocks(10_000)]
    assert sizes == [10_000] * 9 + [6_000]


def test_a_silent_film_has_no_sound_to_give(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no sound"):
        OriginalSound(probe(film(tmp_path / "f.mp4", 1)))


def test_a_wav_is_written_in_blocks(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    data = rng.uniform(-1, 1, (2, 25_000)).astype(np.float32)
    blocks = [Audio(data[:, i : i + 7_000], 48_000) for i in range(0, 25_000, 7_000)]
    path = tmp_path / "w.wav"
    write_wav(path, blocks, rate_hz=48_000, channels=2, length=25_000)
    back, rate = soundfile.read(path)
    assert (rate, soundfile.info(path).format, soundfile.info(path).subtype) == (
        48_000, "WAV", "PCM_24",
    )  # fmt: skip
    np.testing.assert_allclose(back.T, data, atol=2**-23)
    with pytest.raises(ValueError, match="announced"):
        write_wav(path, blocks, rate_hz=48_000, channels=2, length=25_001)
    with pytest.raises(ValueError, match="channels"):
        write_wav(path, blocks, rate_hz=48_000, channels=1, length=25_000)
    with pytest.raises(StorageError):
        write_wav(tmp_path / "no" / "w.wav", blocks, rate_hz=48_000, channels=2, length=25_000)
    assert Fraction(len(back), rate) == Fraction(25, 48)
