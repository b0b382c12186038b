"""Sounds of the user's own: read, encoded as the bank's are, and laid in their place."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import ffmpeg, film_of
from published_model import imported
from published_model import window as published_window
from test_draft import bank_of_three
from test_switches import MODEL, TIMES, window

from vtacli.errors import ConfigError, MediaError
from vtacli.media.recording import KEPT_S, LEVEL, read_recording
from vtacli.model.contract import Reference, Sampling
from vtacli.model.loading import load_model
from vtacli.model.mini.draft import Placement
from vtacli.model.mini.reference import OwnBanks, reference_start
from vtacli.model.sounding import alike
from vtacli.signal.media import Audio, Curve
from vtacli.signal.nature import BED, HIT, PASSAGE, nature_of, stretches

RATE = 16_000


def wave_of(kind: int) -> np.ndarray:
    """A knock of 0.3 s, three seconds of noise, or five knocks half a second apart."""
    rng = np.random.default_rng(kind)
    seconds = {HIT: 0.4, BED: 4.0, PASSAGE: 2.6}[kind]
    t = np.arange(round(seconds * RATE)) / RATE
    noise = rng.standard_normal(len(t)) * 0.2
    if kind == BED:
        return noise.astype(np.float32)
    since = t - 0.1 if kind == HIT else (t - 0.1) % 0.5
    return (np.where(t < 0.1, 0, noise * np.exp(-40 * since))).astype(np.float32)


@pytest.mark.parametrize("kind", [HIT, BED, PASSAGE])
def test_the_test_sounds_are_what_they_are_called(kind):
    wave = wave_of(kind)
    assert nature_of(wave, RATE).kind == kind
    kinds = [s.kind for s in stretches(wave, RATE)]
    assert kinds[0] == kind
    assert len(kinds) >= (4 if kind == PASSAGE else 1)
    assert set(kinds[1:]) <= {HIT}


# reading


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".aiff", ".m4a", ".mkv"])
def test_any_sound_file_is_read_at_one_level(tmp_path, suffix):
    source = "aevalsrc=exprs='0.02*sin(2*PI*440*t)|0.02*sin(2*PI*440*t)':d=2:s=44100"
    path = tmp_path / f"tone{suffix}"
    ffmpeg("-f", "lavfi", "-i", source, path)
    sound = read_recording(path, RATE)
    assert (sound.channels, sound.rate_hz) == (1, RATE)
    assert np.abs(sound.data).max() == pytest.approx(LEVEL, rel=1e-3)
    assert sound.duration_s == pytest.approx(2, abs=0.1)
    spectrum = np.abs(np.fft.rfft(sound.data[0] * np.hanning(len(sound))))
    assert np.argmax(spectrum) * RATE / len(sound) == pytest.approx(440, abs=2)


def test_the_sound_of_a_film_is_read_from_where_it_begins(tmp_path):
    quiet_then_loud = "aevalsrc=exprs='gt(t,3)*0.3*sin(2000*t)':d=20:s=48000"
    film = film_of(tmp_path / "film.mp4", seconds=20, sound=quiet_then_loud)
    sound = read_recording(film, RATE)
    assert sound.duration_s == pytest.approx(KEPT_S, abs=0.01)
    assert np.abs(sound.data[0, : round(0.03 * RATE)]).max() < 0.05
    assert np.abs(sound.data[0, round(0.06 * RATE) :][:800]).max() > 0.4


def test_what_cannot_serve_is_refused(tmp_path):
    files = {"silent": np.zeros(RATE), "short": np.r_[np.zeros(800), np.ones(80) * 0.5]}
    for name, wave in files.items():
        soundfile.write(tmp_path / f"{name}.wav", wave, RATE)
        with pytest.raises(MediaError, match=name):
            read_recording(tmp_path / f"{name}.wav", RATE)
    with pytest.raises(MediaError, match="no sound"):
        read_recording(film_of(tmp_path / "mute.mp4"), RATE)
    (tmp_path / "list.wav").write_text("ffconcat version 1.0\nfile silent.wav\n")
    with pytest.raises(MediaError, match="cannot be read as sound"):
        read_recording(tmp_path / "list.wav", RATE)


# laying


def reference(kind: int, name: str = "mine", value: float = 40.0) -> Reference:
    wave = wave_of(kind)
    steps = -(-len(wave) // 1280) + 1
    return Reference(name, Audio(wave[None], RATE), np.full((2, steps), value, np.float32))


STRIKES = [(1.0, 1.0), (3.0, 0.5), (5.0, 0.8)]
OF_BANK = [Placement(1, 0.0, 10.24), *(Placement(0, t, t + 2) for t, _ in STRIKES)]


def laid(*references, placements=OF_BANK, strikes=STRIKES, seed=0):
    own = OwnBanks(bank_of_three()).own(references)
    rng = np.random.default_rng(seed)
    made = own.replaced(placements, strikes, 10.24, rng)
    return own.bank, [(own.bank.label(p.recording), p.at_s) for p in made], made


def test_a_hit_stands_for_the_hits_and_leaves_the_bed():
    assert laid(reference(HIT))[1] == [
        ("rain", 0.0), ("mine", 1.0), ("mine", 3.0), ("mine", 5.0)
    ]  # fmt: skip


def test_a_bed_stands_for_the_bed_and_leaves_the_hits():
    assert laid(reference(BED))[1] == [
        ("mine", 0.0), ("knock", 1.0), ("knock", 3.0), ("knock", 5.0)
    ]  # fmt: skip


def test_a_passage_gives_a_blow_for_each_strike_and_itself_without_strikes():
    bank, names, made = laid(reference(PASSAGE))
    assert names[1:] == [("mine", 1.0), ("mine", 3.0), ("mine", 5.0)]
    blows = [p.recording for p in made[1:]]
    assert all(a != b for a, b in pairwise(blows))
    assert {int(bank.kinds[b]) for b in blows} == {HIT}
    bank, names, made = laid(reference(PASSAGE), placements=[], strikes=[])
    assert [int(bank.kinds[p.recording]) for p in made] == [PASSAGE]


def test_several_take_turns_as_the_seed_says():
    a, b = reference(HIT, "a"), reference(HIT, "b")
    turns = {seed: [n for n, _ in laid(a, b, seed=seed)[1][1:]] for seed in range(8)}
    assert {tuple(t) for t in turns.values()} == {("a", "b", "a"), ("b", "a", "b")}
    assert turns[3] == [n for n, _ in laid(a, b, seed=3)[1][1:]]


def test_a_stroke_where_two_windows_overlap_is_the_same_blow_in_both():
    early = laid(reference(PASSAGE), placements=[], strikes=[(t, 1.0) for t in (2.0, 8.0, 9.0)])[2]
    own = OwnBanks(bank_of_three()).own((reference(PASSAGE),))
    rng = np.random.default_rng(0)
    late = own.replaced([], [(0.0, 1.0), (1.0, 1.0)], 10.24, rng, at_s=8.0)
    assert late[1].recording == early[2].recording


def test_entries_of_the_bank_stay_as_they_were():
    bank, own = bank_of_three(), laid(reference(PASSAGE))[0]
    for i in range(len(bank)):
        assert np.array_equal(own.latents(i), bank.latents(i))
    assert (own.latents(len(bank)) == 40).all()
    assert own.file(len(bank)) is None


# the start


def test_the_nearer_the_later_it_starts():
    shares = [reference_start(s) for s in (0.0, 0.25, 0.5, 1.0)]
    assert shares[0] == 1.0
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] > 0


def test_windows_that_begin_alike_run_together_and_none_is_lost():
    shares = [1.0, 0.5, 1.0, 0.5, 0.5, 0.82]
    assert alike(shares, 6) == [[0, 2], [1, 3, 4], [5]]
    assert alike(shares, 2) == [[0, 2], [1, 3], [4], [5]]
    assert alike(shares, 1) == [[0], [2], [1], [3], [4], [5]]


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return load_model(MODEL, device="cpu")


def own_sound(kind=HIT) -> Reference:
    return Reference("door.wav", Audio(wave_of(kind)[None], RATE))


def test_strength_nought_is_no_reference_and_more_is_nearer(model):
    mine = own_sound()
    steps = Sampling(steps=4)

    def take(strength):
        asked = window(references=(mine,), reference_strength=strength)
        return model.generate([asked], steps)[0]

    assert np.array_equal(take(0.0).data, model.generate([window()], steps)[0].data)
    near = [next(d for d in take(s).drawn if d.label == "door.wav") for s in (0.25, 0.6, 1.0)]
    assert near[0].likeness < near[1].likeness < near[2].likeness
    assert near[2].likeness > 0.7
    assert near[0].times_s == (1.0, 4.0)
    assert np.array_equal(take(0.6).data, take(0.6).data)


def test_windows_with_and_without_references_do_not_meet(model):
    mixed = [window(references=(own_sound(),)), window(motion=None)]
    together = model.generate(mixed, Sampling(steps=2))
    for content, sound in zip(mixed, together, strict=True):
        assert np.array_equal(sound.data, model.generate([content], Sampling(steps=2))[0].data)


def test_a_bed_is_heard_where_nothing_moves_and_a_blow_is_not(model):
    still = Curve(TIMES, np.zeros((len(TIMES), 2), np.float32))
    black = replace(window().frames, data=np.zeros_like(window().frames.data))
    asked = {"motion": still, "frames": black, "prompt": None, "negative": None, "hits": ()}
    for kind, heard in ((BED, True), (HIT, False)):
        content = window(references=(own_sound(kind),), **asked)
        assert model.generate([content], Sampling(steps=2))[0].data.any() == heard


def test_a_result_says_what_it_was_drawn_from(model):
    take = model.generate([window()], Sampling(steps=2))[0]
    assert take.drawn
    assert all(d.label in model.pipeline.encoder.bank.labels for d in take.drawn)
    assert all(-1 <= d.likeness <= 1 for d in take.drawn)
    undrafted = model.generate([window(draft=False)], Sampling(steps=2))[0]
    assert undrafted.drawn == ()
    assert not np.array_equal(take.data, undrafted.data)
    assert take.guess.seen[0].probability > 0


def test_a_published_model_cannot_take_one():
    opened = load_model(Path(imported("base")), device="cpu")
    content = replace(published_window(0, 1), references=(own_sound(),))
    with pytest.raises(ConfigError, match="cannot take a reference"):
        opened.generate([content], Sampling(steps=1))


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_as_many_steps_are_made_as_were_asked_for_wherever_they_begin(model, steps, strength):
    asked = window(references=(own_sound(),), reference_strength=strength)
    model.pipeline([asked], num_inference_steps=steps)
    assert model.pipeline.num_timesteps == steps


@pytest.mark.parametrize(("steps", "strength", "made"), [(20, 0.0, 2), (20, 1.0, 8), (40, 0.0, 4)])
def test_of_a_whole_way_a_window_takes_its_share(model, steps, strength, made):
    """Near a draft it begins with a tenth of noise, a reference of full strength with 0.4."""
    asked = window(references=(own_sound(),), reference_strength=strength)
    model.pipeline([asked], num_inference_steps=steps, whole_way=True)
    assert model.pipeline.num_timesteps == made
    model.pipeline(
        [replace(asked, draft=False, references=())], num_inference_steps=3, whole_way=True
    )
    assert model.pipeline.num_timesteps == 3


@pytest.mark.parametrize("share", [0.4, 0.5, 0.76])
def test_sampling_begins_at_the_share_of_noise_that_it_is_meant_to(model, share, monkeypatch):
    begun = []
    noise = torch.randn(1, *model.variant.latent_shape, generator=torch.Generator().manual_seed(0))
    near = torch.zeros_like(noise)
    monkeypatch.setattr(model.pipeline.encoder, "noise_share", lambda content: share)
    monkeypatch.setattr(model.pipeline.encoder, "start", lambda contents, codec: near)
    seen = model.pipeline.unet.forward

    def watched(sample, *rest, **named):
        begun.append(float(sample[0].std() / noise.std()))
        return seen(sample, *rest, **named)

    monkeypatch.setattr(model.pipeline.unet, "forward", watched)
    model.pipeline([window()], num_inference_steps=20, latents=noise)
    assert begun[0] == pytest.approx(share, abs=0.03)
