"""Learn what a strike looks like, from renders: makes ``vtacli/signal/strikes.npz``.

    python -m vtacli.evaluation.learn_strikes FOLDER [--count N] [--seeds S ...]
        [--unencoded N] [--gliding N] [--rounds N]

Renders are made in FOLDER, or used again. Their pictures, and those of films in which things only
glide, go through the product's own shrinking and motion meter, once as they are and once
roughened; what is learned is the small network of :mod:`vtacli.signal.strikes`. Seeds from 10,000
on are refused: they are kept for measuring.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, pad, relu

from vtacli.errors import ConfigError
from vtacli.evaluation.drawing import Painter
from vtacli.evaluation.gliding import gliding_film
from vtacli.evaluation.renders import (
    DURATION_S,
    KEPT_FOR_MEASURING,
    Render,
    make_renders,
    staged,
)
from vtacli.evaluation.roughened import SmallFilm, roughened
from vtacli.media.container import open_film, prepare_decoder
from vtacli.media.picture import SMALL, Shrinker
from vtacli.media.probe import probe
from vtacli.signal import strikes
from vtacli.signal.motion import MotionMeter
from vtacli.signal.regions import FEATURES, STRIDE, WINDOW
from vtacli.signal.strikes import PICTURE_LAYERS, REGION_LAYERS, StrikeMeter

HIDDEN, SHOWN, CONTEXT = 40, 24, 32
"""Channels of a region, of what the strongest regions show, and of the whole picture."""
BATCH, CROP = 8, 112
"""Films, and steps of each, in a round of the optimizer."""
COLUMNS = (SMALL[0] // 2 - 4 - WINDOW) // STRIDE + 1
"""Regions beside each other."""
ENERGIES, RIGHTWARDS = [0, 5, 6], 4
"""The features that contrast scales, and the one whose sign a mirror changes."""
LEAST = 0.85
"""What is wanted at the weakest hit; 1 at the strongest. All count alike, but the likelihood is
also taken for a blow's strength."""
MISSED = 3.0
"""How much more a step at which something strikes counts than one at which nothing does."""
ROUGH = 0.5
"""Share of the examples that are roughened."""


@dataclass(frozen=True)
class Example:
    """``steps``: (n, regions, FEATURES) float16; ``wanted``: (n,) float32 in [0, 1]."""

    steps: NDArray[np.float16]
    wanted: NDArray[np.float32]


class _Convolution(nn.Conv1d):
    """A convolution over time, (n, any, inputs) -> (n, any, outputs), with zeros at the ends.

    As one product of matrices: many times quicker than the library's for so few channels.
    """

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        dilation = int(self.dilation[0])
        edge = dilation * (self.kernel_size[0] // 2)
        known = pad(steps, (0, 0, 0, 0, edge, edge))
        taps = [known[i : i + len(steps)] for i in range(0, 2 * edge + 1, dilation)]
        matrix = self.weight.permute(0, 2, 1).flatten(1)
        return nn.functional.linear(torch.cat(taps, dim=-1), matrix, self.bias)


class Network(nn.Module):
    """The network of :class:`vtacli.signal.strikes.StrikeMeter`, to be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.a = _Convolution(FEATURES, HIDDEN, 7, dilation=REGION_LAYERS["a"])
        self.b = _Convolution(HIDDEN, HIDDEN, 5, dilation=REGION_LAYERS["b"])
        self.o = nn.Linear(HIDDEN, 1)
        self.p = nn.Linear(HIDDEN, SHOWN)
        self.c = _Convolution(SHOWN, CONTEXT, 9, dilation=PICTURE_LAYERS["c"])
        self.d = _Convolution(CONTEXT, CONTEXT, 9, dilation=PICTURE_LAYERS["d"])
        self.e = nn.Linear(CONTEXT, 1)
        nn.init.constant_(self.o.bias, -5.0)
        nn.init.zeros_(self.e.weight)
        nn.init.zeros_(self.e.bias)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        """(n, films, regions, FEATURES) -> (n, films): the logarithm of the odds of a strike."""
        films = steps.shape[:3]
        hidden = relu(self.b(relu(self.a(steps.flatten(1, 2)))))
        alone = torch.logsumexp(self.o(hidden).reshape(films).float(), dim=2)
        picture = self.p(hidden).reshape(*films, SHOWN).amax(dim=2)
        context = self.e(relu(self.d(relu(self.c(picture)))))
        odds: torch.Tensor = alone + context[..., 0].float()
        return odds


class _Listener(StrikeMeter):
    """Keeps the descriptions of steps instead of judging them."""

    def __init__(self) -> None:
        self.kept: list[NDArray[np.float16]] = []

    def push(self, step: NDArray[np.float32]) -> None:
        self.kept.append(step.astype(np.float16))


def small_film(render: Render) -> SmallFilm:
    """A render's pictures as the motion meter gets them."""
    footage = probe(render.film)
    shrink = Shrinker(footage.sample_aspect, footage.rotation, 224)
    lumas, times = [], []
    with open_film(render.film, only=footage.picture) as container:
        stream = container.streams[footage.picture]
        prepare_decoder(stream)
        for frame in container.decode(stream):
            lumas.append(shrink.small(frame)[..., 0].copy())
            times.append(float(frame.time))
    return SmallFilm(np.array(lumas), np.array(times), render.hits)


def unencoded_film(seed: int, i: int) -> SmallFilm:
    """The same of film i of a seed without a codec: films from a camera are that clean."""
    play, look, rng = staged(seed, i, DURATION_S)
    look = replace(look, size=(320, 180), letterbox=0.0)
    count = round(DURATION_S * look.rate)
    lumas = []
    for picture in Painter(play, look, rng).pictures(count):
        small = cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA)
        lumas.append(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8))
    return SmallFilm(np.array(lumas), np.arange(count) / float(look.rate), play.hits)


