"""Training the denoiser: rectified flow on composed windows, words and curves dropped apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vtacli.model.mini.denoiser import MiniDenoiser
from vtacli.model.mini.draft import BED, HIT, Bank, Placement, lay, struck
from vtacli.model.mini.text import TextSpace
from vtacli.signal.control import ControlCurves, hit_curve
from vtacli.training.composer import Event
from vtacli.training.degrade import degraded_hits, motion_of_hits
from vtacli.training.loop import LossOf
from vtacli.training.patterns import Hits
from vtacli.training.recipe import DenoiserRecipe
from vtacli.training.sources import Sources
from vtacli.training.windows import Windows
from vtacli.training.wordings import Wordings


@dataclass(frozen=True)
class Words:
    """What labels are called, where each lies in the space of words, and what lies near it.

    ``labels``: (L, D) unit rows for the names. ``near``: (L, K) indices of labels, the nearest
    first, itself excluded.
    """

    text: TextSpace
    names: tuple[str, ...]
    labels: NDArray[np.float32]
    near: NDArray[np.int64]

    @staticmethod
    def of(text: TextSpace, names: Sequence[str], count: int = 4) -> Words:
        labels = text.embed(list(names)).numpy()
        likeness = labels @ labels.T
        np.fill_diagonal(likeness, -2)
        return Words(text, tuple(names), labels, np.argsort(-likeness, axis=1)[:, :count])

    def caption(self, rng: np.random.Generator, labels: Sequence[int]) -> NDArray[np.float32]:
        """(D,) The point of one of the many ways to ask for these labels' sound."""
        said = Wordings.shipped().caption([self.names[i] for i in labels], rng)
        return np.asarray(self.text.embed([said])[0].numpy())


class DraftMaker:
    """Drafts out of *other* recordings of the same label, so that the model makes a new take;
    ``same`` of them out of the window's own, so that it may also keep what it is given."""

    def __init__(
        self,
        bank: Bank,
        sources: Sources,
        words: Words,
        window_s: float,
        steps: int,
        same: float = 0.0,
    ):
        self.bank, self.sources, self.words = bank, sources, words
        self.window_s, self.steps, self.same = window_s, steps, same

    def other(self, rng: np.random.Generator, source: int, label: int, kind: int) -> int | None:
        """Another entry that could stand for ``source``: same label, else a near one, else None."""
        if self.same and rng.random() < self.same:
            return source
        mine = self.sources.every[source].recording.file
        for candidate in (label, *self.words.near[label][:3]):
            pool = [
                i
                for i in self.sources.of(int(candidate), kind)
                if self.sources.every[i].recording.file != mine
            ]
            if pool:
                return int(rng.choice(pool))
        return None

    def draft(
        self, rng: np.random.Generator, events: list[Event], hits: Hits, origin: list[int]
    ) -> torch.Tensor:
        """(C, steps). Hit events follow the (possibly doubtful) ``hits``; others stay put."""
        placements: list[Placement] = []
        stand_in: dict[int, int | None] = {}
        for event in sorted(events, key=lambda e: e.kind != BED):
            if event.kind == HIT:
                continue
            if event.source not in stand_in:
                stand_in[event.source] = self.other(rng, event.source, event.label, event.kind)
            if (entry := stand_in[event.source]) is not None:
                placements.append(Placement(entry, event.at_s, event.until_s))
        blows = [e for e in events if e.kind == HIT]
        if blows:
            times = np.array([e.at_s for e in blows])
            for i, (time_s, _) in enumerate(hits):
                event = blows[int(np.abs(times - time_s).argmin())]
                if event.source not in stand_in:
                    stand_in[event.source] = self.other(rng, event.source, event.label, HIT)
                if (entry := stand_in[event.source]) is None:
                    continue
                until = hits[i + 1][0] if i + 1 < len(hits) else self.window_s
                placements.append(struck(self.bank, entry, time_s, until))
        return lay(self.bank, placements, self.steps, self.window_s / self.steps)


