"""Optical flow sees a known movement, and both of its forms keep where and when it was."""

import cv2
import numpy as np
import pytest
import torch

from vtacli.errors import ConfigError
from vtacli.model.auxiliary_flow import (
    CONTROL_CHANNELS,
    TOKEN_VALUES,
    control_of,
    curves,
    interpolated,
    token_rows,
)
from vtacli.model.encoders.features import Features
from vtacli.signal.flow import CELL_VALUES, CELLS, DIRECTIONS, ROW, flow_rows
from vtacli.signal.media import Frames

LIKE = torch.zeros(1)
RATE = 12.5


def texture(side=480):
    noise = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return ((smooth - smooth.min()) / np.ptp(smooth) * 255).astype(np.uint8)


def moving(dx, dy, count=3, size=224, rate=RATE):
    """A texture that moves by so many pixels a frame, to the right and down."""
    big, at = texture(), 120
    views = [
        big[at - dy * k : at - dy * k + size, at - dx * k : at - dx * k + size]
        for k in range(count)
    ]
    data = np.stack([np.repeat(view[None], 3, axis=0) for view in views])
    return Frames(data, np.arange(count) / rate)


def cells(rows):
    return rows.reshape(len(rows), CELLS * CELLS, CELL_VALUES)


def features(frames):
    rows, times_s = flow_rows(frames)
    return Features(torch.from_numpy(rows), torch.from_numpy(times_s))


@pytest.mark.parametrize("method", ["dis", "farneback"])
@pytest.mark.parametrize("step", [(4, 0), (0, 6), (-5, 3), (6, -6), (-4, -4)])
def test_a_known_movement_has_its_direction_and_size(method, step):
    rows, times_s = flow_rows(moving(*step), method)
    expected = np.array(step) / 224 * RATE  # picture widths a second
    assert np.allclose(times_s, [0.04, 0.12])
    for cell in cells(rows)[0]:
        assert cell[:2] == pytest.approx(expected, abs=0.1 * np.hypot(*expected))
        assert cell[2] == pytest.approx(np.hypot(*expected), rel=0.1)
        sector = round(np.arctan2(step[1], step[0]) / (2 * np.pi) * DIRECTIONS) % DIRECTIONS
        assert cell[3 + sector] > 0.8 * cell[2]
        assert cell[3:].sum() == pytest.approx(cell[2], rel=1e-4)


@pytest.mark.parametrize("method", ["dis", "farneback"])
def test_what_stands_still_has_no_flow(method):
    rows, _ = flow_rows(moving(0, 0), method)
    assert not np.abs(rows).max() > 1e-3


def test_speed_is_the_same_in_any_size_and_at_any_rate():
    large = flow_rows(moving(8, 0))[0]
    slower = flow_rows(moving(16, 0, rate=RATE / 2))[0]
    small = moving(8, 0)
    half = np.stack(
        [cv2.resize(f[0], (112, 112), interpolation=cv2.INTER_AREA) for f in small.data]
    )
    shrunk = Frames(np.repeat(half[:, None], 3, axis=1), small.times_s)
    mean = cells(large)[..., 0].mean()
    assert cells(slower)[..., 0].mean() == pytest.approx(mean, rel=0.05)
    assert cells(flow_rows(shrunk)[0])[..., 0].mean() == pytest.approx(mean, rel=0.05)


def test_a_cell_speaks_of_its_own_part_of_the_picture():
    still, gone = moving(0, 0).data.copy(), moving(6, 0).data
    still[:, :, 168:, 168:] = gone[:, :, 168:, 168:]  # the last cell of 4 x 4
    rows, _ = flow_rows(Frames(still, np.arange(3) / RATE))
    length = cells(rows)[0][:, 2].reshape(CELLS, CELLS)
    assert length[3, 3] > 5 * length[0].max()
    assert length.argmax() == CELLS * CELLS - 1


