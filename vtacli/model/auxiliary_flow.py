"""Optical flow as auxiliaries: beside each token, and as channels beside the latents.

Both are made of the same rows (:mod:`vtacli.signal.flow`): what is kept on disk serves either.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vtacli.model.encoders.features import Features
from vtacli.signal.flow import CELL_VALUES, CELLS, DIRECTIONS, ROW

SUBSTEPS = 8
"""A token speaks of half a second: so many moments of it keep their own speed and acceleration."""
TOKEN_VALUES = ROW + 2 * SUBSTEPS
CURVES = 6
CONTROL_CHANNELS = CURVES + DIRECTIONS + 1
_TENFOLD = 10.0


def squashed(x: Tensor) -> Tensor:
    """Speeds from thousandths of a picture width a second to several, brought near each other:
    sign(x) log(1 + 10 |x|)."""
    return x.sign() * torch.log1p(_TENFOLD * x.abs())


def interpolated(values: Tensor, times_s: Tensor, at_s: Tensor) -> Tensor:
    """Piecewise linear, and held before the first and after the last. (P, C), (P,), (Q,) ->
    (Q, C). P is at least 1."""
    if len(times_s) == 1:
        return values.expand(len(at_s), -1)
    after = torch.searchsorted(times_s, at_s).clamp(1, len(times_s) - 1)
    before = after - 1
    share = ((at_s - times_s[before]) / (times_s[after] - times_s[before])).clamp(0, 1)
    share = share.to(values)[:, None]
    return values[before] * (1 - share) + values[after] * share


def _cells(flow: Features) -> Tensor:
    """(P, cells, CELL_VALUES)."""
    return flow.tokens.reshape(len(flow), CELLS * CELLS, CELL_VALUES)


def speeds(flow: Features) -> Tensor:
    """(P, cells, 2): the mean speed of each cell."""
    return _cells(flow)[..., :2]


def acceleration(flow: Features) -> tuple[Tensor, Tensor]:
    """(max(P - 1, 1), cells) the change of each cell's speed from pair to pair, and when: a blow
    turns or stops what moves. Nothing changes where there is one pair."""
    if len(flow) == 1:
        return torch.zeros_like(flow.tokens[:, : CELLS * CELLS]), flow.times_s
    change = speeds(flow).diff(dim=0).norm(dim=-1)
    return change, (flow.times_s[1:] + flow.times_s[:-1]) / 2


def curves(flow: Features, at_s: Tensor) -> Tensor:
    """(Q, CURVES + DIRECTIONS): mean speed, that of the fastest cell, motion against the whole
    picture's own, mean and largest change of speed, growth of the mean speed; then the mean
    speed's directions. Squashed."""
    cells = _cells(flow)
    length, moved = cells[..., 2], speeds(flow)
    against = (moved - moved.median(dim=1, keepdim=True).values).norm(dim=-1).mean(dim=1)
    growth = torch.cat([length.mean(dim=1)[:1] * 0, length.mean(dim=1).diff()])
    own = torch.stack([length.mean(dim=1), length.amax(dim=1), against, growth], dim=1)
    change, change_s = acceleration(flow)
    both = torch.stack([change.mean(dim=1), change.amax(dim=1)], dim=1)
    steady = interpolated(own, flow.times_s, at_s)
    sudden = interpolated(both, change_s, at_s)
    directions = interpolated(cells[..., 3:].mean(dim=1), flow.times_s, at_s)
    return squashed(torch.cat([steady[:, :3], sudden, steady[:, 3:], directions], dim=1))


def control_of(flow: Features | None, steps: int, window_s: float, like: Tensor) -> Tensor:
    """(CONTROL_CHANNELS, steps): the curves in the middle of each latent step, and last a flag that
    says where motion is known. Without flow everything is zero."""
    if flow is None or len(flow) == 0:
        return torch.zeros(CONTROL_CHANNELS, steps, device=like.device, dtype=like.dtype)
    flow, times = flow.to("cpu"), flow.times_s
    middle = (torch.arange(steps, dtype=times.dtype) + 0.5) * window_s / steps
    reach = times.diff().median() if len(times) > 1 else times.new_tensor(window_s / steps)
    known = (middle >= times[0] - reach) & (middle <= times[-1] + reach)
    values = torch.cat([curves(flow, middle), flow.tokens.new_ones(steps, 1)], dim=1)
    return (values * known[:, None]).T.to(like)


def token_rows(flow: Features | None, times_s: Tensor, like: Tensor) -> Tensor:
    """(S, TOKEN_VALUES) for tokens at ``times_s`` (S,), each of which speaks from half-way to the
    token before until half-way to the next: the mean of the rows in between (the nearest one where
    there is none), then mean speed and its change at SUBSTEPS moments. Squashed."""
    if flow is None or len(flow) == 0:
        return torch.zeros(len(times_s), TOKEN_VALUES, device=like.device, dtype=like.dtype)
    flow = flow.to("cpu")
    half = 0.5 * (times_s.diff().median() if len(times_s) > 1 else times_s.new_tensor(1.0))
    middles = (times_s[1:] + times_s[:-1]) / 2
    starts = torch.cat([times_s[:1] - half, middles])
    ends = torch.cat([middles, times_s[-1:] + half])
    inside = (flow.times_s >= starts[:, None]) & (flow.times_s < ends[:, None])
    nearest = (flow.times_s - times_s[:, None]).abs().argmin(dim=1)
    alone = torch.nn.functional.one_hot(nearest, len(flow)).bool()
    weight = torch.where(inside.any(dim=1, keepdim=True), inside, alone).to(flow.tokens)
    means = weight @ flow.tokens / weight.sum(dim=1, keepdim=True)
    share = (torch.arange(SUBSTEPS, dtype=times_s.dtype) + 0.5) / SUBSTEPS
    moments = (starts[:, None] + share * (ends - starts)[:, None]).flatten()
    change, change_s = acceleration(flow)
    length = _cells(flow)[..., 2].mean(dim=1)[:, None]
    fine = [
        interpolated(length, flow.times_s, moments),
        interpolated(change.mean(dim=1)[:, None], change_s, moments),
    ]
    parts = [means, *(x.view(len(times_s), SUBSTEPS) for x in fine)]
    return squashed(torch.cat(parts, dim=1)).to(like)