def control_of(
    rng: np.random.Generator,
    windows: Windows,
    index: int,
    drafts: DraftMaker,
    recipe: DenoiserRecipe,
) -> NDArray[np.float32]:
    """(channels, steps): curves, flags, draft, draft flag, for one window, newly degraded."""
    action = windows.action[index].astype(np.float32)
    frames, steps = len(action), windows.latents.shape[2]
    true = windows.hits[index]
    doubtful, origin = degraded_hits(rng, true, drafts.window_s)
    written = rng.random() < 0.4
    moving = not written or rng.random() < 0.5
    if not written and rng.random() < 0.1:
        moving = False
    onset, energy = motion_of_hits(rng, doubtful, action)
    curves = ControlCurves(
        frames,
        hits=hit_curve(true, frames) if written else None,
        onset=onset if moving else None,
        energy=energy if moving else None,
    ).folded(steps)
    draft = np.zeros((windows.latents.shape[1] + 1, steps), dtype=np.float32)
    if rng.random() >= recipe.drop_draft:
        followed = (true, list(range(len(true)))) if written else (doubtful, origin)
        draft[:-1] = drafts.draft(rng, windows.events[index], *followed).numpy()
        draft[-1] = 1
    return np.concatenate([curves, draft])


def token_of(
    rng: np.random.Generator, windows: Windows, index: int, words: Words
) -> NDArray[np.float32]:
    """(D,) What is said: mostly the caption; else, as pictures do, a doubtful mixture of labels."""
    labels = windows.labels[index]
    if not labels:
        return np.zeros(words.labels.shape[1], dtype=np.float32)
    if rng.random() < 0.7:
        return words.caption(rng, labels)
    mixture = words.labels[labels].mean(axis=0)
    for label in labels:
        mixture = mixture + rng.uniform(0, 0.4) * words.labels[words.near[label][0]]
    mixture = mixture + rng.uniform(0, 0.3) * words.labels[int(rng.integers(len(words.labels)))]
    sureness = rng.uniform(0.4, 1.0)
    return np.asarray(mixture / np.linalg.norm(mixture) * sureness, dtype=np.float32)


def noise_shares(rng: np.random.Generator, recipe: DenoiserRecipe) -> NDArray[np.float64]:
    """(batch,) How much of each sample is noise, in [0, 1]."""
    shares = 1 / (1 + np.exp(-rng.standard_normal(recipe.batch)))
    if recipe.near_draft > 0:
        near = rng.random(recipe.batch) < recipe.near_draft
        shares[near] = rng.uniform(0, recipe.near_draft_noise, int(near.sum()))
    return np.asarray(shares)


def flow_loss(
    windows: Windows,
    words: Words,
    drafts: DraftMaker,
    recipe: DenoiserRecipe,
    device: str,
    weights: torch.Tensor | None = None,
) -> LossOf:
    """Rectified flow (Liu et al., 2209.03003): x_t = (1 - t) x + t n, target n - x.

    t is logit-normal (Esser et al., 2403.03206, section 3.1), which spends effort mid-way; for a
    share of the batch it is drawn evenly from where sampling near a draft runs. ``weights``: (C, C)
    as :func:`vtacli.training.sensitivity.error_weights` gives them; None: all errors are alike.
    """
    weights = None if weights is None else weights.to(device)

    def loss_of(
        model: nn.Module, rng: np.random.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, float]]:
        assert isinstance(model, MiniDenoiser)
        chosen = rng.integers(len(windows), size=recipe.batch)
        data = torch.from_numpy(windows.latents[chosen].astype(np.float32)).to(device)
        tokens = np.stack([token_of(rng, windows, int(i), words) for i in chosen])
        control = np.stack([control_of(rng, windows, int(i), drafts, recipe) for i in chosen])
        dropped = rng.random(recipe.batch)
        both = dropped < recipe.drop_both
        no_words = both | ((dropped >= 0.3) & (dropped < 0.3 + recipe.drop_words))
        no_control = both | ((dropped >= 0.6) & (dropped < 0.6 + recipe.drop_control))
        control[no_control] = 0
        noise = torch.from_numpy(rng.standard_normal(data.shape, dtype=np.float32)).to(device)
        t = torch.from_numpy(noise_shares(rng, recipe)).float().to(device)
        mixed = (1 - t[:, None, None]) * data + t[:, None, None] * noise
        kind = torch.device(device).type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=recipe.bfloat16):
            made = model(
                mixed.unsqueeze(-1),
                t * 1000,
                torch.from_numpy(tokens)[:, None].to(device),
                torch.from_numpy(~no_words)[:, None].to(device),
                torch.from_numpy(control).to(device),
            ).sample.squeeze(-1)
        error = made.float() - (noise - data)
        logs = {"flow": float(error.detach().pow(2).mean())}
        if weights is not None:
            error = torch.einsum("ij,bjt->bit", weights, error)
            logs["weighed"] = float(error.detach().pow(2).mean())
        return error.pow(2).mean(), logs

    return loss_of
