"""The decoder's metric: what errors in latents do to the mel."""

import numpy as np
import pytest
import torch

from vtacli.model.mini.codec import MelCodec
from vtacli.training.codec import audible
from vtacli.training.sensitivity import APART, error_weights, sensitivity

SIZES = {"channels": 6, "width": 16, "deep_width": 16, "shallow_blocks": 1, "deep_blocks": 1}


@pytest.fixture(scope="module")
def codec():
    torch.manual_seed(0)
    return MelCodec(**SIZES).eval()


@pytest.fixture(scope="module")
def latents():
    return np.random.default_rng(0).standard_normal((2, 6, 64)).astype(np.float16)


@pytest.fixture(scope="module")
def metric(codec, latents):
    return sensitivity(codec, latents, "cpu")


def test_it_is_a_metric_of_the_channels_own_size(metric):
    assert metric.shape == (6, 6)
    assert torch.allclose(metric, metric.T, atol=1e-5)
    assert float(torch.linalg.eigvalsh(metric)[0]) > -1e-4
    assert float(metric.trace()) == pytest.approx(6, rel=1e-5)


@torch.no_grad()
def test_it_foretells_how_far_an_error_moves_the_mel(codec, latents, metric):
    z = torch.from_numpy(latents[:1].astype(np.float32)).unsqueeze(-1)
    mel = codec.reconstruct(codec.raw(z))
    rng = torch.Generator().manual_seed(1)
    told, moved = [], []
    for _ in range(30):
        error = 0.01 * torch.randn(6, generator=rng)
        nudged = z.clone()
        nudged[0, :, ::APART, 0] += error[:, None]
        change = (codec.reconstruct(codec.raw(nudged)) - mel) * audible(mel).sqrt()
        told.append(float(error @ metric @ error))
        moved.append(float(change.pow(2).sum()))
    assert np.corrcoef(told, moved)[0, 1] > 0.95
    # and plain squares do not
    assert np.ptp(np.array(moved) / np.array(told)) < 0.6 * np.mean(np.array(moved) / told)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_weights_are_a_root_of_what_is_asked(metric, share):
    weights = error_weights(metric, share)
    asked = (1 - share) * torch.eye(6) + share * metric
    assert torch.allclose(weights.T @ weights, asked, atol=1e-5)
    error = torch.randn(6, generator=torch.Generator().manual_seed(2))
    assert float((weights @ error).pow(2).sum()) == pytest.approx(
        float(error @ asked @ error), rel=1e-4
    )
