"""Kept windows: found by everything that they depend on, and the same to the bit, or not at all."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fakes import FAKE, FakeModel, handle
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from many_scenes import SCENES, twenty_scenes

from vtacli.dub import dub
from vtacli.errors import ConfigError
from vtacli.media.audio import OriginalSound
from vtacli.media.probe import probe
from vtacli.model.contract import Drawn, NoiseKey, Reference, Sampling, Take, WindowContent
from vtacli.model.guess import Guess, Seen
from vtacli.options import GenerateOptions, MixOptions, SceneOptions
from vtacli.progress import Note
from vtacli.signal.media import Audio, Curve, Frames
from vtacli.window_cache.entry import decoded, encoded
from vtacli.window_cache.facade import fingerprint_of, remembered
from vtacli.window_cache.identity import MEMOS, model_hash
from vtacli.window_cache.key import digest_of, key_of
from vtacli.window_cache.place import cache_folder, limit_bytes, set_limit, size_of
from vtacli.window_cache.runs import count_run, read_runs
from vtacli.window_cache.store import WindowCache

GB = 10**9
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def noise(seed: int, count: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((1, count)).astype(np.float32)


CONTENT = WindowContent(
    frames=Frames(np.zeros((2, 3, 4, 4), np.uint8), np.array([0.0, 0.5])),
    duration_s=10.0,
    key=NoiseKey(1, 2, 3),
    motion=Curve(np.array([0.0, 0.1]), np.zeros((2, 2), np.float32)),
    hits=((1.0, 0.5),),
    prompt="rain",
    negative="wind",
    draft=True,
    references=(Reference("a.wav", Audio(noise(1), 16_000)),),
    reference_strength=0.3,
)
SAMPLING = Sampling(20, 2.0, "unipc", 1.0, 1.0, "normal")
TAKE = Take(
    noise(2),
    16_000,
    Guess((Seen("racket", 1 / 3, "ball hit"),), (("ball hit", 0.1),)),
    (Drawn("rain", "rain.opus", (0.0, 1.25), 0.8),),
)


# -- keys ------------------------------------------------------------------------------------------


def others(value):
    """Values of the same kind that differ from this one in one place each, by their way there."""
    if is_dataclass(value):
        for f in fields(value):
            for way, other in others(getattr(value, f.name)):
                yield f".{f.name}{way}", _with(value, f.name, other)
    elif isinstance(value, np.ndarray):
        changed = value.copy()
        changed.flat[-1] += 1
        yield "[-1]", changed
        yield "[:-1]", value[:-1]
    elif isinstance(value, tuple):
        yield "()", ()
        yield "twice", value * 2
        for i, item in enumerate(value):
            for way, other in others(item):
                yield f"[{i}]{way}", (*value[:i], other, *value[i + 1 :])
    elif isinstance(value, bool):
        yield "", not value
    elif isinstance(value, (int, float)):
        yield "", value + 1
        yield "none", None
    elif isinstance(value, str):
        yield "", value + "x"
        yield "none", None
    elif value is None:
        yield "some", 0.5
    else:
        raise TypeError(f"say here how {value!r} can differ")


def _with(value, name, other):
    """As replace, without the checks that a changed value may not pass."""
    changed = object.__new__(type(value))
    for f in fields(value):
        object.__setattr__(changed, f.name, other if f.name == name else getattr(value, f.name))
    return changed


def test_every_field_is_part_of_the_key_however_deep():
    key = key_of(CONTENT, SAMPLING, "m", "cpu")
    contents = dict(others(CONTENT))
    samplings = dict(others(SAMPLING))
    for value, found in ((CONTENT, contents), (SAMPLING, samplings)):
        reached = {way.lstrip(".").split(".")[0].split("[")[0] for way in found}
        for f in fields(value):
            assert any(r.startswith(f.name) for r in reached), f"{f.name} is not tried"
    assert len(contents) > 30
    keys = {way: key_of(c, SAMPLING, "m", "cpu") for way, c in contents.items()}
    keys |= {way: key_of(CONTENT, s, "m", "cpu") for way, s in samplings.items()}
    keys["model"] = key_of(CONTENT, SAMPLING, "n", "cpu")
    keys["device"] = key_of(CONTENT, SAMPLING, "m", "cuda")
    assert key not in keys.values()
    assert len(set(keys.values())) == len(keys)


def test_the_key_knows_values_and_not_objects(monkeypatch):
    key = key_of(CONTENT, SAMPLING, "m", "cpu")
    (reference,) = CONTENT.references
    again = replace(
        CONTENT,
        frames=Frames(np.asfortranarray(CONTENT.frames.data), CONTENT.frames.times_s.copy()),
        references=(replace(reference),),
    )
    assert key_of(again, SAMPLING, "m", "cpu") == key
    monkeypatch.setattr("vtacli.window_cache.key.EDITION", 10**6)
    assert key_of(CONTENT, SAMPLING, "m", "cpu") != key


simple = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)  # fmt: skip


@given(a=simple, b=simple)
def test_what_differs_is_hashed_otherwise(a, b):
    assert (digest_of(a) == digest_of(b)) == (repr(a) == repr(b))


def test_what_is_not_known_cannot_be_part_of_a_key():
    for value in (object(), {1, 2}, np.array([object()]), lambda: 0):
        with pytest.raises(TypeError):
            digest_of(value)
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})


# -- entries ---------------------------------------------------------------------------------------


def same(a: Audio, b: Audio) -> bool:
    """Equal to the bit, NaN and minus zero too."""
    if type(a) is not type(b) or a.data.tobytes() != b.data.tobytes() or a.rate_hz != b.rate_hz:
        return False
    if a.data.shape != b.data.shape or a.data.dtype != b.data.dtype:
        return False
    said = ("guess", "drawn")
    return not isinstance(a, Take) or all(getattr(a, n) == getattr(b, n) for n in said)


@given(
    data=hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)),
    rate=st.sampled_from([16_000, 48_000]),
    take=st.booleans(),
)
def test_a_window_comes_back_to_the_bit(data, rate, take):
    sound = Take(data, rate, TAKE.guess, TAKE.drawn) if take else Audio(data, rate)
    assert same(decoded(encoded(sound)), sound)


def test_all_that_is_said_of_a_take_comes_back():
    """A field that is added to a take, a guess or a draft is kept as well, or this fails."""
    assert {f.name for f in fields(Take)} == {"data", "rate_hz", "guess", "drawn"}
    back = decoded(encoded(TAKE))
    assert same(back, TAKE)
    assert back.data.flags.writeable
    for value, kept in ((TAKE.guess, back.guess), (TAKE.guess.seen[0], back.guess.seen[0])):
        plain = type(value)() if not isinstance(value, Seen) else Seen("", 0.0, "")
        for f in fields(value):
            assert getattr(kept, f.name) == getattr(value, f.name) != getattr(plain, f.name)
    assert back.drawn[0] == TAKE.drawn[0]
    assert all(getattr(TAKE.drawn[0], f.name) for f in fields(Drawn))


def test_a_flipped_bit_is_found_wherever_it_is():
    data = bytearray(encoded(Take(noise(3, 8), 16_000, TAKE.guess)))
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="no window"):
            decoded(bytes(data))
        data[bit // 8] ^= 1 << bit % 8
    for cut in range(len(data)):
        with pytest.raises(ValueError, match="no window"):
            decoded(bytes(data[:cut]))


# -- the folder ------------------------------------------------------------------------------------


def key(number: int) -> str:
    return digest_of(number)


def used(cache: WindowCache, number: int, at_s: float) -> None:
    path = cache.folder / key(number)[:2] / key(number)
    os.utime(path, (at_s, at_s))


def test_those_used_longest_ago_go_first(tmp_path):
    size = len(encoded(Audio(noise(0), 16_000)))
    cache = WindowCache(tmp_path / "c", 5 * size)
    for i in range(5):
        assert cache.put(key(i), Audio(noise(i), 16_000))
        used(cache, i, 1000 + i)
    assert same(cache.get(key(0)), Audio(noise(0), 16_000))  # now the one used last
    cache.put(key(5), Audio(noise(5), 16_000))
    there = [i for i in range(6) if cache.get(key(i)) is not None]
    assert there == [0, 4, 5] or there == [0, 3, 4, 5]
    assert sum(k.size for k in cache.kept()) <= 5 * size
    for i in range(6, 60):
        cache.put(key(i), Audio(noise(i), 16_000))
        assert sum(k.size for k in cache.kept()) <= 5 * size
    assert cache.get(key(59)) is not None


def test_a_window_larger_than_the_limit_is_not_kept(tmp_path):
    cache = WindowCache(tmp_path / "c", 100)
    assert not cache.put(key(0), TAKE)
    assert "limit" in cache.trouble
    assert not (tmp_path / "c").exists()


def test_only_its_owner_can_read_it(tmp_path):
    cache = WindowCache(tmp_path / "c", GB)
    cache.put(key(0), TAKE)
    for path in (tmp_path / "c").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    assert not stat.S_IMODE((tmp_path / "c").stat().st_mode) & 0o077


def test_a_damaged_window_is_none_and_goes(tmp_path):
    cache = WindowCache(tmp_path / "c", GB)
    cache.put(key(0), TAKE)
    (kept,) = cache.kept()
    data = bytearray(kept.path.read_bytes())
    data[len(data) // 2] ^= 4
    for damaged in (bytes(data), b"", bytes(data[:40]), os.urandom(2000)):
        kept.path.write_bytes(damaged)
        assert cache.get(key(0)) is None
        assert not kept.path.exists()
    cache.put(key(0), TAKE)
    kept.path.unlink()
    kept.path.mkdir()
    assert cache.get(key(0)) is None


def test_clear_leaves_what_is_not_its_own(tmp_path):
    cache = WindowCache(tmp_path / "c", GB)
    for i in range(4):
        cache.put(key(i), TAKE)
    (tmp_path / "c" / "notes.txt").write_text("mine")
    (tmp_path / "c" / "my").mkdir()
    (tmp_path / "c" / "my" / "list.txt").write_text("mine")
    assert cache.clear() == 4
    assert (tmp_path / "c" / "my" / "list.txt").exists()
    assert list(cache.kept()) == []
    assert (tmp_path / "c" / "notes.txt").read_text() == "mine"


WRITER = """
import sys
from pathlib import Path
import numpy as np
from vtacli.signal.media import Audio
from vtacli.window_cache.key import digest_of
from vtacli.window_cache.store import WindowCache

