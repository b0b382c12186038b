"""Learn what a strike looks like, from renders: makes ``vtacli/signal/strikes.npz``.

    python -m vtacli.evaluation.learn_strikes FOLDER [--count N] [--seeds S ...] [--epochs N]

Renders are made in FOLDER, or used again. Their pictures go through the product's own shrinking
and motion meter; what is learned is the small network of :mod:`vtacli.signal.strikes`. Seeds from
10,000 on are refused: they are kept for measuring.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu

from vtacli.errors import ConfigError
from vtacli.evaluation.drawing import Painter
from vtacli.evaluation.renders import (
    DURATION_S,
    KEPT_FOR_MEASURING,
    Render,
    make_renders,
    staged,
)
from vtacli.media.container import open_film, prepare_decoder
from vtacli.media.picture import SMALL, Shrinker
from vtacli.media.probe import probe
from vtacli.signal import strikes
from vtacli.signal.motion import MotionMeter
from vtacli.signal.regions import FEATURES
from vtacli.signal.strikes import StrikeMeter

HIDDEN = 16
BATCH, CROP = 4, 160
"""Films, and steps of each, in a step of the optimizer."""


@dataclass(frozen=True)
class Example:
    """``steps``: (n, regions, FEATURES) float16; ``wanted``: (n,) float32 in [0, 1]."""

    steps: NDArray[np.float16]
    wanted: NDArray[np.float32]


class Network(nn.Module):
    """The network of :class:`vtacli.signal.strikes.StrikeMeter`, to be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv1d(FEATURES, HIDDEN, 7, padding=3)
        self.b = nn.Conv1d(HIDDEN, HIDDEN, 5, padding=2)
        self.o = nn.Conv1d(HIDDEN, 1, 1)
        nn.init.constant_(self.o.bias, -5.0)  # type: ignore[arg-type]

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        """(n, regions, FEATURES) -> (n,): the logarithm of the odds of a strike."""
        hidden = relu(self.b(relu(self.a(steps.permute(1, 2, 0)))))
        return torch.logsumexp(self.o(hidden)[:, 0], dim=0)


class _Listener(StrikeMeter):
    """Keeps the descriptions of steps instead of judging them."""

    def __init__(self) -> None:
        self.kept: list[NDArray[np.float16]] = []

    def push(self, step: NDArray[np.float32]) -> None:
        self.kept.append(step.astype(np.float16))


def examples_of(render: Render) -> list[Example]:
    """A render as the motion meter sees it, and mirrored."""
    return _examples(*_pictures(render.film), render.hits)


def unencoded_examples(seed: int, i: int) -> list[Example]:
    """The same of film i of a seed without a codec: films from a camera are that clean."""
    play, look, rng = staged(seed, i, DURATION_S)
    look = replace(look, size=(320, 180), letterbox=0.0)
    count = round(DURATION_S * look.rate)
    lumas = []
    for picture in Painter(play, look, rng).pictures(count):
        small = cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA)
        lumas.append(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8))
    return _examples(lumas, [float(n / look.rate) for n in range(count)], play.hits)


def _examples(
    lumas: list[NDArray[np.uint8]], times: list[float], hits: tuple[tuple[float, float], ...]
) -> list[Example]:
    examples = []
    for mirrored in (False, True):
        listener = _Listener()
        meter = MotionMeter(listener)
        for time_s, luma in zip(times, lumas, strict=True):
            meter.push(time_s, np.ascontiguousarray(luma[:, ::-1]) if mirrored else luma)
        seen = np.array(times)[np.array(meter.looked, np.int64)]
        examples.append(Example(np.array(listener.kept), wanted(hits, seen)))
    return examples


def wanted(
    hits: tuple[tuple[float, float], ...], times_s: NDArray[np.float64]
) -> NDArray[np.float32]:
    """(n,) what the network should say at these times: a bell around each hit, as wide as half
    the distance between pictures, and as high as the hit is strong."""
    spread_s = np.maximum(0.02, 0.45 * np.gradient(times_s))
    out = np.zeros(len(times_s))
    for time_s, strength in hits:
        bell = np.exp(-0.5 * ((times_s - time_s) / spread_s) ** 2)
        out = np.maximum(out, bell * (0.35 + 0.65 * strength))
    return out.astype(np.float32)


def learn(examples: list[Example], epochs: int, seed: int, begun: Path | None = None) -> Network:
    """Train on crops, with contrast changed and noise; ``begun``: weights to go on from."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Network()
    if begun is not None:
        with np.load(begun) as stored:
            network.load_state_dict({n: torch.from_numpy(stored[n]) for n in stored.files})
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    rounds = epochs * (len(examples) // 2 // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=rounds + 1)
    for done in range(rounds):
        loss = torch.zeros(())
        for i in rng.integers(0, len(examples), BATCH):
            example = examples[i]
            start = int(rng.integers(0, max(1, len(example.wanted) - CROP)))
            steps = torch.from_numpy(example.steps[start : start + CROP].astype(np.float32))
            energies = steps[..., [0, 5, 6]]
            steps[..., [0, 5, 6]] = torch.log1p(torch.expm1(energies) * rng.uniform(0.5, 2.0))
            steps = steps + 0.03 * torch.randn(steps.shape)
            aim = torch.from_numpy(example.wanted[start : start + CROP])
            # A strike that is missed is worse than one that is only imagined.
            loss = loss + binary_cross_entropy_with_logits(network(steps), aim, weight=1 + 5 * aim)
        optimizer.zero_grad()
        (loss / BATCH).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if done % 200 == 0:
            print(f"round {done} of {rounds}: {loss.item() / BATCH:.4f}", flush=True)  # noqa: T201
    return network


def _pictures(film: Path) -> tuple[list[NDArray[np.uint8]], list[float]]:
    footage = probe(film)
    shrink = Shrinker(footage.sample_aspect, footage.rotation, 224)
    lumas, times = [], []
    with open_film(film, only=footage.picture) as container:
        stream = container.streams[footage.picture]
        prepare_decoder(stream)
        for frame in container.decode(stream):
            lumas.append(shrink.small(frame)[..., 0].copy())
            times.append(float(frame.time))
    return lumas, times


def main() -> None:
    """Read the command line and write the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=96, help="renders of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--epochs", type=int, default=60)
    weights = Path(strikes.__file__).with_name("strikes.npz")
    parser.add_argument("--out", type=Path, default=weights)
    parser.add_argument("--begun", type=Path, help="weights to go on from")
    asked = parser.parse_args()
    if max(asked.seeds) >= KEPT_FOR_MEASURING:
        raise ConfigError(f"Seeds from {KEPT_FOR_MEASURING} on are kept for measuring.")
    torch.set_num_threads(1)
    renders = [r for seed in asked.seeds for r in make_renders(asked.folder, asked.count, seed)]
    examples = [example for render in renders for example in examples_of(render)]
    for i in range(asked.count):
        examples += unencoded_examples(max(asked.seeds) + 1, i)
    network = learn(examples, asked.epochs, seed=0, begun=asked.begun)
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    np.savez(asked.out, **arrays)


if __name__ == "__main__":
    main()
