"""What the audition page draws: outlines, spectra, motion and small pictures."""

from __future__ import annotations

import re
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import cv2
import media_factory
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from vtacli.errors import MediaError
from vtacli.media.probe import probe
from vtacli.review.motion import draw_motion
from vtacli.review.proxy import film_proxy, picture_proxy, proxy_size, sound_proxy
from vtacli.review.spectrogram import height_of, spectrogram, spectrogram_png
from vtacli.review.thumbnails import thumbnails
from vtacli.review.waveform import outline, outline_path
from vtacli.signal.media import Curve


def wav(path: Path, data: np.ndarray, rate: int = 48_000) -> Path:
    soundfile.write(path, data, rate, subtype="FLOAT")
    return path


@given(samples=st.integers(1, 400), columns=st.integers(1, 60), seed=st.integers(0, 9))
def test_an_outline_holds_every_sample_and_reaches_no_further(
    tmp_path_factory: pytest.TempPathFactory, samples: int, columns: int, seed: int
) -> None:
    data = np.random.default_rng(seed).uniform(-1, 1, (samples, 2)).astype(np.float32)
    found = outline(wav(tmp_path_factory.mktemp("o") / "a.wav", data), columns)
    edges = np.linspace(0, samples, columns + 1).round().astype(int)
    for column, (low, high) in enumerate(found):
        part = data[edges[column] : edges[column + 1]]
        if len(part):
            assert low == min(0.0, part.min())
            assert high == max(0.0, part.max())


def test_a_path_is_a_closed_shape_within_its_height(tmp_path: Path) -> None:
    loud = np.sin(np.arange(48_000) / 5)[:, None].astype(np.float32) * 2  # clipped to the drawing
    path = outline_path(outline(wav(tmp_path / "a.wav", loud), 50))
    assert path.startswith("M0 ")
    assert path.endswith("Z")
    points = re.findall(r"(\d+) ([\d.]+)", path)
    assert len(points) == 100
    assert all(0 <= float(y) <= 100 and 0 <= int(x) < 50 for x, y in points)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.flac"
    bad.write_bytes(b"no sound")
    for read in (lambda: outline(bad, 4), lambda: spectrogram(bad, 4, 8)):
        with pytest.raises(MediaError, match=r"bad\.flac"):
            read()


@pytest.mark.parametrize("hz", [200, 1000, 5000, 15_000])
def test_a_tone_is_brightest_at_its_height_and_as_loud_as_it_is(tmp_path: Path, hz: int) -> None:
    tone = 0.1 * np.sin(2 * np.pi * hz * np.arange(48_000) / 48_000)
    levels = spectrogram(wav(tmp_path / "t.wav", tone[:, None]), 10, 96)
    brightest = levels.argmax(axis=0) + 0.5
    assert np.abs(brightest / 96 - height_of(hz)).max() < 0.025
    # twice the amplitude is 6 dB more, everywhere
    louder = spectrogram(wav(tmp_path / "l.wav", 2 * tone[:, None]), 10, 96)
    assert (louder.max(axis=0) - levels.max(axis=0)) == pytest.approx(6.02, abs=0.01)


