"""The speech detector is the published one, number for number."""

import json
from pathlib import Path

import numpy as np
import pytest
from made_speech import voice
from safetensors.torch import save_file

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.voice import CHUNK, RATE_HZ, WEIGHTS, Voice, load_voice

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden/silero_expected.json"


@pytest.fixture(scope="module")
def net():
    return load_voice(ROOT / "weights/silero-vad")


@pytest.fixture(scope="module")
def sound():
    nothing = np.zeros(RATE_HZ // 2, np.float32)
    return np.concatenate([nothing, voice(1.5, RATE_HZ, 3), nothing])


def test_it_says_what_the_published_network_says(net, sound):
    expected = json.loads(GOLDEN.read_text())["probabilities"]
    got = Voice(net).hear(sound, last=True)
    assert len(got) == len(expected)
    assert np.max(np.abs(got - expected)) < 0.03  # weights in half precision; in full, 1e-4
    assert max(expected) > 0.95
    assert min(expected) < 0.01


def test_blocks_do_not_change_what_is_heard(net, sound):
    whole = Voice(net).hear(sound, last=True)
    listener, parts = Voice(net), []
    for at in range(0, len(sound), 777):
        parts.append(listener.hear(sound[at : at + 777]))
    parts.append(listener.hear(sound[:0], last=True))
    assert np.concatenate(parts) == pytest.approx(whole, abs=1e-5)
    assert len(whole) == -(-len(sound) // CHUNK)


def test_noise_tones_and_knocks_are_no_speech(net):
    rng = np.random.default_rng(0)
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    knocks = np.exp(-40 * (t % 0.5)) * rng.standard_normal(len(t))
    for other in (rng.standard_normal(len(t)), np.sin(2 * np.pi * 440 * t), knocks):
        assert Voice(net).hear((0.2 * other).astype(np.float32), last=True).max() < 0.3


def test_weights_that_are_absent_or_others_are_said(net, tmp_path):
    with pytest.raises(WeightsMissing):
        load_voice(tmp_path)
    state = net.state_dict()
    save_file({k: v for k, v in state.items() if k != "out.bias"}, tmp_path / WEIGHTS)
    with pytest.raises(WeightsRefused):
        load_voice(tmp_path)
