"""A whole dub with an honest fake model: exact length, same picture, same seed same sound."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction as F
from hashlib import sha256
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import film_of
from fakes import FAKE, FAKE_WITHOUT_TEXT, FakeModel, handle

from vtacli.dub import dub
from vtacli.errors import ConfigError, MediaError, OutputError
from vtacli.inference import content_of
from vtacli.media.fingerprint import packet_hashes
from vtacli.options import GenerateOptions, MixOptions, SceneOptions
from vtacli.planning import find_scenes, make_job
from vtacli.progress import Note, Step, ignore
from vtacli.signal.loudness import from_db, true_peak
from vtacli.signal.media import Audio, Curve
from vtacli.timeline import Hit, Scene, Span, Window, samples_at


def track(path: Path, number: int = 0) -> Audio:
    with av.open(str(path)) as film:
        stream = film.streams.audio[number]
        rate = stream.rate
        planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
        parts = [p.to_ndarray() for f in film.decode(stream) for p in planar.resample(f)]
    return Audio(np.concatenate(parts, axis=1).astype(np.float32), rate)


def made(film, tmp_path, options=None, model=None, name="out.mp4"):
    model = model or FakeModel()
    options = options or GenerateOptions(seed=7)
    return dub(film, tmp_path / name, options, handle(model)), model


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_silent_film_gets_a_track_of_exactly_its_length(silent_film, tmp_path, suffix):
    result, _ = made(silent_film, tmp_path, name=f"out{suffix}")
    sound = track(result.output)
    assert len(sound) == result.samples == 2 * 48_000
    assert sound.rate_hz == 48_000
    assert np.sqrt(np.mean(sound.data**2)) > 0.01
    assert packet_hashes(silent_film)[0] == packet_hashes(result.output)[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"out{suffix}"]


def test_odd_rates_end_on_the_right_sample(tmp_path):
    film = film_of(tmp_path / "odd.mp4", seconds=1.7, rate="30000/1001")
    result, _ = made(film, tmp_path)
    assert result.duration_s == F(51 * 1001, 30000)
    assert len(track(result.output)) == samples_at(result.duration_s, 48_000) == 81_682


def test_the_mix_is_the_original_plus_the_foley(sounding_film, tmp_path):
    kept = MixOptions(mode="mix")
    result, _ = made(sounding_film, tmp_path, GenerateOptions(seed=7, mix=kept))
    added, _ = made(
        sounding_film,
        tmp_path,
        GenerateOptions(seed=7, mix=MixOptions(mode="add")),
        name="added.mp4",
    )
    before, after = packet_hashes(sounding_film), packet_hashes(result.output)
    assert set(before.values()) <= set(after.values())
    mix, own, foley = track(result.output), track(sounding_film), track(added.output, 1)
    assert len(mix) == len(foley) == result.samples
    assert result.gains.mix == 1.0
    rest = mix.data - foley.data  # the tone alone is left, resampled to 48 kHz
    spectrum = np.abs(np.fft.rfft(rest[0] * np.hanning(rest.shape[1])))
    peak_hz = np.argmax(spectrum) * 48_000 / rest.shape[1]
    assert peak_hz == pytest.approx(440, abs=1)
    assert np.sqrt(np.mean(rest**2)) == pytest.approx(np.sqrt(np.mean(own.data**2)), rel=0.01)


def test_replace_leaves_the_films_own_sound_out(sounding_film, tmp_path):
    options = GenerateOptions(seed=7, mix=MixOptions(mode="replace"))
    result, _ = made(sounding_film, tmp_path, options)
    with av.open(str(result.output)) as film:
        assert len(film.streams.audio) == 1


@pytest.mark.parametrize("mode", ["mix", "add"])
def test_the_ceiling_holds_however_loud(sounding_film, tmp_path, mode):
    mix = MixOptions(mode=mode, gain_db=30)
    result, _ = made(sounding_film, tmp_path, GenerateOptions(seed=7, mix=mix))
    number = 0 if mode == "mix" else 1
    assert true_peak([track(result.output, number)]) <= from_db(-1.0) * 1.001
    assert result.true_peak_dbtp == pytest.approx(-1.0, abs=0.6)


def test_surround_stays_surround_with_foley_in_front(tmp_path):
    sound = "sine=300:sample_rate=48000,volume=0.2,aformat=channel_layouts=5.1"
    film = film_of(tmp_path / "surround.mkv", sound=sound)
    result, _ = made(film, tmp_path, name="out.mkv")
    mix, own = track(result.output), track(result.output, 1)
    assert mix.channels == 6
    n = min(len(mix), len(own))
    away = np.abs(mix.data[2:, :n] - own.data[2:, :n]).max()
    assert away < 2e-3
    assert np.abs(mix.data[:2, :n] - own.data[:2, :n]).max() > 0.05


@pytest.mark.parametrize("batch_size", [2, 3, 5])
def test_the_batch_size_changes_nothing(long_film, tmp_path, batch_size):
    one, first = made(long_film, tmp_path, GenerateOptions(seed=3, batch_size=1), name="1.mkv")
    many, model = made(
        long_film, tmp_path, GenerateOptions(seed=3, batch_size=batch_size), name="n.mkv"
    )
    assert np.array_equal(track(one.output).data, track(many.output).data)
    assert first.batches == [1, 1, 1, 1]
    assert model.batches == {2: [2, 2], 3: [3, 1], 5: [4]}[batch_size]


def test_a_seed_that_is_drawn_is_told_and_works(silent_film, tmp_path):
    drawn, _ = made(silent_film, tmp_path, GenerateOptions(), name="a.mkv")
    again, _ = made(silent_film, tmp_path, GenerateOptions(seed=drawn.seed), name="b.mkv")
    other, _ = made(silent_film, tmp_path, GenerateOptions(seed=drawn.seed + 1), name="c.mkv")
    sounds = [sha256(track(r.output).data.tobytes()).hexdigest() for r in (drawn, again, other)]
    assert sounds[0] == sounds[1] != sounds[2]
    assert drawn.provenance["options"]["seed"] == drawn.seed


def test_scenes_windows_and_keys(long_film, tmp_path):
    result, model = made(long_film, tmp_path, GenerateOptions(seed=3, batch_size=3))
    assert [float(s.span.start_s) for s in result.scenes] == pytest.approx([0, 13.0], abs=0.05)
    keys = [(w.key.seed, w.key.scene, w.key.window) for w in model.seen]
    second = result.scenes[1].noise_id
    assert second == round(1000 * result.scenes[1].span.start_s)
    assert keys == [(3, 0, 0), (3, 0, 1), (3, second, 0), (3, second, 1)]
    begin = [w.at_s for w in model.seen]
    assert begin[0] == begin[2] == 0
    assert 0 < begin[1] < 10.24
    assert all(w.duration_s <= 10.24 for w in model.seen)


def test_scenes_off_and_from_a_list(long_film, tmp_path):
    off = GenerateOptions(seed=3, scenes=SceneOptions(mode="off"))
    assert len(made(long_film, tmp_path, off)[0].scenes) == 1
    cuts = tmp_path / "cuts.csv"
    cuts.write_text("start\n0\n5\n00:00:20.5\n")
    listed = GenerateOptions(seed=3, scenes=SceneOptions(mode=cuts))
    scenes = made(long_film, tmp_path, listed, name="b.mp4")[0].scenes
    assert [s.span.start_s for s in scenes] == [0, 5, F(41, 2)]


def test_hits_words_and_seeds_of_a_scene_reach_the_model(silent_film, tmp_path):
    options = GenerateOptions(seed=3, prompt="film", negative="hum")
    job = make_job(silent_film, tmp_path / "o.mp4", options, FAKE)
    _, analysis = find_scenes(job, ignore, with_frames=True)
    scene = Scene(0, Span(F(0), F(2)), "door", None, 11, (Hit(F(1, 2)), Hit(F(3, 2), 0.5)))
    window = Window(0, 1, Span(F(1), F(2)))
    with analysis.frames as frames:
        content = content_of(window, scene, frames, analysis.motion, options, 3, FAKE)
        deaf = replace(FAKE, takes_motion=False)
        still = content_of(window, Scene(0, scene.span), frames, analysis.motion, options, 3, deaf)
    assert content.hits == ((0.5, 0.5),)
    assert content.at_s == 1.0
    assert (content.prompt, content.negative) == ("door", "hum")
    assert (content.key.seed, content.key.window) == (11, 1)
    assert content.frames.data.shape == (2, 3, 32, 32)
    assert isinstance(content.motion, Curve)
    assert content.motion.times_s[0] < 0.05
    assert (still.prompt, still.key.seed, still.motion) == ("film", 3, None)


class Unloaded(Exception):
    """Raised by a model that must not be loaded."""


def refusing(variant=FAKE):
    def load():
        raise Unloaded

    return replace(handle(variant=variant), load=load)


@pytest.mark.parametrize(
    ("options", "variant", "error"),
    [
        (GenerateOptions(prompt="rain"), FAKE_WITHOUT_TEXT, ConfigError),
        (GenerateOptions(crossfade_s=F(4)), FAKE, ConfigError),
        (GenerateOptions(sampler="dpm"), FAKE, ConfigError),
        (GenerateOptions(mix=MixOptions(mode="mix")), FAKE, ConfigError),
        (GenerateOptions(mix=MixOptions(codec="opus")), FAKE, OutputError),
        (GenerateOptions(scenes=SceneOptions(mode=Path("absent.csv"))), FAKE, ConfigError),
    ],
)
def test_refusals_come_before_the_model_is_loaded(silent_film, tmp_path, options, variant, error):
    events = []
    output = tmp_path / "out.mov"
    with pytest.raises(error):
        dub(silent_film, output, options, refusing(variant), events.append)
    assert not list(tmp_path.iterdir())
    assert not [e for e in events if isinstance(e, Step)]


def test_a_film_that_is_none_is_refused_first(tmp_path):
    (tmp_path / "text.mp4").write_text("not a film")
    with pytest.raises(MediaError):
        dub(tmp_path / "text.mp4", tmp_path / "o.mp4", GenerateOptions(), refusing())


def test_when_the_model_fails_nothing_is_left(silent_film, tmp_path):
    with pytest.raises(Unloaded):
        dub(silent_film, tmp_path / "o.mp4", GenerateOptions(), refusing())
    assert not list(tmp_path.iterdir())


def test_silence_is_told(silent_film, tmp_path):
    class Mute(FakeModel):
        def _sound(self, window):
            return Audio(0 * super()._sound(window).data, self.variant.rate_hz)

    notes = []
    result = dub(
        silent_film, tmp_path / "o.mp4", GenerateOptions(seed=1), handle(Mute()), notes.append
    )
    assert Note("The generated sound is silent.", "warning") in notes
    assert result.to_dict()["true_peak_dbtp"] is None
    json.dumps(result.to_dict())


def test_the_answer_keeps_its_names(silent_film, tmp_path):
    answer = json.loads(json.dumps(made(silent_film, tmp_path)[0].to_dict()))
    assert set(answer) == {
        "film",
        "output",
        "duration_s",
        "duration_exact",
        "samples",
        "rate_hz",
        "audio",
        "track",
        "scenes",
        "windows",
        "seed",
        "foley_gain_db",
        "mix_gain_db",
        "true_peak_dbtp",
        "loudness",
        "master",
        "ducking",
        "bandwidth_hz",
        "seconds",
        "warnings",
        "provenance",
    }
    assert list(answer["seconds"]) == ["check", "decode", "load", "generate", "mix", "write"]
