"""One decode pass against films whose pictures, times and cuts are known."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from media_factory import X264, ffmpeg, film, film_of, moving_picture
from PIL import Image

from vtacli.errors import MediaError
from vtacli.media.probe import probe
from vtacli.media.scenes import DETECTORS
from vtacli.media.video import Analysis, analyse
from vtacli.progress import Event, Note, Step
from vtacli.timeline import Span

TWO = Fraction(2)


def numbered(count: int, size: int = 64) -> np.ndarray:
    """Flat grey pictures; picture k has the level 20 + 3 k."""
    levels = (20 + 3 * np.arange(count)).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, size, size, 3)).copy()


def levels_of(found: Analysis, span: Span) -> list[int]:
    """Numbers of the pictures that were sampled in a span of a :func:`numbered` film."""
    assert found.frames is not None
    data = found.frames.between(span).data
    return [round((float(level) - 20) / 3) for level in data.mean(axis=(1, 2, 3))]


def whole(found: Analysis) -> Span:
    return Span(Fraction(0), found.duration_s)


@pytest.mark.parametrize("rate", ["25", "30000/1001", "12", "10", "24000/1001"])
def test_samples_are_what_is_shown_at_their_time(tmp_path: Path, rate: str) -> None:
    path = film_of(tmp_path / "n.mp4", numbered(70), rate)
    found = analyse(probe(path), frames_per_second=TWO, frame_size_px=32)
    duration = 70 / Fraction(rate)
    assert found.duration_s == duration
    targets = [Fraction(k, 2) for k in range(int(duration * 2) + 1) if Fraction(k, 2) < duration]
    assert levels_of(found, whole(found)) == [int(t * Fraction(rate)) for t in targets]
    assert found.frames is not None
    np.testing.assert_array_equal(
        found.frames.between(whole(found)).times_s, [float(t) for t in targets]
    )


def test_variable_rate_goes_by_time_not_by_number(tmp_path: Path) -> None:
    constant = film_of(tmp_path / "c.mp4", numbered(50))
    path = tmp_path / "vfr.mp4"
    times = r"setpts='if(lt(N,20),N/25,0.8+(N-20)/10)/TB'"
    ffmpeg("-i", constant, "-vf", times, "-fps_mode", "passthrough", *X264, "-crf", "4",
           "-enc_time_base", "1/1000", "-video_track_timescale", "1000", path)  # fmt: skip
    found = analyse(probe(path), frames_per_second=TWO, frame_size_px=32)
    assert levels_of(found, whole(found)) == [0, 12, 22, 27, 32, 37, 42, 47]
    times_s = found.motion.times_s
    np.testing.assert_allclose(times_s[:20], np.arange(20) / 25, atol=1e-3)
    np.testing.assert_allclose(times_s[20:], 0.8 + np.arange(30) / 10, atol=1e-3)


def test_a_film_that_does_not_start_at_zero(tmp_path: Path) -> None:
    film_of(tmp_path / "n.mp4", numbered(60))
    for name in ("n.ts", "n.mkv"):
        ffmpeg("-itsoffset", "1.7", "-i", tmp_path / "n.mp4", "-c", "copy", "-copyts",
               tmp_path / name)  # fmt: skip
        found = analyse(probe(tmp_path / name), frames_per_second=TWO, frame_size_px=32)
        assert levels_of(found, whole(found)) == [0, 12, 25, 37, 50]
        assert found.motion.times_s[0] == 0


def test_spans_get_their_own_samples_and_never_none(tmp_path: Path) -> None:
    path = film_of(tmp_path / "n.mp4", numbered(60))
    known = [Fraction(28, 25)]
    found = analyse(
        probe(path), frames_per_second=TWO, frame_size_px=32, detector=None, known_cuts_s=known
    )
    assert found.cuts_s == known
    assert levels_of(found, Span(Fraction(1, 2), Fraction(3, 2))) == [12, 25]
    # No sampling time in [1.12, 1.2): the picture at the cut itself is there for it.
    assert levels_of(found, Span(Fraction(28, 25), Fraction(6, 5))) == [28]
    # Nothing was stored for this one: the nearest sample.
    assert levels_of(found, Span(Fraction(52, 25), Fraction(53, 25))) == [50]


def test_a_picture_is_prepared_as_for_clip(tmp_path: Path) -> None:
    """Against Pillow's bicubic resize of what another decoder says the picture is."""
    path = film(tmp_path / "t.mp4", 1, size="640x360")
    found = analyse(probe(path), frames_per_second=TWO, frame_size_px=224)
    assert found.frames is not None
    ours = found.frames.between(whole(found)).data[0].transpose(1, 2, 0)
    with av.open(str(path)) as container:
        flags = sum(Interpolation[n] for n in ("BICUBIC", "ACCURATE_RND", "FULL_CHR_H_INT"))
        first = next(container.decode(video=0)).to_image(interpolation=flags)
    small = first.resize((int(640 * 224 / 360), 224), Image.Resampling.BICUBIC)
    left = (small.width - 224) // 2
    reference = np.asarray(small.crop((left, 0, left + 224, 224)), np.float64)
    error = np.abs(ours.astype(np.float64) - reference)
    assert error.mean() < 0.5
    assert np.percentile(error, 99) < 12  # edges of a test card: Pillow's cubic is a little softer