def test_one_frame_and_frames_of_one_moment_have_no_pair():
    one = moving(1, 0, count=1)
    assert flow_rows(one)[0].shape == (0, ROW)
    same = Frames(moving(1, 0, count=2).data, np.zeros(2))
    assert flow_rows(same)[0].shape == (0, ROW)
    with pytest.raises(ConfigError, match="no optical flow 'raft'"):
        flow_rows(one, "raft")


def blow(at=25, count=64):
    """Rows of something that moves right, and turns at a moment (in pairs of frames)."""
    rows = torch.zeros(count, CELLS * CELLS, CELL_VALUES)
    rows[:, :, 0] = 1.0
    rows[at:, :, 0] = -1.0
    rows[:, :, 2] = 1.0
    rows[:at, :, 3] = rows[at:, :, 3 + DIRECTIONS // 2] = 1.0
    times_s = (torch.arange(count, dtype=torch.float64) + 0.5) / RATE
    return Features(rows.flatten(1), times_s), at / RATE


def test_control_shows_a_blow_when_it_falls():
    flow, blow_s = blow()
    made = control_of(flow, 256, 10.24, LIKE)
    assert made.shape == (CONTROL_CHANNELS, 256)
    change = made[3]
    assert abs(float(change.argmax() + 0.5) * 0.04 - blow_s) <= 0.04
    # The speed itself says nothing of it: only its direction turns.
    assert float(made[0, 10:100].std()) < 1e-5
    known = made[-1]
    assert known[:120].all()
    assert not known[140:].any()
    assert not made[:, 140:].any()


def test_without_flow_control_is_zero_and_says_so():
    nothing = Features(torch.zeros(0, ROW), torch.zeros(0, dtype=torch.float64))
    for flow in (None, nothing):
        made = control_of(flow, 32, 10.24, LIKE)
        assert made.shape == (CONTROL_CHANNELS, 32)
        assert not made.any()
    still = control_of(features(moving(0, 0, count=4)), 256, 10.24, LIKE)
    assert still[-1, :5].all()  # known, and nothing moves
    assert float(still[:-1].abs().max()) < 1e-2


def test_directions_of_the_control_are_the_movements():
    made = curves(features(moving(6, 0)), torch.tensor([0.08], dtype=torch.float64))[0]
    assert made[-DIRECTIONS:].argmax() == 0
    down = curves(features(moving(0, 6)), torch.tensor([0.08], dtype=torch.float64))[0]
    assert down[-DIRECTIONS:].argmax() == DIRECTIONS // 4


def test_a_token_keeps_what_moves_around_it_and_when():
    flow, blow_s = blow()
    times_s = torch.arange(10, dtype=torch.float64) / 2
    made = token_rows(flow, times_s, LIKE)
    assert made.shape == (10, TOKEN_VALUES)
    sudden = made[:, -8:]
    token, moment = divmod(int(sudden.argmax()), 8)
    heard_s = float(times_s[token]) - 0.25 + (moment + 0.5) / 16
    assert abs(heard_s - blow_s) <= 0.04
    assert made[0, 0] > 0.5  # to the right before it
    assert made[8, 0] < -0.5  # to the left behind


def test_tokens_beyond_the_pairs_take_the_nearest():
    flow, _ = blow(count=4, at=4)
    far = token_rows(flow, torch.tensor([0.0, 5.0], dtype=torch.float64), LIKE)
    assert torch.allclose(far[1, :CELL_VALUES], far[0, :CELL_VALUES])
    alone = token_rows(flow, torch.tensor([0.1], dtype=torch.float64), LIKE)
    assert torch.isfinite(alone).all()
    assert not token_rows(None, torch.zeros(3, dtype=torch.float64), LIKE).any()


def test_interpolation_is_linear_inside_and_held_outside():
    times = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    values = torch.tensor([[0.0], [2.0], [0.0]])
    at = torch.tensor([0.0, 1.0, 1.5, 3.0, 9.0], dtype=torch.float64)
    assert interpolated(values, times, at)[:, 0].tolist() == [0, 0, 1, 1, 0]
    assert interpolated(values[:1] + 7, times[:1], at)[:, 0].tolist() == [7] * 5
