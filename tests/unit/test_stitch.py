"""Laws of joining windows: nothing added, nothing lost, no seam."""

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtacli.signal.fades import FadeShape, declick
from vtacli.signal.media import Audio
from vtacli.signal.stitch import Grid, Stitcher, resample, stitch
from vtacli.timeline import Scene, Span, Window, plan, samples_at, tile

WINDOW_S = F(1024, 100)
MODEL_HZ = 16_000


def tone(window: Window, hz: float, rate_hz: int = MODEL_HZ, channels: int = 1) -> Audio:
    """A tone by the film's clock, so that every window has the same phase at the same time."""
    t = float(window.span.start_s) + np.arange(int(WINDOW_S * rate_hz)) / rate_hz
    return Audio(np.tile(np.sin(2 * np.pi * hz * t), (channels, 1)).astype(np.float32), rate_hz)


def joined(blocks) -> np.ndarray:
    return np.concatenate([b.data for b in blocks], axis=1)


def film(cuts, duration_s, crossfade_s=F(1)) -> list[Window]:
    spans = tile(cuts, duration_s, F(0))
    return plan([Scene(i, s) for i, s in enumerate(spans)], WINDOW_S, crossfade_s)


@pytest.mark.parametrize("length", [1, 2, 7, 48_000])
def test_shares_of_a_cross_fade_add_up_to_one(length):
    linear, power = FadeShape.LINEAR, FadeShape.EQUAL_POWER
    assert np.allclose(linear.rise(length) + linear.fall(length), 1, atol=1e-12)
    assert np.allclose(power.rise(length) ** 2 + power.fall(length) ** 2, 1, atol=1e-12)
    for rise in (linear.rise(length), power.rise(length), declick(length)):
        assert np.all(np.diff(rise) > 0)
        assert rise.min() >= 0
        assert rise.max() <= 1


rates = st.sampled_from([F(24), F(25), F(30000, 1001), F(24000, 1001), F(60000, 1001), F(997, 41)])


@settings(max_examples=60, deadline=None)
@given(
    rate=rates,
    frames=st.integers(1, 2500),
    cuts=st.lists(st.integers(1, 2500), max_size=6),
    out_hz=st.sampled_from([16_000, 44_100, 48_000]),
    fade=st.sampled_from([F(0), F(1, 3), F(1), F(341, 100)]),
)
def test_the_track_has_exactly_the_films_length(rate, frames, cuts, out_hz, fade):
    duration = frames / rate
    windows = film([c / rate for c in cuts], duration, fade)
    grid = Grid(out_hz, duration)
    silence = np.zeros((1, int(WINDOW_S * 4000)), np.float32)
    blocks = list(stitch(((w, Audio(silence, 4000)) for w in windows), grid))
    assert sum(map(len, blocks)) == samples_at(duration, out_hz)


def test_one_window_is_the_identity():
    window = Window(0, 0, Span(F(0), F(5)))
    noise = np.random.default_rng(1).standard_normal((2, 163_840)).astype(np.float32)
    out = joined(stitch([(window, Audio(noise, 16_000))], Grid(16_000, F(5), declick_s=F(0))))
    assert np.array_equal(out, noise[:, :80_000])


def test_a_tone_through_many_windows_is_the_tone():
    duration = F(40 * 1001, 1000)
    windows = film([], duration)
    assert len(windows) > 4
    grid = Grid(48_000, duration, FadeShape.LINEAR, declick_s=F(0))
    out = joined(stitch(((w, tone(w, 440)) for w in windows), grid))[0]
    want = np.sin(2 * np.pi * 440 * np.arange(len(out)) / 48_000)
    inside = slice(480, -480)  # the very first and last samples have nothing on their other side
    # a window starts at most half a sample off the grid: 2 pi 440 / 48000 / 2 = 0.029
    assert np.max(np.abs(out - want)[inside]) < 0.03
    # and no sample steps further than the tone itself does, plus that same shift
    assert np.max(np.abs(np.diff(out[inside]))) < 2 * np.pi * 440 / 48_000 * 1.05


def test_independent_windows_keep_their_power_through_the_seam():
    windows = film([], F(30), F(2))
    rng = np.random.default_rng(0)

    def noise():
        return Audio(rng.standard_normal((1, 491_520)).astype(np.float32), 48_000)

    out = joined(stitch(((w, noise()) for w in windows), Grid(48_000, F(30))))[0]
    for w in windows[1:]:
        a = samples_at(w.span.start_s, 48_000)
        seam = out[a : a + 96_000]
        assert abs(10 * np.log10(np.mean(seam**2))) < 0.15


def test_nothing_bleeds_over_a_cut():
    cut = F(1001 * 7, 1000) + F(1, 7)
    windows = film([cut], F(14))
    loud = Audio(np.ones((1, 163_840), np.float32), 16_000)
    mute = Audio(np.zeros((1, 163_840), np.float32), 16_000)
    at = samples_at(cut, 48_000)
    first = joined(stitch([(windows[0], loud), (windows[1], mute)], Grid(48_000, F(14))))[0]
    second = joined(stitch([(windows[0], mute), (windows[1], loud)], Grid(48_000, F(14))))[0]
    assert not np.any(first[at:])
    assert not np.any(second[:at])
    # the edge is faded to nothing, and is whole 4 ms away from it
    for edge in (first[at - 1], second[at]):
        assert abs(edge) < 1e-3
    assert first[at - 200] == pytest.approx(1, abs=1e-2)
    assert second[at + 200] == pytest.approx(1, abs=1e-2)


def test_a_scene_sounds_the_same_whatever_is_beside_it():
    windows = film([F(11)], F(33))
    a = joined(stitch(((w, tone(w, 300)) for w in windows), Grid(48_000, F(33))))
    b = joined(
        stitch(((w, tone(w, 300 if w.scene else 2000)) for w in windows), Grid(48_000, F(33)))
    )
    at = samples_at(F(11), 48_000)
    assert np.array_equal(a[:, at:], b[:, at:])
    assert not np.array_equal(a[:, :at], b[:, :at])


def test_no_more_than_a_window_is_held():
    windows = film([], F(600))
    stitcher = Stitcher(Grid(48_000, F(600)), 1)
    for w in windows:
        stitcher.add(w, tone(w, 100))
        assert stitcher._sum.shape[1] <= 48_000 + 1  # the cross-fade alone


@pytest.mark.parametrize("wrong", ["gap", "order", "overlap", "short", "channels"])
def test_windows_that_do_not_cover_the_film_are_refused(wrong):
    windows = film([], F(30))
    pieces = [(w, tone(w, 100)) for w in windows]
    if wrong == "gap":
        del pieces[1]
    elif wrong == "order":
        pieces.reverse()
    elif wrong == "overlap":
        w = windows[1]
        pieces[1] = (Window(0, 1, w.span, F(0), w.fade_out_s), pieces[1][1])
    elif wrong == "short":
        pieces[1] = (windows[1], Audio(np.zeros((1, 100), np.float32), 16_000))
    else:
        pieces[1] = (windows[1], tone(windows[1], 100, channels=2))
    with pytest.raises(ValueError, match=r"window"):
        list(stitch(pieces, Grid(48_000, F(30))))


def test_resampling_keeps_length_and_pitch():
    window = Window(0, 0, Span(F(0), WINDOW_S))
    out = resample(tone(window, 1000), 48_000)
    assert len(out) == 491_520
    spectrum = np.abs(np.fft.rfft(out.data[0]))
    assert np.argmax(spectrum) * 48_000 / len(out) == pytest.approx(1000, abs=0.2)