def test_pictures_are_upright_and_square(tmp_path: Path) -> None:
    """The left half is red; turned a quarter clockwise, red is on top."""
    card = np.zeros((25, 64, 96, 3), np.uint8)
    card[:, :, :48, 0] = 255
    card[:, :, 48:, 2] = 255
    film_of(tmp_path / "card.mp4", card)
    ffmpeg("-display_rotation", "-90", "-i", tmp_path / "card.mp4", "-c", "copy",
           tmp_path / "turned.mp4")  # fmt: skip
    found = analyse(probe(tmp_path / "turned.mp4"), frames_per_second=TWO, frame_size_px=32)
    assert found.frames is not None
    red, _, blue = found.frames.between(whole(found)).data[0].astype(int)
    assert red[:12].mean() > 180 > 60 > red[20:].mean()
    assert blue[20:].mean() > 180 > 60 > blue[:12].mean()


def cut_film(path: Path, rate: str = "25") -> tuple[Path, list[int]]:
    """Three shots of 20 pictures of gentle movement: cuts at pictures 20 and 40."""
    rng = np.random.default_rng(5)
    shots = []
    for base in ((180, 60, 40), (40, 90, 200), (90, 200, 60)):
        ground = np.clip(rng.normal(0, 30, (96, 200, 3)) + base, 0, 255)
        shots += [ground[:, i : i + 128] for i in range(20)]
    return film_of(path, np.array(shots).astype(np.uint8), rate), [20, 40]


@pytest.mark.parametrize("detector", ["adaptive", "content", "histogram"])
@pytest.mark.parametrize("rate", ["25", "30000/1001"])
def test_cuts_are_found_at_their_exact_times(tmp_path: Path, detector: str, rate: str) -> None:
    path, cuts = cut_film(tmp_path / "cut.mp4", rate)
    found = analyse(probe(path), frames_per_second=None, detector=detector)
    assert found.cuts_s == [n / Fraction(rate) for n in cuts]
    assert found.frames is None


def test_every_detector_can_be_chosen(tmp_path: Path) -> None:
    path, _ = cut_film(tmp_path / "cut.mp4")
    for name in DETECTORS:
        analyse(probe(path), frames_per_second=None, detector=name)
    assert analyse(probe(path), frames_per_second=None, detector=None).cuts_s == []
    strict = analyse(probe(path), frames_per_second=None, detector="content", threshold=250)
    assert strict.cuts_s == []


def test_a_fade_through_black_is_a_cut_for_the_threshold_detector(tmp_path: Path) -> None:
    pictures = numbered(60) + 60
    pictures[28:33] = 0
    path = film_of(tmp_path / "fade.mp4", pictures)
    found = analyse(probe(path), frames_per_second=None, detector="threshold")
    assert len(found.cuts_s) == 1
    assert Fraction(28, 25) <= found.cuts_s[0] <= Fraction(33, 25)


def test_a_cut_at_variable_rate_has_its_own_time(tmp_path: Path) -> None:
    cut_film(tmp_path / "cut.mp4")
    path = tmp_path / "vfr.mp4"
    times = r"setpts='if(lt(N,10),N/25,0.4+(N-10)/10)/TB'"
    ffmpeg("-i", tmp_path / "cut.mp4", "-vf", times, "-fps_mode", "passthrough", *X264,
           "-enc_time_base", "1/1000", "-video_track_timescale", "1000", path)  # fmt: skip
    found = analyse(probe(path), frames_per_second=None)
    assert [float(c) for c in found.cuts_s] == pytest.approx([1.4, 3.4], abs=0.002)