folder, first, last, size = Path(sys.argv[1]), *map(int, sys.argv[2:5])
cache = WindowCache(folder, int(sys.argv[5]))
print("ready", flush=True)
for i in range(first, last):
    data = np.random.default_rng(i).standard_normal((1, size)).astype(np.float32)
    assert cache.put(digest_of(i), Audio(data, 16_000)), cache.trouble
    back = cache.get(digest_of(i - 3))
    if back is not None:
        expected = np.random.default_rng(i - 3).standard_normal((1, size)).astype(np.float32)
        assert np.array_equal(back.data, expected)
"""


def writer(folder: Path, *numbers: int) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, str(folder), *map(str, numbers)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE)


def test_two_processes_write_and_delete_beside_each_other(tmp_path):
    limit = 40 * (4 * 1000 + 200)
    both = [writer(tmp_path / "c", first, 300, 1000, limit) for first in (0, 10)]
    assert [p.wait(60) for p in both] == [0, 0]
    cache = WindowCache(tmp_path / "c", limit)
    for window in list(cache.kept()):
        assert cache.get(window.path.name) is not None
    assert sum(k.size for k in cache.kept()) <= 2 * limit
    assert not [p for p in (tmp_path / "c").iterdir() if p.name.startswith(".part")]


def test_a_writer_that_is_killed_leaves_nothing_wrong(tmp_path, monkeypatch):
    folder = tmp_path / "c"
    seen = WindowCache(folder, GB)
    for moment in range(4):
        process = writer(folder, 1000 * moment, 10**6, 400_000, GB)
        before = len(list(seen.kept()))
        while len(list(seen.kept())) == before:  # it is at work
            assert process.poll() is None
            time.sleep(0.002)
        time.sleep(0.005 * moment)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    cache = WindowCache(folder, GB)
    windows = list(cache.kept())
    assert windows
    for window in windows:
        assert cache.get(window.path.name) is not None  # what has its name is whole
    part = folder / ".part-1234"
    part.write_bytes(b"half")
    cache.trim(GB)
    assert part.exists()  # it may be somebody's
    monkeypatch.setattr("vtacli.window_cache.store.LEFT_OVER_S", -1.0)
    with WindowCacheWriting(folder / ".part-5678"):
        cache.trim(GB)
        assert [p.name for p in folder.glob(".part-*")] == [".part-5678"]
    assert len(list(cache.kept())) == len(windows)


class WindowCacheWriting:
    """Another process that holds the lock of a part."""

    def __init__(self, part: Path) -> None:
        code = (
            "import fcntl, sys, time; f = open(sys.argv[1], 'wb'); fcntl.flock(f, fcntl.LOCK_EX);"
            "print('held', flush=True); time.sleep(60)"
        )
        command = [sys.executable, "-c", code, str(part)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def __enter__(self) -> None:
        assert self.process.stdout.readline() == b"held\n"

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()


# -- models ----------------------------------------------------------------------------------------


@pytest.fixture
def weights(tmp_path) -> Path:
    folder = tmp_path / "model"
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "a.safetensors").write_bytes(b"weights")
    (folder / "model_index.json").write_text("{}")
    (folder / "NOTICE.md").write_text("thanks")
    for path in folder.rglob("*"):
        os.utime(path, (1e9, 1e9))
    return folder


def test_a_model_is_what_its_files_hold(weights, tmp_path):
    before = model_hash(weights, tmp_path / "c")
    (weights / "NOTICE.md").write_text("many thanks")
    assert model_hash(weights, tmp_path / "c") == before
    copy = tmp_path / "elsewhere"
    subprocess.run(["cp", "-r", weights, copy], check=True)
    assert model_hash(copy, tmp_path / "c") == before
    (copy / "unet" / "b.json").write_text("{}")
    assert model_hash(copy, tmp_path / "c") != before
    (copy / "unet" / "b.json").unlink()
    (copy / "unet" / "a.safetensors").write_bytes(b"weightS")
    assert model_hash(copy, tmp_path / "c") != before
    assert fingerprint_of(replace(handle(), folder=weights)) == before
    assert fingerprint_of(handle()) == "fake"


def test_a_file_is_hashed_once(weights, tmp_path, monkeypatch):
    before = model_hash(weights, tmp_path / "c")
    calls = []
    real = __import__("hashlib").file_digest
    monkeypatch.setattr(
        "vtacli.window_cache.identity.file_digest",
        lambda file, name: calls.append(file.name) or real(file, name),
    )
    assert model_hash(weights, tmp_path / "c") == before
    assert calls == []
    file = weights / "unet" / "a.safetensors"
    file.write_bytes(b"WEIGHTS")  # of the same size, and at the same time, but not of before
    os.utime(file, (1e9 + 1, 1e9 + 1))
    assert model_hash(weights, tmp_path / "c") != before
    assert [Path(c).name for c in calls] == ["a.safetensors"]
    (memo,) = (tmp_path / "c" / MEMOS).iterdir()
    for broken in ("", "[]", "{", '{"unet/a.safetensors": [7]}'):
        memo.write_text(broken)
        calls.clear()
        model_hash(weights, tmp_path / "c")
        assert len(calls) == 2


def test_a_file_that_just_changed_is_not_trusted_to_stay(weights, tmp_path):
    (weights / "unet" / "a.safetensors").write_bytes(b"new")
    model_hash(weights, tmp_path / "c")
    (memo,) = (tmp_path / "c" / MEMOS).iterdir()
    assert list(json.loads(memo.read_text())) == ["model_index.json"]


# -- the model that remembers ----------------------------------------------------------------------


class TalkingModel(FakeModel):
    """Hears every word, and says something of each window."""

    def _sound(self, window):
        plain = super()._sound(window)
        level = np.float32(1 + sum(map(ord, window.prompt or "")) / 10_000)
        return Take(level * plain.data, plain.rate_hz, TAKE.guess, TAKE.drawn)


def known(folder: Path, model=None, **more):
    return replace(handle(model, **more), folder=folder)


def made(film, output, options, of, cache, report=None):
    """A dub by a model that remembers: its result, its counts and what was told."""
    told = []
    with remembered(of, report or told.append, cache=cache) as both:
        result = dub(film, output, options, both.handle, told.append)
    return result, both.counts, [n.text for n in told if isinstance(n, Note)]


def samples(path: Path) -> np.ndarray:
    footage = probe(path)
    return np.concatenate([b.data for b in OriginalSound(footage).blocks()], axis=1)


def test_a_rerun_makes_only_what_changed(long_film, weights, tmp_path):
    """Two scenes of two windows; the prompt of the second changes by a cue sheet."""
    cache = WindowCache(tmp_path / "c", GB)
    model = TalkingModel()
    sheet = tmp_path / "cues.toml"
    rows = '[[scene]]\nstart = 0\nprompt = "{}"\n[[scene]]\nstart = "00:00:13:00"\nprompt = "{}"\n'
    options = GenerateOptions(seed=7, cues=sheet)

    def run(name, *words, use=cache, of=model):
        sheet.write_text(rows.format(*words))
        path = tmp_path / name
        return made(long_film, path, options, known(weights, of), use)

    first, counts, _ = run("1.mkv", "rain", "wind")
    assert (counts.reused, counts.made, len(model.seen)) == (0, 4, 4)
    model.seen.clear()
    again, counts, told = run("2.mkv", "rain", "hail")
    assert (counts.reused, counts.made) == (2, 2)
    assert [w.prompt for w in model.seen] == ["hail", "hail"]
    assert "4 windows: 2 reused, 2 made." in told
    plain, counts, _ = run("3.mkv", "rain", "hail", use=WindowCache(tmp_path / "c", 0))
    assert (counts.reused, counts.made) == (0, 0)
    assert np.array_equal(samples(again.output), samples(plain.output))
    assert again.to_dict()["windows"] == plain.to_dict()["windows"]
    for place, take in again.remarks.takes.items():
        assert same(take, plain.remarks.takes[place])
    cut = round(13.013 * 48_000)
    before, after = samples(first.output), samples(again.output)
    assert np.array_equal(before[:, : cut - 4800], after[:, : cut - 4800])
    assert not np.array_equal(before[:, cut + 4800 :], after[:, cut + 4800 :])
    back, counts, _ = run("4.mkv", "rain", "wind")
    assert (counts.reused, counts.made) == (4, 0)
    assert np.array_equal(samples(back.output), before)


def test_of_twenty_scenes_the_model_is_asked_for_the_one_that_changed(weights, tmp_path):
    film, cuts = twenty_scenes(tmp_path)
    cache, model, sheet = WindowCache(tmp_path / "c", GB), TalkingModel(), tmp_path / "cues.json"
    starts = [float(line) for line in cuts.read_text().split()[1:]]
    rows = [{"start": start, "prompt": f"sound {i}"} for i, start in enumerate(starts)]
    options = GenerateOptions(seed=7, cues=sheet, mix=MixOptions(mode="replace", gain_db=-30))
    tracks = []
    for changed in (False, True):
        model.seen.clear()
        rows[6] |= {"prompt": "a bell"} if changed else {}
        sheet.write_text(json.dumps({"scenes": rows}))
        path = tmp_path / f"{changed}.mkv"
        result, counts, _ = made(film, path, options, known(weights, model), cache)
        tracks.append(samples(result.output))
        expected = (19, 1) if changed else (0, SCENES)
        assert (counts.reused, counts.made, len(model.seen)) == (*expected, expected[1])
    assert model.seen[0].prompt == "a bell"
    lo, hi = (round(t * 48_000) for t in starts[6:8])
    before, after = tracks
    assert np.array_equal(before[:, :lo], after[:, :lo])
    assert np.array_equal(before[:, hi:], after[:, hi:])
    assert not np.array_equal(before[:, lo:hi], after[:, lo:hi])


def test_the_weights_are_read_only_when_a_window_is_missing(silent_film, weights, tmp_path):
    cache = WindowCache(tmp_path / "c", GB)
    loads = []
    model = FakeModel()
    of = replace(known(weights, model), load=lambda: loads.append(1) or model)
    for name, count in (("1.mkv", 1), ("2.mkv", 1)):
        made(silent_film, tmp_path / name, GenerateOptions(seed=7), of, cache)
        assert len(loads) == count
    assert len(model.seen) == 1
    made(silent_film, tmp_path / "3.mkv", GenerateOptions(seed=8), of, cache)
    assert len(loads) == 2
    (weights / "unet" / "a.safetensors").write_bytes(b"other weights")
    made(silent_film, tmp_path / "4.mkv", GenerateOptions(seed=7), of, cache)
    assert len(model.seen) == 3


def test_a_cut_elsewhere_changes_nothing_here(long_film, weights, tmp_path):
    cache, model = WindowCache(tmp_path / "c", GB), FakeModel()
    sheet = tmp_path / "cues.csv"
    options = GenerateOptions(seed=7, cues=sheet)
    sheet.write_text("start,prompt\n0,rain\n00:00:13:00,wind\n")
    made(long_film, tmp_path / "1.mkv", options, known(weights, model), cache)
    sheet.write_text("start,prompt\n0,rain\n00:00:06:00,rain\n00:00:13:00,wind\n")
    _, counts, _ = made(long_film, tmp_path / "2.mkv", options, known(weights, model), cache)
    assert (counts.reused, counts.made) == (2, 2)


def test_the_same_window_twice_in_a_batch_is_made_once(weights, tmp_path):
    model = FakeModel()
    with remembered(known(weights, model), cache=WindowCache(tmp_path / "c", GB)) as both:
        loaded = both.handle.load()
        assert loaded is both.handle.load()
        assert loaded.variant == FAKE
        steps = []
        sounds = loaded.generate([CONTENT] * 3, SAMPLING, lambda done, total: steps.append(done))
        assert len(sounds) == 3
        assert len(model.seen) == 1
        assert steps
        for a, b in pairwise(sounds):
            assert same(a, b)
        assert (both.counts.reused, both.counts.made) == (2, 1)


@pytest.mark.parametrize("way", ["no folder", "read-only", "file", "full"])
def test_what_cannot_be_kept_is_told_and_work_goes_on(
    silent_film, weights, tmp_path, monkeypatch, way
):
    folder = tmp_path / "c"
    of = known(weights)
    if way == "no folder":
        of = handle()
    if way == "file":
        folder.write_text("")
    if way == "read-only":
        folder = Path("/proc/vta")  # no permission keeps root out of anything else
    if way == "full":

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("vtacli.window_cache.store.fcntl.flock", full)
    result, counts, told = made(
        silent_film, tmp_path / "out.mkv", GenerateOptions(seed=7), of, WindowCache(folder, GB)
    )
    assert result.output.exists()
    assert sum("not kept" in t for t in told) == (0 if way == "no folder" else 1)
    assert (counts.reused, counts.made) == ((0, 0) if way == "no folder" else (0, 1))
    if way == "full":
        assert not list(folder.glob(".part-*"))


# -- where, how much, how often --------------------------------------------------------------------


def test_folder_and_limit_come_from_the_environment(tmp_path, monkeypatch):
    assert cache_folder({"VTA_CACHE_DIR": "/x"}) == Path("/x/windows")
    assert cache_folder({}).parts[-2:] == ("vta", "windows")
    monkeypatch.setattr(
        "vtacli.window_cache.place.settings_file", lambda: tmp_path / "s" / "cache.json"
    )
    assert limit_bytes({}) == 2 * GB
    set_limit(5 * GB)
    assert limit_bytes({}) == 5 * GB
    assert limit_bytes({"VTA_CACHE_LIMIT": "500 MB"}) == GB // 2
    with pytest.raises(ConfigError, match="VTA_CACHE_LIMIT: 'much' is no size"):
        limit_bytes({"VTA_CACHE_LIMIT": "much"})
    for broken in ("{", "[]", '{"limit_bytes": "x"}', '{"limit_bytes": -1}'):
        (tmp_path / "s" / "cache.json").write_text(broken)
        assert limit_bytes({}) == 2 * GB
    sizes = {
        "2GB": 2 * GB,
        "1.5 gib": 3 << 29,
        "10k": 10_000,
        "0": 0,
        "off": 0,
        "7": 7,
        "1mb": 10**6,
    }
    assert {text: size_of(text) for text in sizes} == sizes
    for wrong in ("", "GB", "-1", "1e9", "2XB", "9" * 99):
        with pytest.raises(ConfigError, match="no size"):
            size_of(wrong)


def test_runs_are_counted_by_many_at_once(tmp_path):
    assert read_runs(tmp_path).rate is None
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: count_run(tmp_path, 3, 1), range(24)))
    runs = read_runs(tmp_path)
    assert (runs.runs, runs.reused, runs.made, runs.rate) == (24, 72, 24, 0.75)
    count_run(tmp_path, 0, 0)
    assert read_runs(tmp_path) == runs
    (tmp_path / "runs.json").write_text("{")
    assert read_runs(tmp_path).runs == 0


def test_a_limit_of_nothing_leaves_the_model_as_it_is(silent_film, weights, tmp_path, monkeypatch):
    monkeypatch.setenv("VTA_CACHE_LIMIT", "0")
    of = known(weights)
    with remembered(of) as both:
        assert both.handle is of
    with remembered(of, use=False) as both:
        assert both.handle is of
    monkeypatch.delenv("VTA_CACHE_LIMIT")
    with remembered(of) as both:
        assert both.handle is not of
        options = GenerateOptions(seed=1, scenes=SceneOptions(mode="off"), crossfade_s=Fraction(0))
        options = replace(options, mix=MixOptions(mode="replace"))
        dub(silent_film, tmp_path / "o.mkv", options, both.handle)
    assert len(list(WindowCache(cache_folder(), GB).kept())) == 1
    assert str(cache_folder()).startswith(os.environ["VTA_CACHE_DIR"])