def example_of(film: SmallFilm) -> Example:
    """A film as the motion meter sees it."""
    listener = _Listener()
    meter = MotionMeter(listener)
    for time_s, luma in zip(film.times_s, film.lumas, strict=True):
        meter.push(float(time_s), luma)
    seen = film.times_s[np.array(meter.looked, np.int64)]
    return Example(np.array(listener.kept), wanted(film.hits, seen))


def wanted(
    hits: tuple[tuple[float, float], ...], times_s: NDArray[np.float64]
) -> NDArray[np.float32]:
    """(n,) what the network should say at these times: a bell around each hit, as wide as half
    the distance between pictures, and higher where the hit is strong."""
    spread_s = np.maximum(0.02, 0.45 * np.gradient(times_s))
    out = np.zeros(len(times_s))
    for time_s, strength in hits:
        bell = np.exp(-0.5 * ((times_s - time_s) / spread_s) ** 2)
        out = np.maximum(out, bell * (LEAST + (1 - LEAST) * strength))
    return out.astype(np.float32)


def rough_examples(films: Sequence[SmallFilm], rng: np.random.Generator) -> list[Example]:
    """Each film once more, roughened. Half of those that may show through strike nothing."""
    still = [film for film in films if not film.hits] or films
    examples = []
    for film in films:
        others = still if rng.random() < 0.5 else films
        other = others[int(rng.integers(len(others)))]
        examples.append(example_of(roughened(film, other, rng)))
    return examples


def mirrored(steps: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the meter would say of the same pictures in a mirror. (n, regions, FEATURES)"""
    grid = steps.reshape(len(steps), -1, COLUMNS, FEATURES)[:, :, ::-1].copy()
    grid[..., RIGHTWARDS] *= -1
    return grid.reshape(steps.shape)


def crop_of(
    example: Example, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Up to :data:`CROP` steps, mirrored or not, with another contrast and a little noise."""
    start = int(rng.integers(0, max(1, len(example.wanted) - CROP + 1)))
    steps = example.steps[start : start + CROP].astype(np.float32)
    steps[..., ENERGIES] = np.log1p(np.expm1(steps[..., ENERGIES]) * rng.uniform(0.5, 2.0))
    if rng.random() < 0.5:
        steps = mirrored(steps)
    steps += 0.03 * rng.standard_normal(steps.shape, np.float32)
    return steps, example.wanted[start : start + CROP]


def learn(
    clean: list[Example], rough: list[Example], rounds: int, seed: int, begun: Path | None = None
) -> Network:
    """Train on crops of both; ``begun``: weights to go on from."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Network()
    if begun is not None:
        with np.load(begun) as stored:
            network.load_state_dict({n: torch.from_numpy(stored[n]) for n in stored.files})
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=rounds + 1)
    regions = clean[0].steps.shape[1]
    for done in range(rounds):
        steps = np.zeros((CROP, BATCH, regions, FEATURES), np.float32)
        aim, known = np.zeros((2, CROP, BATCH), np.float32)
        for i in range(BATCH):
            examples = rough if rng.random() < ROUGH else clean
            crop, want = crop_of(examples[int(rng.integers(len(examples)))], rng)
            steps[: len(want), i], aim[: len(want), i], known[: len(want), i] = crop, want, 1
        with torch.autocast("cpu", torch.bfloat16):
            odds = network(torch.from_numpy(steps))
        # A strike that is missed is worse than one that is only imagined.
        weight = torch.from_numpy(known * (1 + MISSED * aim))
        loss = binary_cross_entropy_with_logits(
            odds, torch.from_numpy(aim), weight=weight, reduction="sum"
        )
        optimizer.zero_grad()
        (loss / known.sum()).backward()
        optimizer.step()
        schedule.step()
        if done % 200 == 0:
            print(f"round {done} of {rounds}: {loss.item() / known.sum():.4f}", flush=True)  # noqa: T201
    return network


def main() -> None:
    """Read the command line and write the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=96, help="renders of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--unencoded", type=int, default=480, help="films of the seed after these")
    parser.add_argument("--gliding", type=int, default=144, help="films that glide")
    parser.add_argument("--rounds", type=int, default=3500)
    weights = Path(strikes.__file__).with_name("strikes.npz")
    parser.add_argument("--out", type=Path, default=weights)
    parser.add_argument("--begun", type=Path, help="weights to go on from")
    asked = parser.parse_args()
    if max(asked.seeds) + 1 >= KEPT_FOR_MEASURING:
        raise ConfigError(f"Seeds from {KEPT_FOR_MEASURING} on are kept for measuring.")
    torch.set_num_threads(1)
    renders = [r for seed in asked.seeds for r in make_renders(asked.folder, asked.count, seed)]
    films = [small_film(render) for render in renders]
    films += [unencoded_film(max(asked.seeds) + 1, i) for i in range(asked.unencoded)]
    films += [gliding_film(0, i, DURATION_S) for i in range(asked.gliding)]
    rough = rough_examples(films, np.random.default_rng(0))
    clean = [example_of(film) for film in films]
    network = learn(clean, rough, asked.rounds, seed=0, begun=asked.begun)
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    np.savez(asked.out, **arrays)


if __name__ == "__main__":
    main()