def test_motion_sees_a_bounce_through_a_codec_and_no_cut(tmp_path: Path) -> None:
    y, x = np.mgrid[0:144, 0:256]
    heights = [30 + abs(12 - i % 24) * 7 for i in range(72)]  # down and up, turns every 12
    ball = np.array([(x - 128) ** 2 + (y - h) ** 2 < 14**2 for h in heights])
    pictures = np.where(ball[..., None], 230, 70).astype(np.uint8).repeat(3, axis=-1)
    path = film_of(tmp_path / "ball.mp4", pictures)
    onset = analyse(probe(path), frames_per_second=None).motion.values[:, 1]
    turns = [12, 24, 36, 48, 60]
    for turn in turns:
        assert onset[turn - 1 : turn + 2].max() > 0.4
    others = [i for i in range(4, 70) if min(abs(i - t) for t in turns) > 2]
    assert onset[others].max() < 0.3
    cut, numbers = cut_film(tmp_path / "cut.mp4")
    curve = analyse(probe(cut), frames_per_second=None).motion
    assert curve.values[numbers, 1].max() == 0
    assert curve.values[numbers, 0].max() < 0.1


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv422p", "yuvj420p", "nv12", "gray"])
def test_any_pixel_format_gives_the_same_film(tmp_path: Path, pixels: str) -> None:
    films = []
    for name in ("yuv420p", pixels):
        path = tmp_path / f"{name}.mkv"
        ffmpeg(*moving_picture(1), "-vf", f"scale=out_range=auto,format={name}", "-c:v",
               "rawvideo" if name == "nv12" else "ffv1", path)  # fmt: skip
        films.append(analyse(probe(path), frames_per_second=TWO, detector=None))
    was, now = films
    np.testing.assert_allclose(now.motion.values[2:, 0], was.motion.values[2:, 0], rtol=0.15)
    assert now.frames is not None
    assert was.frames is not None
    weights = np.array([0.299, 0.587, 0.114])[:, None, None]  # luma, which all of them share
    luma = [(f.frames.between(whole(f)).data * weights).sum(axis=1) for f in films]  # type: ignore[union-attr]
    assert np.abs(luma[0] - luma[1]).mean() < 3


def damaged(path: Path, output: Path, first: int, last: int) -> Path:
    data = bytearray(path.read_bytes())
    data[first:last] = bytes(b ^ 0x5A for b in data[first:last])
    output.write_bytes(data)
    return output


def test_a_little_damage_is_a_warning_and_much_is_an_error(tmp_path: Path) -> None:
    path = film(tmp_path / "f.mkv", 4)
    size = path.stat().st_size
    notes: list[Event] = []
    bad = damaged(path, tmp_path / "little.mkv", size // 2, size // 2 + 800)
    found = analyse(probe(bad), frames_per_second=TWO, report=notes.append)
    assert found.pictures > 90
    very = tmp_path / "very.mp4"
    ffmpeg("-i", path, "-c", "copy", very)
    size = very.stat().st_size
    very = damaged(very, tmp_path / "very2.mp4", size // 10, size * 9 // 10)
    with pytest.raises(MediaError, match=r"of 100 pictures"):
        analyse(probe(very), frames_per_second=TWO)


def test_damage_is_told(tmp_path: Path) -> None:
    path = film(tmp_path / "f.mp4", 4)
    notes: list[Event] = []
    with av.open(str(path)) as container:
        packet = next(p for i, p in enumerate(container.demux(video=0)) if i == 40)
        first, last = packet.pos, packet.pos + packet.size
    bad = damaged(path, tmp_path / "little.mp4", first, last)
    analyse(probe(bad), frames_per_second=None, report=notes.append)
    assert any(isinstance(n, Note) and n.level == "warning" for n in notes)


def test_progress_is_told_as_data(tmp_path: Path) -> None:
    events: list[Event] = []
    analyse(probe(film(tmp_path / "f.mp4", 2)), frames_per_second=None, report=events.append)
    steps = [e for e in events if isinstance(e, Step)]
    assert steps[-1] == Step("decode", 50, 50)


def test_the_spool_has_no_name_and_cancelling_leaves_nothing(tmp_path: Path) -> None:
    path = film(tmp_path / "f.mp4", 2)
    spool = tmp_path / "spool"
    spool.mkdir()
    found = analyse(probe(path), frames_per_second=TWO, spool=spool)
    assert list(spool.iterdir()) == []
    assert found.frames is not None
    found.frames.close()

    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse(probe(path), frames_per_second=TWO, spool=spool, report=stop)
    assert list(spool.iterdir()) == []


MEASURE = """
import resource, sys
from fractions import Fraction
from vtacli.media.probe import probe
from vtacli.media.video import analyse
found = analyse(probe(sys.argv[1]), frames_per_second=Fraction(25), frame_size_px=224)
print(len(found.frames), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    """150 and 1,500 sampled pictures of 150 KB: kept in memory, the second would add 200 MB."""
    short, long = film(tmp_path / "short.mp4", 6), tmp_path / "long.mp4"
    ffmpeg("-stream_loop", "9", "-i", short, "-c", "copy", long)
    peaks = []
    for path, pictures in ((short, 150), (long, 1500)):
        told = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path)],
            capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
            env={**os.environ, "TMPDIR": str(tmp_path)},
        ).stdout.split()  # fmt: skip
        assert int(told[0]) == pictures
        peaks.append(int(told[1]))
    assert peaks[1] < peaks[0] * 1.05 + 4_000
