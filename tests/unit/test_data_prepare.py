"""Preparing clips: what is kept of them, and that no kill and no bad file spoils it."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import time
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from clips_to_learn import FLASH_S, TINY, bytes_of, flash_and_click, some_films
from deadly import Deadly
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from vtacli.errors import ConfigError, LockHeld, MediaError, StorageError
from vtacli.signal.mel import FLOOR, SILENCE, log_mel
from vtacli.timeline import Span
from vtacli.training.data import preparing
from vtacli.training.data.augment import concatenate
from vtacli.training.data.checking import check
from vtacli.training.data.chunks import chunks_of
from vtacli.training.data.clip import Clip
from vtacli.training.data.crew import Begun, Done, work_through
from vtacli.training.data.folder import clips_in
from vtacli.training.data.prepared import PreparedClips
from vtacli.training.data.preparing import prepare
from vtacli.training.data.settings import Settings
from vtacli.training.data.sound import at_level, stretches
from vtacli.training.data.spans import cut_into_windows

WINDOW_S = Fraction(1024, 100)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some_films(tmp_path_factory.mktemp("learn") / "films")


@pytest.fixture(scope="module")
def made(films: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, preparing.Prepared]:
    """One uninterrupted run in this process, which leaves torch as it was."""
    folder = tmp_path_factory.mktemp("prepared") / "out"
    return folder, prepare(clips_in(films), folder, TINY, workers=0)


def test_every_clip_is_there_or_its_reason(made) -> None:
    folder, prepared = made
    assert prepared.clips == 8
    assert {row["clip"] for row in prepared.failures} == {"mute", "broken", "empty"}
    reasons = {row["clip"]: row["reason"] for row in prepared.failures}
    assert "no sound" in reasons["mute"]
    assert "not a film" in reasons["broken"]
    assert "empty" in reasons["empty"]
    assert json.loads((folder / "report.json").read_text())["failures"] == list(prepared.failures)
    found = PreparedClips(folder)
    assert [e.id for e in found] == [
        "flash", "long#1", "long#2", "long#3", "one_000010", "one_000020", "said"
    ]  # fmt: skip
    assert len(found) == prepared.windows == found.facts["windows"] == 7
    assert [e.caption for e in found if e.caption] == ["a tone"]
    assert found[4].source == found[5].source == "one"
    assert check(folder).ok


def test_padding_and_times(made) -> None:
    found = {e.id: e for e in PreparedClips(made[0])}
    for name, seconds in (("one_000010", 2.0), ("one_000020", 3.0), ("long#1", 10.24)):
        example = found[name]
        assert example.mel.shape == (1, 1024, 64)
        assert example.mel.dtype == torch.float32
        assert example.seconds == pytest.approx(seconds, abs=1e-9)
        times = example.features.picture.times_s
        assert times.dtype == torch.float64
        assert len(times) == (21 if seconds > 10 else 2 * seconds)
        assert torch.equal(times, torch.arange(len(times)).double() / 2)
    # beyond the clip and half an analysis frame the padding is silence, bit for bit
    assert (found["one_000010"].mel[0, 204:] == SILENCE).all()
    assert (found["one_000010"].mel[0, :196] > SILENCE).any(dim=1).all()
    # the last window ends with the clip, and its tokens count from the window's own start
    row = next(r for r in PreparedClips(made[0]).rows if r["id"] == "long#3")
    assert (Fraction(row["start_s"]), Fraction(row["end_s"])) == (23 - WINDOW_S, 23)
    assert float(found["long#3"].features.picture.times_s[0]) == pytest.approx(0.24)


def test_the_mel_is_the_published_front_ends(films: Path, tmp_path: Path) -> None:
    """Against the sound read by another library: mean away, peak at 0.5, zeros, log-mel."""
    rng = np.random.default_rng(0)
    wave = (0.1 + 0.2 * rng.standard_normal(4 * 16_000).clip(-3, 3)).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", wave, 16_000, subtype="FLOAT")
    clip = Clip("x", None, tmp_path / "x.wav", "noise", Fraction(1), Fraction(3), "x")
    prepare([clip], tmp_path / "out", TINY, workers=0)
    (example,) = PreparedClips(tmp_path / "out")
    part = wave[16_000:48_000].astype(np.float64)
    part -= part.mean()
    padded = np.zeros(163_840)
    padded[:32_000] = part * 0.5 / np.abs(part).max()
    expected = log_mel(torch.from_numpy(padded[None]))
    assert torch.allclose(example.mel.double(), expected, atol=2e-3)
    assert example.features.picture is None or len(example.features.picture) == 0
    assert example.caption == "noise"


def test_a_click_and_a_flash_stay_together(made, tmp_path: Path) -> None:
    """Through film, decoder, encoder and mel, and then through a cut on either side of it."""
    found = {e.id: e for e in PreparedClips(made[0])}
    lit = found["flash"]
    loud = lit.mel[0].mean(dim=1)
    assert int(loud.argmax()) == round(FLASH_S * 100)
    tokens = lit.features.picture.tokens
    apart = (tokens - tokens[0]).norm(dim=1)
    assert float(lit.features.picture.times_s[apart.argmax()]) == FLASH_S
    dark_film = flash_and_click(tmp_path / "dark.mkv", at_s=None)
    prepare(
        [Clip("dark", dark_film, None, None, Fraction(0), None, "dark")],
        tmp_path / "out",
        TINY,
        workers=0,
    )
    (dark,) = PreparedClips(tmp_path / "out")
    for cut_s, first, clicks in (
        (3.9, lit, False),
        (4.02, lit, True),
        (3.9, dark, True),
        (4.02, dark, False),
    ):
        whole = concatenate(first, dark if first is lit else lit, cut_s)
        flash = (whole.features.picture.tokens - tokens[0]).norm(dim=1).max() > 0.5 * apart.max()
        # a click rings for half an analysis frame on both sides; its middle is what is asked for
        click = float(whole.mel[0, 400].mean()) > float(loud.median()) + 2
        assert bool(flash) == click == clicks


def test_the_same_run_again_makes_nothing(made, films: Path) -> None:
    folder, first = made
    before = bytes_of(folder)
    times = {f: f.stat().st_mtime_ns for f in folder.rglob("*.safetensors")}
    torch.set_num_threads(3)
    again = prepare(clips_in(films), folder, TINY, workers=0)
    assert torch.get_num_threads() == 3
    torch.set_num_threads(1)
    assert (again.made, again.reused) == (0, first.made)
    assert bytes_of(folder) == before
    assert times == {f: f.stat().st_mtime_ns for f in folder.rglob("*.safetensors")}


def test_killed_again_and_again_it_ends_with_the_same_bytes(
    made, films: Path, tmp_path: Path
) -> None:
    """SIGKILL at many moments, the writing of a shard among them; then one run to the end."""
    folder = tmp_path / "out"
    clips = clips_in(films)
    kills = 0
    for wait_s in (0.01, 0.04, 0.08, 0.12, 0.2, 0.3, 0.45):
        child = os.fork()
        if not child:  # nothing of pytest may run in here
            try:
                prepare(clips, folder, TINY, workers=0)
            finally:
                os._exit(0)
        time.sleep(wait_s)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        kills += os.WIFSIGNALED(status)
    assert kills >= 4
    prepare(clips, folder, TINY, workers=0)
    assert bytes_of(folder) == bytes_of(made[0])


def test_what_a_killed_process_left_is_swept_away_and_never_read(
    made, films: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(made[0], folder)
    shards = sorted(folder.rglob("*.safetensors"))
    torn = shards[0].read_bytes()
    shards[0].unlink()
    (shards[0].parent / ".vta-0123.part.safetensors").write_bytes(torn[: len(torn) // 2])
    shards[1].write_bytes(shards[1].read_bytes()[:100])  # a disk that lied
    (folder / ".vta-4567.part.json").write_text("{")
    again = prepare(clips_in(films), folder, TINY, workers=0)
    assert again.made == 2
    assert bytes_of(folder) == bytes_of(made[0])


def test_other_settings_make_shards_of_their_own(made, films: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(made[0], folder)
    clips = [c for c in clips_in(films) if c.id.startswith("one")]
    old = set(folder.rglob("*.safetensors"))
    other = prepare(clips, folder, replace(TINY, seed=2), workers=0)
    assert other.made > 0
    assert other.stale_bytes > 0
    assert old <= set(folder.rglob("*.safetensors"))
    louder = prepare(clips, folder, TINY, Settings(level="as-is"), workers=0)
    assert louder.made > 0
    names = {row["shard"].split("/")[1] for row in PreparedClips(folder).rows}
    assert names == {PreparedClips(folder).facts["settings"]}
    clean = prepare(clips, folder, TINY, Settings(level="as-is"), workers=0, prune=True)
    assert (clean.made, clean.stale_bytes) == (0, 0)
    assert len(list(folder.rglob("*.safetensors"))) == clean.reused
    assert check(folder).ok


def test_a_file_that_changes_or_comes_is_seen(films: Path, tmp_path: Path) -> None:
    place = tmp_path / "films"
    place.mkdir()
    shutil.copy(films / "one_000010.mp4", place / "a.mp4")
    (place / "b.mp4").write_bytes(b"not yet")
    first = prepare(clips_in(place), tmp_path / "out", TINY, workers=0)
    assert [row["clip"] for row in first.failures] == ["b"]
    shutil.copy(films / "one_000020.mp4", place / "b.mp4")
    again = prepare(clips_in(place), tmp_path / "out", TINY, workers=0)
    assert (again.made, again.reused, again.failures) == (1, 1, ())


def test_random_access_and_other_processes(made) -> None:
    found = PreparedClips(made[0])
    forward = [e.mel.sum() for e in found]
    assert [found[i].mel.sum() for i in (3, 0, 6, 3)] == [forward[i] for i in (3, 0, 6, 3)]
    assert found[-1].id == found[6].id
    twin = pickle.loads(pickle.dumps(found))
    assert torch.equal(twin[2].mel, found[2].mel)
    parts = [PreparedClips(made[0], split) for split in ("train", "validation", "test")]
    assert Counter(e.id for part in parts for e in part) == Counter(e.id for e in found)
    with pytest.raises(IndexError):
        found[7]
    with pytest.raises(ConfigError, match="no prepared clips"):
        PreparedClips(made[0].parent)


def test_check_finds_what_is_wrong(made, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(made[0], folder)
    row = PreparedClips(folder).rows[0]
    data = bytearray((folder / row["shard"]).read_bytes())
    data[-40:] = np.full(10, np.nan, np.float32).tobytes()
    (folder / row["shard"]).write_bytes(data)
    gone = PreparedClips(folder).rows[1]["shard"]
    (folder / gone).unlink()
    found = check(folder)
    assert not found.ok
    assert any("no numbers" in p or "ascend" in p for p in found.problems)
    assert any("long#1: cannot be read" in p for p in found.problems)
    with pytest.raises(MediaError, match="missing or broken"):
        PreparedClips(folder)[1]


def test_no_room_and_two_at_once_are_refused(films: Path, tmp_path: Path, monkeypatch) -> None:
    clips = clips_in(films)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        "vtacli.training.data.estimate.shutil.disk_usage", lambda path: usage._replace(free=1000)
    )
    with pytest.raises(StorageError, match="are needed"):
        prepare(clips, tmp_path / "out", TINY, workers=0)
    with FileLock(tmp_path / "out" / ".lock"), pytest.raises(LockHeld):
        prepare(clips, tmp_path / "out", TINY, workers=0)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_what_is_there_already_needs_no_room(
    made, films: Path, tmp_path: Path, monkeypatch
) -> None:
    shutil.copytree(made[0], tmp_path / "out")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        "vtacli.training.data.estimate.shutil.disk_usage", lambda path: usage._replace(free=1000)
    )
    assert prepare(clips_in(films), tmp_path / "out", TINY, workers=0).made == 0


# -- windows, sound and shards as arithmetic --------------------------------------------------


@settings(max_examples=40)
@given(st.fractions(Fraction(1, 10), 60, max_denominator=1000), st.fractions(Fraction(1), WINDOW_S))
def test_windows_cover_a_clip(length_s: Fraction, hop_s: Fraction) -> None:
    clip = Span(Fraction(5), 5 + length_s)
    windows = cut_into_windows(clip, WINDOW_S, hop_s)
    assert windows[0].start_s == 5
    assert all(w.duration_s == min(WINDOW_S, length_s) for w in windows)
    assert 0 <= clip.end_s - windows[-1].end_s < 1
    steps = {b.start_s - a.start_s for a, b in pairwise(windows[:-1])}
    assert steps <= {hop_s}
    assert cut_into_windows(clip, WINDOW_S, hop_s, most=1) == windows[:1]


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 40)), min_size=1, max_size=4),
)
def test_stretches_are_slices_whatever_the_blocks(sizes: list[int], wanted) -> None:
    whole = np.arange(sum(sizes), dtype=np.float32)
    blocks = np.split(whole, np.cumsum(sizes)[:-1])
    ranges = [range(start, start + length) for start, length in wanted]
    for part, r in zip(stretches(iter(blocks), ranges), ranges, strict=True):
        assert np.array_equal(part, whole[r.start : r.stop])


def test_silence_is_not_made_loud() -> None:
    quiet = np.full(100, 5e-4, np.float32)
    assert np.array_equal(at_level(quiet), quiet)
    assert np.abs(at_level(np.linspace(0, 0.01, 50, dtype=np.float32))).max() == pytest.approx(0.5)
    assert pytest.approx(np.log(FLOOR)) == SILENCE


def test_a_new_clip_changes_one_shard(tmp_path: Path) -> None:
    def clip(name: str) -> Clip:
        return Clip(name, tmp_path / f"{name}.mp4", None, None, Fraction(0), None, name)

    many = [clip(f"v{n}") for n in range(500)]
    before = {c.name: c for c in chunks_of(many, "s", 8)}
    after = {c.name: c for c in chunks_of([clip("new"), *many], "s", 8)}
    assert len(before) > 30
    assert len(before.keys() - after.keys()) == 1
    assert 1 <= len(after.keys() - before.keys()) <= 2
    assert Counter(c.id for ch in before.values() for c in ch.clips) == Counter(c.id for c in many)
    assert before.keys() == {c.name for c in chunks_of(many[::-1], "s", 8)}
    assert not before.keys() & {c.name for c in chunks_of(many, "other settings", 8)}


# -- processes that die -----------------------------------------------------------------------


def test_a_process_that_dies_costs_one_item(tmp_path: Path) -> None:
    jobs = [[1, 2], [3, -1, 4], [5, -2], [6]]
    events = list(work_through(Deadly(tmp_path / "flag"), jobs, 2))
    done = {e.job: e.result for e in events if isinstance(e, Done)}
    assert done == {0: 3, 1: 1007, 2: 3, 3: 6}
    assert Counter(e.item for e in events if isinstance(e, Begun))["-1"] == 3


def test_an_error_stops_all_and_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="disk is full"):
        list(work_through(Deadly(tmp_path / "flag"), [[1], [0], [2]], 1))
