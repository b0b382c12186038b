"""A scene's gain is chosen from that scene alone, and whatever is chosen fits under the ceiling."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtacli.balance import balance
from vtacli.foley import Foley, Recorder
from vtacli.media.spool import SoundSpool
from vtacli.options import MixOptions
from vtacli.progress import Note, ignore
from vtacli.signal.coding import STEPS, halvings_of, on_grid, samples_of, whole_numbers
from vtacli.signal.loudness import EDGE, TruePeakMeter, from_db, true_peak
from vtacli.signal.media import Audio
from vtacli.signal.mix import Gains, mixed
from vtacli.timeline import Scene, Span

RATE = 48_000
N = 4_000


class Own:
    """A film's own sound, in blocks that do not end where scenes do."""

    layout = "stereo"

    def __init__(self, data):
        self.data, self.channels = data, len(data)

    def blocks(self, report=ignore):
        for at in range(0, self.data.shape[1], 1_700):
            yield Audio(self.data[:, at : at + 1_700], RATE)


def noise(seed, level, samples=N, channels=1):
    data = np.random.default_rng(seed).uniform(-level, level, (channels, samples))
    return data.astype(np.float32)


def foley_of(sounds, width=0.0, **scenes) -> Foley:
    """Scenes one after the other; each fades at its edges, as stitched ones do."""
    recorder = Recorder(SoundSpool(RATE), width)
    for i, data in enumerate(sounds):
        span = Span(Fraction(i * N, RATE), Fraction((i + 1) * N, RATE))
        edge = np.ones(N, np.float32)
        edge[:192] = np.linspace(0, 1, 192) ** 2
        edge[-192:] = edge[191::-1]
        recorder.add(Scene(i, span, **scenes.get(f"s{i}", {})), [Audio(data * edge, RATE)])
    return Foley(recorder.spool, tuple(recorder.placed))


def heard(found, own) -> Audio:
    foley = found.foley.read(0, len(found.foley))
    return mixed(Audio(own.data, RATE), foley, Gains(1.0, found.trim), "stereo")


@settings(max_examples=15)
@given(
    levels=st.lists(st.floats(0, 3), min_size=4, max_size=4),
    loud=st.floats(0, 1.2),
    other=st.floats(0, 3),
    width=st.sampled_from([0.0, 1.0]),
    seed=st.integers(0, 99),
)
def test_no_scene_changes_another_and_all_fits(levels, loud, other, width, seed):
    sounds = [noise(seed + i, level) for i, level in enumerate(levels)]
    own = Own(noise(seed + 50, loud, 4 * N, 2))
    first = balance(foley_of(sounds, width), own, MixOptions(), ignore)
    assert true_peak([heard(first, own)]) <= from_db(-1.0) * 1.003
    changed = [*sounds[:2], noise(seed + 99, other), sounds[3]]
    then = balance(foley_of(changed, width), own, MixOptions(), ignore, trim=first.trim)
    assert then.trim == first.trim
    before, after = heard(first, own).data, heard(then, own).data
    for i in (0, 1, 3):
        assert np.array_equal(before[:, i * N : (i + 1) * N], after[:, i * N : (i + 1) * N])
    assert true_peak([Audio(after, RATE)]) <= max(
        from_db(-1.0) * 1.003, true_peak([Audio(np.float32(first.trim) * own.data, RATE)])
    )


def test_the_policy_goes_one_step_at_a_time():
    quiet, loud = noise(1, 0.1), noise(2, 0.9)
    own = Own(np.concatenate([noise(3, 0.2, 3 * N, 2), noise(4, 0.45, N, 2)], axis=1))
    notes = []
    found = balance(foley_of([quiet, loud, quiet, quiet]), own, MixOptions(), notes.append)
    gains = [p.gain for p in found.foley.scenes]
    assert gains[0] == gains[2] == 1.0
    assert from_db(-6) < gains[1] < 1
    assert found.trim == 1.0
    # an original that is over the ceiling by itself: the foley yields, then the mix is trimmed
    high = Own(noise(5, 1.3, 4 * N, 2))
    found = balance(foley_of([quiet] * 4), high, MixOptions(), notes.append)
    assert [p.gain for p in found.foley.scenes] == pytest.approx([from_db(-6)] * 4)
    assert found.trim < 0.75
    texts = [n.text for n in notes if isinstance(n, Note)]
    assert "The foley of scene 2 was lowered by" in texts[0]
    assert any("mix as a whole" in text for text in texts)


def test_gain_and_mute_of_a_scene_are_obeyed():
    sounds = [noise(1, 0.1)] * 3
    foley = foley_of(sounds, s0={"gain_db": -12.0}, s1={"mute": True})
    found = balance(foley, None, MixOptions(gain_db=6.0), ignore)
    gains = [p.gain for p in found.foley.scenes]
    assert gains == pytest.approx([from_db(-6), 0.0, from_db(6)])


def test_scenes_must_come_in_order_and_be_whole():
    recorder = Recorder(SoundSpool(RATE))
    span = Span(Fraction(1, 10), Fraction(2, 10))
    with pytest.raises(ValueError, match="begins at sample 4800"):
        recorder.add(Scene(0, span), [])
    span = Span(Fraction(0), Fraction(1, 10))
    with pytest.raises(ValueError, match="ends at sample 1, not 4800"):
        recorder.add(Scene(0, span), [Audio(np.zeros((1, 1), np.float32), RATE)])


def test_what_is_beside_a_programme_shapes_it_and_is_not_read():
    x = np.sin(0.5 * np.pi * np.arange(600) + 0.25 * np.pi)[None].astype(np.float32)
    part = TruePeakMeter(RATE, 1)
    part.beside(x[:, 200 - EDGE : 200])
    part.add(x[:, 200:210])
    part.beside(x[:, 210 : 210 + EDGE])
    assert part.peak() == pytest.approx(1.0, abs=0.02)
    alone = TruePeakMeter(RATE, 1)
    alone.beside(9 * x[:, :EDGE])
    alone.add(np.zeros((1, 300), np.float32))
    alone.beside(9 * x[:, :EDGE])
    assert alone.peak() < 9 * 0.8  # the slope of its edge, and not the programme beside it


@given(
    st.lists(st.floats(-40, 40, width=32), min_size=1, max_size=20),
)
def test_what_is_kept_is_read_back_exactly(values):
    data = np.array([values], np.float32)
    halvings = halvings_of(float(np.abs(data).max()))
    kept = on_grid(data, halvings)
    whole = whole_numbers(data, halvings)
    assert -STEPS <= whole.min() <= whole.max() < STEPS
    assert np.array_equal(samples_of(whole, halvings), kept)
    assert np.array_equal(on_grid(kept, halvings), kept)
    assert np.abs(kept - data).max() <= 2**halvings / STEPS / 2
    assert halvings == 0 or np.abs(whole).max() >= STEPS // 2 - 1


def test_no_number_is_refused():
    with pytest.raises(ValueError, match="no numbers"):
        halvings_of(float("nan"))
