"""Sampling a stretch shows what the pass over the whole film shows, picture for picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_factory import X264, ffmpeg, film, film_of, moving_picture

from vtacli.errors import MediaError
from vtacli.media.probe import probe
from vtacli.media.sampling import sample_frames
from vtacli.media.video import analyse
from vtacli.timeline import Span

RATE, SIZE = Fraction(25, 2), 48


def uneven(path: Path) -> Path:
    """A variable rate: two of seven pictures are left out, and the clock does not start at 0."""
    keep = ["-vf", "select='lt(mod(n,7),5)'", "-fps_mode", "vfr", "-output_ts_offset", "3.7"]
    ffmpeg(*moving_picture(14, "25", "96x64"), *X264, "-g", "40", "-bf", "2", *keep, path)
    return path


@pytest.fixture(scope="module", params=["mp4", "ntsc.mov", "uneven.mkv", "open.ts"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sampling") / f"film.{request.param}"
    if request.param == "uneven.mkv":
        return uneven(place)
    if request.param == "open.ts":  # pictures lean on ones before the keyframe
        codec = ["-c:v", "mpeg2video", "-bf", "2", "-g", "30", "-threads", "1"]
        ffmpeg(*moving_picture(14, "25", "96x64"), *codec, place)
        return place
    return film(place, 14, "30000/1001" if "ntsc" in request.param else "25", "96x64")


def test_any_stretch_is_as_in_the_whole(path: Path) -> None:
    footage = probe(path)
    whole = analyse(footage, frames_per_second=RATE, frame_size_px=SIZE, detector=None).frames
    assert whole is not None
    end = footage.duration_s
    spans = [(Fraction(0), end), (Fraction(2), Fraction(3)), (Fraction(61, 10), Fraction(8))]
    for start_s, end_s in [*spans, (Fraction(9), end), (end - Fraction(1, 2), end)]:
        span = Span(start_s, end_s)
        with sample_frames(footage, span, frames_per_second=RATE, frame_size_px=SIZE) as store:
            part, expected = store.between(span), whole.between(span)
            assert np.array_equal(part.times_s, expected.times_s)
            assert np.array_equal(part.data, expected.data)
    whole.close()


@pytest.mark.parametrize("size", [(96, 48), (48, 96)])
def test_a_square_of_any_place_along_the_longer_side(tmp_path: Path, size: tuple[int, int]) -> None:
    wide, high = size
    ramp = np.arange(96, dtype=np.uint8) * 2
    pictures = np.zeros((4, high, wide, 3), np.uint8)
    pictures += ramp[None, None, :, None] if wide > high else ramp[None, :, None, None]
    footage = probe(film_of(tmp_path / "ramp.mkv", pictures, "2"))
    span = Span(Fraction(0), Fraction(2))
    means = []
    for place in (Fraction(0), Fraction(1, 2), Fraction(1)):
        with sample_frames(
            footage, span, frames_per_second=Fraction(1), frame_size_px=48, place=place
        ) as store:
            means.append(float(store.between(span).data.mean()))
    expected = [ramp[i : i + 48].mean() for i in (0, 24, 48)]
    assert means == pytest.approx(expected, abs=3)


def test_a_film_that_breaks_off_is_refused(tmp_path: Path) -> None:
    made = film(tmp_path / "a.mkv", 6, "25", "96x64")
    footage = probe(made)
    made.write_bytes(made.read_bytes()[: made.stat().st_size // 2])
    with pytest.raises(MediaError, match="could be decoded"):
        sample_frames(
            footage, Span(Fraction(0), footage.duration_s), frames_per_second=RATE, frame_size_px=8
        )
