"""Stems: laws of the set (sum, length, one gain, independence), places in time, and kinds."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ffmpeg, film_of
from fakes import FAKE, FAKE_WITHOUT_TEXT, FakeModel, handle
from hypothesis import given
from hypothesis import strategies as st
from wavinfo import WavInfoReader

from vtacli.errors import ConfigError, MediaError, OutputError
from vtacli.media.spool import SoundSpool
from vtacli.media.stem_files import StemFormat
from vtacli.model.guess import Guess
from vtacli.model.loading import load_guesser
from vtacli.options import GenerateOptions, MixOptions
from vtacli.progress import Step
from vtacli.provenance import read_note
from vtacli.signal.loudness import from_db, to_db, true_peak
from vtacli.signal.media import Audio
from vtacli.stems.balance import Tracks
from vtacli.stems.kinds import BEDS, HITS, SURE_ENOUGH, kinds_of
from vtacli.stems.making import make_stems, plan_stems
from vtacli.stems.options import StemOptions
from vtacli.stems.sounding import with_silence
from vtacli.stems.watching import stem_seed
from vtacli.timeline import Hit, Scene, Span, Window, plan_windows, samples_at

ROOT = Path(__file__).parents[2]
FLOAT = StemFormat(bits="32f")
QUIET = MixOptions(gain_db=-30)
"""So low that the ceiling changes nothing, and gains are equal from set to set."""


def made(film, folder, *prompts, model=None, mix=QUIET, report=None, seed=7, **asked):
    form = asked.pop("form", FLOAT)
    generate = GenerateOptions(
        seed=seed, mix=mix, **{k: asked.pop(k) for k in ("hits", "batch_size") if k in asked}
    )
    generate = replace(generate, overwrite=asked.pop("overwrite", False))
    options = StemOptions(prompts=prompts, form=form, generate=generate, **asked)
    model = model or FakeModel()
    return make_stems(film, folder, options, handle(model), *([report] if report else []))


def sounds(result) -> dict[tuple[str, int | None], np.ndarray]:
    """(samples, channels) float64 by stem and scene."""
    found = {}
    for file in result.files:
        scene = None if file.piece.scene is None else file.piece.scene.index
        data, rate = soundfile.read(file.written.path, always_2d=True, dtype="float64")
        assert rate == result.job.options.rate_hz
        found[file.piece.name, scene] = data
    return found


@pytest.fixture(scope="module")
def dropped(tmp_path_factory):
    """Six seconds in three shots at 29.97 with a drop-frame timecode just before a dropped label,
    in a container that keeps it."""
    folder = tmp_path_factory.mktemp("dropped")
    plain = film_of(folder / "plain.mov", seconds=6, shots=3, rate="30000/1001")
    film = folder / "dropped.mov"
    ffmpeg("-i", plain, "-c", "copy", "-timecode", "10:08:59;28", film)
    return film


DROPPED_FRAMES = (10 * 3600 + 8 * 60 + 59) * 30 + 28 - 2 * (608 - 60)
"""Frames before 10:08:59;28: all labels, less two for each minute begun but every tenth."""


@pytest.mark.parametrize("bits", ["32f", "24"])
def test_stems_sum_to_the_mix_sample_by_sample(long_film, tmp_path, bits):
    form = StemFormat(bits=bits)
    result = made(long_film, tmp_path / "s", "rain", "wind", "steps", form=form, mix=MixOptions())
    found = sounds(result)
    assert len(found) == 4
    stems = [found[name, None] for name in ("rain", "wind", "steps")]
    assert {len(s) for s in found.values()} == {result.job.samples}
    total = np.sum(stems, axis=0)
    mix = found["mix", None]
    assert np.abs(mix).max() > 0.1
    # whole numbers add up exactly; a float sum is rounded once
    assert np.array_equal(total if bits == "24" else total.astype(np.float32), mix)


def test_all_files_share_length_start_and_gain(sounding_film, tmp_path):
    free = made(sounding_film, tmp_path / "free", "rain", "wind")
    loud = made(sounding_film, tmp_path / "loud", "rain", "wind", mix=MixOptions(gain_db=30))
    assert free.gain == from_db(-30)
    assert loud.gain < from_db(30)
    a, b = sounds(free), sounds(loud)
    for name, data in a.items():
        ratio = from_db(to_db(loud.gain) - to_db(free.gain))
        np.testing.assert_allclose(b[name], data * ratio, rtol=1e-6, atol=1e-7)
    peaks = [true_peak([Audio(s.T.astype(np.float32), 48_000)]) for s in b.values()]
    assert max(peaks) <= from_db(-1) * 1.001
    assert max(peaks) == pytest.approx(from_db(-1), rel=1e-3)
    assert loud.true_peak == pytest.approx(max(peaks), rel=1e-3)
    assert {f.time_reference for f in loud.files} == {0}


def test_a_stem_is_the_same_whatever_is_made_beside_it(dropped, tmp_path):
    sets = [("rain", "wind", "steps"), ("steps", "rain"), ("rain",), ("wind", "rain", "hail")]
    heard = [sounds(made(dropped, tmp_path / str(i), *some)) for i, some in enumerate(sets)]
    for some in heard[1:]:
        assert np.array_equal(heard[0]["rain", None], some["rain", None])
    assert np.array_equal(heard[0]["steps", None], heard[1]["steps", None])
    assert np.array_equal(heard[0]["wind", None], heard[3]["wind", None])
    assert not np.array_equal(heard[0]["wind", None], heard[0]["rain", None])
    other = sounds(made(dropped, tmp_path / "other", "rain", seed=8))
    assert not np.array_equal(heard[0]["rain", None], other["rain", None])


def test_the_batch_size_changes_nothing(dropped, tmp_path):
    one = sounds(made(dropped, tmp_path / "1", "rain", "wind", batch_size=1))
    many = sounds(made(dropped, tmp_path / "2", "rain", "wind", batch_size=2))
    assert all(np.array_equal(one[name], many[name]) for name in one)


@given(st.integers(0, 2**63 - 1), st.text(), st.text())
def test_a_stems_seed_is_of_the_set_and_of_its_words(seed, words, others):
    found = stem_seed(seed, words)
    assert 0 <= found < 2**31
    assert found == stem_seed(seed, words)
    assert words == others or found != stem_seed(seed, others)


def test_the_film_is_decoded_once(long_film, tmp_path):
    events = []
    made(long_film, tmp_path / "s", "rain", "wind", "steps", report=events.append)
    steps = [e for e in events if isinstance(e, Step)]
    decoded = [e.done for e in steps if e.stage == "decode"]
    assert len(decoded) > 2
    assert decoded == sorted(decoded)  # a second pass would count from the start
    generated = [e for e in steps if e.stage == "generate"]
    assert [e.done for e in generated] == sorted(e.done for e in generated)
    assert (generated[-1].done, generated[-1].total) == (12, 12)


def test_every_stem_is_told_the_same_picture(long_film, tmp_path):
    hits = tmp_path / "hits.csv"
    hits.write_text("1.5\n14,0.5\n")
    model = FakeModel()
    made(long_film, tmp_path / "s", "rain", "wind", model=model, hits=hits)
    rain, wind = model.seen[:4], model.seen[4:]
    assert [w.prompt for w in model.seen] == ["rain"] * 4 + ["wind"] * 4
    assert [w.hits for w in rain] == [w.hits for w in wind]
    assert any(w.hits for w in rain)
    assert [(w.key.scene, w.key.window) for w in rain] == [
        (w.key.scene, w.key.window) for w in wind
    ]
    assert {w.key.seed for w in rain} == {stem_seed(7, "prompt/rain")}


def test_a_drop_frame_films_time_reference_is_right_to_the_sample(dropped, tmp_path):
    result = made(dropped, tmp_path / "s", "rain", "wind", form=StemFormat())
    want = samples_at(DROPPED_FRAMES * F(1001, 30000), 48_000)
    for file in result.files:
        info = WavInfoReader(str(file.written.path))
        assert info.bext.version == 2
        assert info.bext.time_reference == want == file.time_reference
        text = info.ixml.source.decode()
        assert "<TIMECODE_RATE>30000/1001</TIMECODE_RATE>" in text
        assert "<TIMECODE_FLAG>DF</TIMECODE_FLAG>" in text
        assert f"<FILE_SAMPLE_RATE>{48_000}<" in text
        assert (info.ixml.project, info.ixml.take) == ("dropped", "1")
        note = re.search("<NOTE>(.*)</NOTE>", text)[1]
        source = read_note(html.unescape(note))
        assert (source.seed, source.prompt) == (file.piece.seed, file.piece.words)
        assert (source.model, source.bandwidth_hz) == ("fake", 8000)
        assert [t.name for t in info.ixml.track_list] == [file.piece.name]
        assert info.bext.loudness_value == pytest.approx(
            file.written.loudness.integrated_lufs, abs=0.006
        )
        assert info.fmt.bits_per_sample == 24
        assert info.data.frame_count == result.job.samples
    asked = made(dropped, tmp_path / "t", "rain", tc_start="00:59:59:00")
    assert asked.files[0].time_reference == samples_at(3599 * 30 * F(1001, 30000), 48_000)
    assert asked.files[0].timecode == "00:59:59:00"


@pytest.mark.parametrize("prompts", [("rain", "wind"), ()])
def test_scenes_laid_at_their_time_reference_are_the_stem(dropped, tmp_path, prompts):
    hits = tmp_path / "hits.csv"
    hits.write_text("3\n")
    whole = made(dropped, tmp_path / "w", *prompts, hits=hits)
    apart = made(dropped, tmp_path / "a", *prompts, hits=hits, per_scene=True, handles_s=F(1, 2))
    assert len(whole.scenes) == 3
    start = whole.files[0].time_reference
    names = {f.piece.name for f in whole.files}
    assert names == {f.piece.name for f in apart.files} > {"mix"}
    laid = {name: np.zeros(whole.job.samples) for name in names}
    for file in apart.files:
        data, _ = soundfile.read(file.written.path)
        info = WavInfoReader(str(file.written.path))
        at = info.bext.time_reference - start
        laid[file.piece.name][at : at + len(data)] += data
        scene = file.piece.scene.span.samples(48_000)
        assert info.ixml.scene == str(file.piece.scene.index + 1)
        # half a second of room, but for the film's own ends
        assert at == max(0, scene.start - 24_000)
        assert at + len(data) == min(whole.job.samples, scene.stop + 24_000)
        assert not data[: scene.start - at].any()
        assert not data[scene.stop - at :].any()
        assert data[scene.start - at : scene.stop - at].any()
    for file in whole.files:
        data, _ = soundfile.read(file.written.path)
        np.testing.assert_array_equal(laid[file.piece.name], data)


def test_hits_come_apart_from_beds(dropped, tmp_path):
    hits = tmp_path / "hits.csv"
    hits.write_text("3\n")  # in the second scene of three
    model = FakeModel()
    result = made(dropped, tmp_path / "s", hits=hits, model=model)
    assert [s.name for s in result.stems] == [HITS, BEDS]
    struck, bed = result.stems
    # the fake takes what is bright for a lamp that hums, and that is a bed
    assert [s.index for s in bed.scenes] == [0, 1, 2]
    assert {s.prompt for s in bed.scenes} == {"lamp hum"}
    assert [s.index for s in struck.scenes] == [1]
    assert [(w.prompt, len(w.hits)) for w in model.seen] == [(None, 1)] + [("lamp hum", 0)] * 3
    sound = sounds(result)[HITS, None][:, 0]
    place = result.scenes[1].span.samples(48_000)
    assert not sound[: place.start].any()
    assert not sound[place.stop :].any()
    assert np.abs(sound[144_000 : 144_000 + 480]).max() == np.abs(sound).max()
    again = made(dropped, tmp_path / "t", hits=hits)
    assert np.array_equal(sound, sounds(again)[HITS, None][:, 0])


def test_a_bed_is_not_told_what_moves(dropped, tmp_path):
    told = []

    class Watcher(FakeModel):
        def _sound(self, window):
            told.append((window.prompt, window.motion is not None))
            return super()._sound(window)

    made(dropped, tmp_path / "k", model=Watcher())
    assert set(told) == {("lamp hum", False)}
    told.clear()
    made(dropped, tmp_path / "p", "rain", model=Watcher())
    assert set(told) == {("rain", True)}


probabilities = st.dictionaries(
    st.sampled_from([f"{kind} {i}" for kind in ("bed", "hit") for i in range(4)]),
    st.floats(0.001, 0.25),
)


@given(st.lists(st.tuples(probabilities, st.booleans()), min_size=1, max_size=5))
def test_every_scene_is_heard_and_no_word_in_the_wrong_kind(rows):
    scenes = tuple(
        Scene(i, Span(F(i), F(i + 1)), hits=(Hit(F(i)),) if struck else ())
        for i, (_, struck) in enumerate(rows)
    )
    guesses = [Guess((), tuple(sorted(sounds.items(), key=lambda s: -s[1]))) for sounds, _ in rows]
    found = kinds_of(scenes, guesses, lambda phrase: float(phrase.startswith("bed")))
    heard = {kind: {s.index: s for s in some} for kind, some in found.items()}
    assert {i for some in heard.values() for i in some} == set(range(len(rows)))
    for i, (sounds, struck) in enumerate(rows):
        beds = sum(p for name, p in sounds.items() if name.startswith("bed"))
        assert (i in heard.get(BEDS, {})) == (beds >= SURE_ENOUGH)
        for kind, other in ((HITS, "bed"), (BEDS, "hit")):
            scene = heard.get(kind, {}).get(i)
            assert scene is None or other not in (scene.prompt or "")
        assert not struck or heard[HITS][i].hits
    assert all(not s.hits for s in found.get(BEDS, ()))


def test_the_shipped_model_knows_hits_from_beds():
    guesser = load_guesser(ROOT / "weights" / "vta-mini")
    beds = ["rain", "waves", "wind", "car engine", "fan", "running water", "applause", "traffic"]
    hits = ["door slam", "dog bark", "ball hit", "footsteps walking", "glass breaking", "click"]
    assert {p: guesser.bed_share(p) for p in beds if guesser.bed_share(p) < 0.5} == {}
    assert {p: guesser.bed_share(p) for p in hits if guesser.bed_share(p) >= 0.5} == {}


@given(st.lists(st.booleans(), min_size=1, max_size=6).filter(any))
def test_windows_that_are_not_heard_are_silent(heard):
    windows = [Window(i, 0, Span(F(i), F(i + 1))) for i in range(len(heard))]
    made_here = [
        (w, Audio(np.full((2, 3), w.scene + 1, np.float32), 3))
        for w, is_heard in zip(windows, heard, strict=True)
        if is_heard
    ]
    out = list(with_silence(windows, iter(made_here), 3))
    assert [w for w, _ in out] == windows
    for (w, audio), is_heard in zip(out, heard, strict=True):
        assert audio.data.shape == (2, 3)
        assert np.all(audio.data == (w.scene + 1 if is_heard else 0))


@given(
    st.integers(1, 4), st.integers(0, 2**32 - 1), st.floats(0.01, 2), st.sampled_from(["24", "32f"])
)
def test_a_sum_is_of_what_the_files_hold(count, seed, gain, bits):
    rng = np.random.default_rng(seed)
    spools = []
    for _ in range(count):
        spool = SoundSpool(48_000)
        spool.append(Audio(rng.uniform(-0.1, 0.1, (1, 200)).astype(np.float32), 48_000))
        spools.append(spool)
    tracks = Tracks(tuple(spools), gain, bits)
    stems = np.stack([tracks.stem(i, 0, 200).data for i in range(count)]).astype(np.float64)
    mix = tracks.mix(0, 200).data
    assert np.array_equal(mix, stems.sum(axis=0).astype(np.float32))
    if bits == "24":
        assert np.array_equal(stems * 2**23, np.rint(stems * 2**23))
        assert np.array_equal(mix, stems.sum(axis=0))
    # wherever the blocks are cut
    parts = [tracks.mix(a, b).data for a, b in ((0, 77), (77, 150), (150, 200))]
    assert np.array_equal(mix, np.concatenate(parts, axis=1))
    for spool in spools:
        spool.close()


def test_words_alone_make_sound(tmp_path):
    result = made(None, tmp_path / "s", "rain", "wind", seconds=F("12.3456"))
    assert {f.written.length for f in result.files} == {samples_at(F("12.3456"), 48_000)}
    assert all(np.abs(s).max() > 0 for s in sounds(result).values())
    assert result.to_dict()["film"] is None
    windows = plan_windows(result.scenes[0], FAKE.window_s, F(1))
    assert len(windows) == 2


def test_words_with_written_hits(tmp_path):
    hits = tmp_path / "hits.csv"
    hits.write_text("2\n")
    result = made(None, tmp_path / "s", "door slam", seconds=F(4), hits=hits)
    sound = sounds(result)["door slam", None][:, 0]
    assert abs(int(np.abs(sound).argmax()) - 96_000) < 480


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_other_rates_are_made_for_their_own_grid(sounding_film, tmp_path, rate):
    form = StemFormat(bits="32f", rate_hz=rate)
    result = made(sounding_film, tmp_path / "s", "rain", "wind", form=form)
    found = sounds(result)
    assert {len(s) for s in found.values()} == {samples_at(F(3003, 1000), rate)}
    total = found["rain", None] + found["wind", None]
    assert np.array_equal(total.astype(np.float32), found["mix", None])


def test_width_leaves_the_mono_sum_and_a_file_for_each_side(silent_film, tmp_path):
    mono = made(silent_film, tmp_path / "m", "rain", "wind")
    form = StemFormat(bits="32f", layout="mono")
    mix = replace(QUIET, width=0.7)
    wide = made(silent_film, tmp_path / "w", "rain", "wind", form=form, mix=mix)
    assert mono.job.channels == 1
    assert len(wide.files) == 2 * len(mono.files)
    sides = {f.written.path.name: soundfile.read(f.written.path)[0] for f in wide.files}
    for file in mono.files:
        name = file.written.path.name.removesuffix(".wav")
        left, right = (sides[f"{name}.{side}.wav"] for side in "LR")
        one, _ = soundfile.read(file.written.path)
        assert np.abs(left - right).max() > 0.1 * np.abs(one).max()
        np.testing.assert_allclose((left + right) / np.sqrt(2), one, atol=1e-7)


@pytest.mark.parametrize("kind", ["flac", "mp3", "m4a", "ogg", "opus"])
def test_other_formats_have_the_sound_and_its_origin(silent_film, tmp_path, kind):
    import av

    result = made(
        silent_film, tmp_path / "s", "rain", "wind", form=StemFormat(kind), mix=MixOptions()
    )
    assert {f.written.path.suffix for f in result.files} == {f".{kind}"}
    for file in result.files:
        with av.open(str(file.written.path)) as sound:
            said = {**sound.metadata, **sound.streams.audio[0].metadata}
            heard = sum(f.samples for f in sound.decode(audio=0))
        assert any("Generated sound" in value for value in said.values())
        assert abs(heard - result.job.samples) < 4096
        if kind == "flac":
            assert heard == result.job.samples


def test_nothing_is_said_where_that_is_asked(silent_film, tmp_path):
    options = StemOptions(prompts=("rain",), generate=GenerateOptions(seed=1, provenance=False))
    result = make_stems(silent_film, tmp_path / "s", options, handle())
    data = result.files[0].written.path.read_bytes()
    assert b"Generated" not in data
    assert b"trainedAlgorithmicMedia" not in data
    assert b"bandwidth 8 kHz" in data


class Mute(FakeModel):
    """Makes silence, as a model does of a black film."""

    def _sound(self, window):
        return Audio(0 * super()._sound(window).data, self.variant.rate_hz)


def test_silence_is_told_and_written(silent_film, tmp_path):
    mix = MixOptions(gain_db=3)
    result = made(silent_film, tmp_path / "s", "rain", "wind", model=Mute(), mix=mix)
    assert result.gain == from_db(3)
    assert len(result.warnings) == 2
    answer = result.to_dict()
    assert answer["true_peak_dbtp"] is None
    assert answer["files"][0]["loudness"]["integrated_lufs"] is None
    assert not any(s.any() for s in sounds(result).values())
    json.dumps(answer, allow_nan=False)


class Broken(FakeModel):
    """Fails at the second stem."""

    def generate(self, windows, sampling, on_step=None):
        if len(self.batches) == 1:
            raise RuntimeError("no more")
        return super().generate(windows, sampling, on_step)


def test_a_failure_leaves_nothing(silent_film, tmp_path):
    with pytest.raises(RuntimeError):
        made(silent_film, tmp_path / "s", "rain", "wind", model=Broken())
    assert not list(tmp_path.iterdir())


def test_a_failure_while_writing_leaves_what_was_there(silent_film, tmp_path):
    folder = tmp_path / "s"
    first = made(silent_film, folder, "rain", "wind")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def fails(event):
        if isinstance(event, Step) and event.stage == "write" and event.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(silent_film, folder, "rain", "wind", seed=8, overwrite=True, report=fails)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    second = made(silent_film, folder, "rain", "wind", seed=8, overwrite=True)
    after = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert set(after) == set(before)
    assert after != before
    assert first.job.samples == second.job.samples


@pytest.mark.parametrize("prompts", [("rain", "wind"), ()])
def test_what_exists_is_refused_before_any_work(silent_film, tmp_path, prompts):
    folder = tmp_path / "s"
    made(silent_film, folder, *prompts)
    events, model = [], FakeModel()
    with pytest.raises(OutputError, match="exists"):
        made(silent_film, folder, *prompts, model=model, report=events.append)
    assert not model.seen
    assert not any(isinstance(e, Step) for e in events)


def test_scenes_that_exist_are_refused_before_sound_is_made(dropped, tmp_path):
    made(dropped, tmp_path / "s", "rain", per_scene=True)
    model = FakeModel()
    with pytest.raises(OutputError, match="exists"):
        made(dropped, tmp_path / "s", "rain", per_scene=True, model=model)
    assert not model.seen


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"prompts": ("rain", " rain ")}, "twice"),
        ({"prompts": ("  ",)}, "empty"),
        ({"prompts": ("rain",), "handles_s": F(1)}, "per scene"),
        ({"prompts": ("rain",), "per_scene": True, "handles_s": F(-1)}, "0 s or more"),
        ({"prompts": ("rain",), "seconds": F(0)}, "more than 0"),
        ({"prompts": ("rain",), "name": "../{prompt}"}, "cannot have"),
        ({"prompts": ("rain",), "name": "netflx"}, "naming"),
        ({"prompts": ("rain",), "take": 0}, "1 to"),
        ({"prompts": ("rain",), "seconds": F(3)}, "as long as the film"),
        ({"prompts": ("rain",), "tc_start": "00:01:00;00"}, "drop-frame"),
    ],
)
def test_what_cannot_be_is_refused(silent_film, tmp_path, asked, error):
    with pytest.raises(ConfigError, match=error):
        make_stems(silent_film, tmp_path / "s", StemOptions(**asked), handle())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"prompts": ("rain",)}, "neither a film nor a length"),
        ({"seconds": F(3)}, "words must say"),
        ({"prompts": ("rain",), "seconds": F(3), "per_scene": True}, "no scenes"),
        ({"prompts": ("rain",), "seconds": F(10**6)}, "24 hours"),
    ],
)
def test_without_a_film_words_and_a_length_are_needed(tmp_path, asked, error):
    with pytest.raises(ConfigError, match=error):
        make_stems(None, tmp_path / "s", StemOptions(**asked), handle())


def test_a_model_without_words_or_guesses_is_refused(silent_film, tmp_path):
    deaf = handle(variant=FAKE_WITHOUT_TEXT)
    with pytest.raises(ConfigError, match="no text"):
        make_stems(silent_film, tmp_path / "s", StemOptions(prompts=("rain",)), deaf)
    with pytest.raises(ConfigError, match="does not say"):
        make_stems(silent_film, tmp_path / "s", StemOptions(), deaf)


def test_folders_that_cannot_be_are_refused(silent_film, tmp_path):
    with pytest.raises(OutputError, match="nor the one above"):
        made(silent_film, tmp_path / "a" / "b", "rain")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="no folder"):
        made(silent_film, tmp_path / "file", "rain")
    with pytest.raises(MediaError):
        made(tmp_path / "file", tmp_path / "s", "rain")


def test_a_plan_writes_nothing_and_tells_the_files(dropped, tmp_path):
    options = StemOptions(prompts=("rain", "wind"), per_scene=True)
    model = FakeModel()
    plan = plan_stems(dropped, tmp_path / "s", options, handle(model))
    assert not list(tmp_path.iterdir())
    assert not model.seen
    result = make_stems(dropped, tmp_path / "s", options, handle(model))
    names = [f.written.path.name for f in result.files]
    assert plan.to_dict()["files"] == names
    assert len(names) == len(set(names)) == 9
