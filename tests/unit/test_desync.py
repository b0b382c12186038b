"""DeSync: its arithmetic, what is compared of a film, and what is kept."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import made_synchformer
import numpy as np
import pytest
import torch
from media_factory import film

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.evaluation.films.material import Clip, Ears, Heard, Seen
from vtacli.evaluation.films.reading import own_sound
from vtacli.evaluation.films.score import figures_of
from vtacli.evaluation.films.synchrony import SHORTEST_S, Synchrony, compared
from vtacli.evaluation.metrics.levels import Levels
from vtacli.evaluation.metrics.offsets import OFFSETS_S, desync, likeliest_offsets
from vtacli.media.probe import probe
from vtacli.media.sampling import sample_frames
from vtacli.model.devices import choose_device
from vtacli.signal.media import Audio
from vtacli.timeline import Span

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "synchformer.json").read_text())
NOTHING = np.zeros(0)


def test_the_offsets_are_those_of_upstream_and_the_same_both_ways():
    assert OFFSETS_S.tolist() == pytest.approx(GOLDEN["grid"])
    assert np.array_equal(OFFSETS_S, -OFFSETS_S[::-1])
    assert OFFSETS_S[10] == 0


def test_desync_of_what_a_classifier_said():
    logits = np.zeros((4, 21))
    logits[[0, 1, 2, 3], [10, 0, 20, 8]] = 1.0
    offsets = likeliest_offsets(logits)
    assert offsets.tolist() == pytest.approx([0.0, -2.0, 2.0, -0.4])
    assert desync(offsets) == pytest.approx(1.1)
    assert desync(-offsets) == desync(offsets[::-1]) == desync(offsets)
    assert desync(np.zeros(3)) == 0
    assert np.isnan(desync(NOTHING))


@pytest.mark.parametrize("count", [0, 13])
def test_too_few_segments_are_not_compared(count):
    assert compared(count) == []


@pytest.mark.parametrize("count", [14, 20, 28, 40])
def test_the_first_and_the_last_segments_are_compared(count):
    which = compared(count)
    assert which[:14] == list(range(14))
    assert which[-14:] == list(range(count - 14, count))
    assert len(which) == min(count, 28)
    assert pytest.approx(4.8) == SHORTEST_S


class Told:
    """Says of each picture and sound what it was told, by the names of their files."""

    def __init__(self, offsets):
        self.offsets = offsets

    def offsets_s(self, seen, heard):
        return np.array(self.offsets[seen.name, heard.name])


class Listener:
    name, about = "toy", "a toy"


def clip(name: str, **more) -> Clip:
    levels = Levels(-20.0, -20.0, -3.0, 0.0)
    made, true = (
        Heard(levels, NOTHING, NOTHING, np.ones((1, 2)), None, sync=Path(f"{kind} {name}"))
        for kind in ("made", "true")
    )
    return Clip(name, Seen(8.0, 25.0, NOTHING, sync=Path(name)), made, true, **more)


def test_the_figure_with_its_floor_and_its_chance():
    names = ("a", "b", "c")
    offsets = {}
    for a in names:
        offsets |= {(a, f"made {b}"): (-2.0, 2.0) for b in names}
        offsets[a, f"true {a}"] = (0.0, 0.0)
        offsets[a, f"made {a}"] = (0.2, -0.4)
    offsets["c", "made c"] = (1.2, 0.0)
    clips = [clip(n) for n in names]
    ears = Ears(Listener(), synchrony=Told(offsets))

    def figure(some):
        return {f.key: f for f in figures_of(some, ears)}["desync"]

    found = figure(clips)
    assert found.per_clip == pytest.approx({"a": 0.3, "b": 0.3, "c": 0.6})
    assert found.made.value == pytest.approx(0.4)
    assert found.made.low < 0.4 < found.made.high
    assert (found.floor.value, found.ceiling.value) == pytest.approx((0.0, 2.0))
    assert (found.more_is_better, found.unit) == (False, "s")
    turned = figure(clips[::-1])
    assert turned.made.value == pytest.approx(found.made.value)
    assert turned.per_clip == pytest.approx(found.per_clip)

    short = replace(clips[0], seen=replace(clips[0].seen, sync=None))
    some = figure([short, *clips[1:]])
    assert some.made.units == 2
    assert "a" not in some.per_clip
    silent = Ears(Listener())
    assert "desync" not in {f.key for f in figures_of(clips, silent)}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return made_synchformer.folder(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return probe(film(tmp_path_factory.mktemp("film") / "f.mp4", seconds=10.5, sound=True))


def test_a_film_and_its_sound(tiny, footage, tmp_path):
    until = Fraction(21, 2)
    ear = Synchrony(tiny, "cpu")
    sound = own_sound(footage, until)
    seen, heard = ear.of_picture(footage, until, tmp_path), ear.of_sound(sound, until, tmp_path)
    tokens = [np.load(p)["tokens"] for p in (seen, heard)]
    assert [t.shape for t in tokens] == [(28, 8, 192), (28, 6, 192)]
    offsets = ear.offsets_s(seen, heard)
    with torch.no_grad():
        logits = ear.network(*(torch.from_numpy(np.stack([t[:14], t[-14:]])) for t in tokens))
    assert offsets.tolist() == likeliest_offsets(logits.double().numpy()).tolist()
    assert len(list(tmp_path.glob("*.npz"))) == 2

    # the last segments, reached by seeking, are those of the whole film
    whole = Span(Fraction(0), until)
    with sample_frames(footage, whole, frames_per_second=Fraction(25), frame_size_px=32) as store:
        data = torch.from_numpy(store.between(whole).data)
    every = made_synchformer.in_segments(data, 16, 8)
    assert len(every) == 31
    with torch.no_grad():
        expected = ear.network.see(every[compared(31)]).numpy()
    assert np.abs(tokens[0] - expected).max() < 1e-4
    assert np.abs(tokens[0] - expected[::-1]).max() > 0.05

    # what is kept is not asked for again
    again = Synchrony(tiny, "cpu")
    again.network = None
    assert again.of_picture(footage, until, tmp_path) == seen
    assert again.of_sound(sound, until, tmp_path) == heard
    assert again.offsets_s(seen, heard).tolist() == offsets.tolist()


def test_segments_of_sound_begin_with_those_of_the_picture(tiny, tmp_path):
    """A knock in the eleventh segment is in the eleventh place, whatever the rate."""
    ear = Synchrony(tiny, "cpu")
    quiet, knock = (np.zeros((2, 48_000 * 5), np.float32) for _ in range(2))
    knock[:, 48_000 * 352 // 100 + 2_000 :][:, :400] = 0.5
    tokens = [
        np.load(ear.of_sound(Audio(w, 48_000), Fraction(5), tmp_path))["tokens"]
        for w in (quiet, knock)
    ]
    changed = np.abs(tokens[0] - tokens[1]).max(axis=(1, 2)) > 1e-3
    assert np.flatnonzero(changed).tolist() == [10, 11]


def test_short_clips_have_none(tiny, footage, tmp_path):
    ear = Synchrony(tiny, "cpu")
    sound = Audio(np.zeros((1, 48_000 * 4), np.float32), 48_000)
    assert ear.of_picture(footage, Fraction(4), tmp_path) is None
    assert ear.of_sound(sound, Fraction(4), tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_weights_that_are_none(tmp_path):
    with pytest.raises(WeightsMissing):
        Synchrony(tmp_path)
    path = tmp_path / "a.pth"
    torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(WeightsRefused, match="no weights of Synchformer"):
        Synchrony(tmp_path)
    state = made_synchformer.state_of(made_synchformer.TINY)
    for wrong, said in (
        ({k: v for k, v in state.items() if k != "vproj.bias"}, "missing"),
        ({**state, "more": torch.zeros(1)}, "unexpected"),
        ({**state, "aproj.weight": torch.zeros(3, 3)}, "do not fit"),
    ):
        torch.save(wrong, path)
        with pytest.raises(WeightsRefused, match=said):
            Synchrony(tmp_path)
    # as upstream's training saves it, with the rest of its state
    torch.save({"model": state, "epoch": 1}, path)
    assert Synchrony(tmp_path, "cpu").device == choose_device("cpu")
