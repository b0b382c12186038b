"""Fit the text space's table so that sums of its rows point where the teacher's sentences do.

A teacher's vector for a word alone is a poor summand: "match" alone is a game, in "lighting a
match" a fire. So the table is moved by gradient descent until, over many short phrases, the sum
of the pieces' vectors has the direction of the teacher's embedding of the phrase (centred and
projected). The idea is that of Tokenlearn (Minish Lab, 2024), here for phrases about sounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional

from vtacli.model.mini.text import UNKNOWN_ID
from vtacli.training.distil import Floats, first_table, principal_axes, unit


@dataclass(frozen=True)
class FitSettings:
    """How the fit goes. The learning rate falls by a half cosine to a twentieth."""

    dimensions: int = 256
    epochs: int = 2
    batch: int = 1024
    learning_rate: float = 4e-3
    held_out: int = 4000
    seed: int = 0


@dataclass(frozen=True)
class Fit:
    """The fitted table (V, D) and the mean cosine to the teacher on phrases held out of the fit,
    before and after."""

    table: Floats
    cosine_before: float
    cosine_after: float


@dataclass(frozen=True)
class _Bags:
    """Piece numbers of many phrases, end to end, as ``embedding_bag`` takes them."""

    pieces: list[list[int]]

    def take(self, rows: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        taken = [self.pieces[i] for i in rows]
        starts = np.cumsum([0, *(len(p) for p in taken[:-1])])
        return torch.tensor([i for p in taken for i in p]), torch.from_numpy(starts)


def fit_table(
    pieces: Floats,
    phrases: Sequence[str],
    embedded: Floats,
    tokenizer: Tokenizer,
    settings: FitSettings,
) -> Fit:
    """Fit to ``phrases`` and the teacher's embeddings (N, 384) of them, starting from its vectors
    (V, 384) of single pieces. The last ``held_out`` phrases are used for nothing but the report.
    """
    encoded = [
        [i for i in e.ids if i != UNKNOWN_ID]
        for e in tokenizer.encode_batch(list(phrases), add_special_tokens=False)
    ]
    known = [i for i, ids in enumerate(encoded) if ids]
    bags = _Bags([encoded[i] for i in known])
    mean, axes = principal_axes(embedded[known], settings.dimensions)
    targets = torch.from_numpy(unit(np.asarray((embedded[known] - mean) @ axes, np.float32)))

    table = torch.from_numpy(first_table(pieces, mean, axes)).requires_grad_()
    count = len(known) - settings.held_out
    if count < settings.batch:
        raise ValueError(f"{len(known)} phrases are too few for a fit")
    held_out = range(count, len(known))
    before = _mean_cosine(table, bags, targets, held_out)
    _descend(table, bags, targets, count, settings)
    return Fit(table.detach().numpy(), before, _mean_cosine(table, bags, targets, held_out))


def _descend(
    table: torch.Tensor, bags: _Bags, targets: torch.Tensor, count: int, settings: FitSettings
) -> None:
    optimizer = torch.optim.Adam([table], lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, _half_cosine(settings.epochs * (count // settings.batch))
    )
    draw = np.random.default_rng(settings.seed)
    for _ in range(settings.epochs):
        order = draw.permutation(count)
        for start in range(0, count - settings.batch + 1, settings.batch):
            rows = order[start : start + settings.batch].tolist()
            loss = (1 - _cosines(table, bags, targets, rows)).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()


def _half_cosine(steps: int, floor: float = 0.05) -> Callable[[int], float]:
    def factor(step: int) -> float:
        done = min(step / steps, 1.0)
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))

    return factor


def _cosines(
    table: torch.Tensor, bags: _Bags, targets: torch.Tensor, rows: Sequence[int]
) -> torch.Tensor:
    ids, starts = bags.take(rows)
    sums = functional.embedding_bag(ids, table, starts, mode="sum")
    return (functional.normalize(sums, dim=1) * targets[list(rows)]).sum(1)


@torch.no_grad()
def _mean_cosine(
    table: torch.Tensor, bags: _Bags, targets: torch.Tensor, rows: Sequence[int]
) -> float:
    return float(_cosines(table, bags, targets, rows).mean())