def test_time_runs_to_the_right_and_silence_is_dark(tmp_path: Path) -> None:
    data = np.zeros((48_000, 1), np.float32)
    data[24_000:] = np.random.default_rng(0).standard_normal((24_000, 1)) * 0.1
    levels = spectrogram(wav(tmp_path / "h.wav", data), 20, 32)
    picture = cv2.imdecode(np.frombuffer(spectrogram_png(levels), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (32, 20, 3)
    assert picture[:, :9].max() < 10
    assert picture[:, 11:].mean() > 80


def test_frequencies_that_a_rate_does_not_have_are_dark(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal((16_000, 1)) * 0.2
    levels = spectrogram(wav(tmp_path / "n.wav", noise, 16_000), 4, 96)
    limit = height_of(8000) * 96
    assert levels[int(limit) + 2 :].max() < -120
    assert levels[4 : int(limit) - 2].min() > -80


def test_a_few_samples_are_drawn_too(tmp_path: Path) -> None:
    short = wav(tmp_path / "s.wav", np.ones((3, 1), np.float32))
    assert outline(short, 8).max() == 1.0
    assert np.isfinite(spectrogram(short, 8, 16)).all()


def test_motion_stands_where_it_is() -> None:
    times = np.arange(100) / 25
    values = np.zeros((100, 2), np.float32)
    values[50:60, 0] = 0.2
    values[70, 1] = 0.9
    values[20, 1] = 0.3
    drawn = draw_motion(Curve(times, values), Fraction(4), 200)
    assert drawn.top == pytest.approx(0.2)
    assert drawn.strikes == ((0.7, 0.9),)  # the unlikely one is none
    heights = [float(y) for _, y in re.findall(r"L?(\d+) ([\d.]+)", drawn.hill)][1:-1]
    assert min(heights[:99]) == 100  # nothing moves
    assert max(heights[100:119]) == 0  # columns between two pictures hold what is shown
    assert min(heights[121:]) == 100


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pictures at 20 a second, each brighter than the one before by 5."""
    pictures = np.repeat(np.arange(0, 200, 5, dtype=np.uint8), 120 * 80 * 3)
    path = tmp_path_factory.mktemp("counted") / "counted.mp4"
    return media_factory.film_of(path, pictures.reshape(40, 80, 120, 3), "20")


def test_small_pictures_are_those_that_are_shown(counted: Path, tmp_path: Path) -> None:
    proxy = tmp_path / "p.mp4"
    picture_proxy(probe(counted), proxy)
    times = [Fraction(0), Fraction(1, 40), Fraction(1), Fraction(31, 20), Fraction(199, 100)]
    found = thumbnails(proxy, times, 40)
    for time_s, jpeg in zip(times, found, strict=True):
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture.shape == (40, 60)
        assert abs(picture.mean() - 5 * int(time_s * 20)) < 4


def test_a_proxy_has_the_films_time_and_no_more_than_its_size(
    counted: Path, tmp_path: Path
) -> None:
    picture, film = tmp_path / "p.mp4", tmp_path / "f.mp4"
    footage = probe(counted)
    picture_proxy(footage, picture)
    click = media_factory.click_wav(tmp_path / "c.wav", 96_000, at=48_000)
    film_proxy(picture, click, film, footage.duration_s)
    found = probe(film)
    assert found.duration_s == footage.duration_s
    assert found.frames == 40
    assert (found.width, found.height) == (120, 80)
    sound = media_factory.decoded(film, 1)
    assert abs(int(np.abs(sound[:, 0]).argmax()) - 48_000) <= 2  # AAC's padding is not heard


def test_a_large_picture_is_made_small_and_upright(tmp_path: Path) -> None:
    film = media_factory.film(tmp_path / "wide.mp4", 1, "50", "1280x720")
    turned = tmp_path / "turned.mp4"
    media_factory.ffmpeg("-display_rotation", "90", "-i", film, "-c", "copy", turned)
    footage = probe(turned)
    assert proxy_size(footage) == (360, 640)
    proxy = tmp_path / "p.mp4"
    picture_proxy(footage, proxy)
    found = probe(proxy)
    assert (found.width, found.height, found.rotation) == (360, 640, 0)
    assert found.frame_rate == 30
    assert abs(found.duration_s - footage.duration_s) <= Fraction(1, 30)


def test_a_sound_by_itself_is_raised_as_asked(tmp_path: Path) -> None:
    tone = 0.1 * np.sin(np.arange(48_000) / 20)
    source, out = wav(tmp_path / "t.wav", tone[:, None]), tmp_path / "t.m4a"
    sound_proxy(source, out, 6.0206)
    with av.open(BytesIO(out.read_bytes())) as container:
        assert container.streams.audio[0].codec_context.name.startswith("aac")
        frames = [f.to_ndarray() for f in container.decode(audio=0)]
    assert np.abs(np.concatenate(frames, axis=1)[:, 5000:40_000]).max() == pytest.approx(
        0.2, rel=0.05
    )
