"""Silero VAD: how sure it is, every 32 ms, that somebody speaks.

Silero Team, "Silero VAD" (2021 to 2026; MIT licence), the network for 16 kHz of version 6.2: a
short-time Fourier transform as a convolution, four convolutions that make one column of 32 ms,
and an LSTM from column to column.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.headers import read_header

WEIGHTS = "silero-vad.safetensors"
RATE_HZ = 16_000
CHUNK = 512
"""Samples to one value: 32 ms."""
CONTEXT = 64
"""Samples of the chunk before that are seen with it."""
_N_FFT, _HOP = 256, 128
_BINS = _N_FFT // 2 + 1
_WIDTH = 128


class VoiceNet(nn.Module):
    """(T, CONTEXT + CHUNK) chunks at 16 kHz, in order, and the state before them, None at the
    beginning -> (T,) probabilities and the state after."""

    def __init__(self) -> None:
        super().__init__()
        self.stft = nn.Conv1d(1, 2 * _BINS, _N_FFT, _HOP, bias=False)
        self.convolutions = nn.ModuleList(
            [
                nn.Conv1d(_BINS, 128, 3, 1, 1),
                nn.Conv1d(128, 64, 3, 2, 1),
                nn.Conv1d(64, 64, 3, 2, 1),
                nn.Conv1d(64, 128, 3, 1, 1),
            ]
        )
        self.memory = nn.LSTM(_WIDTH, _WIDTH)
        self.out = nn.Conv1d(_WIDTH, 1, 1)

    def forward(
        self, chunks: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        padded = functional.pad(chunks[:, None], (0, CONTEXT), mode="reflect")
        x = self.stft(padded)
        x = (x[:, :_BINS].square() + x[:, _BINS:].square()).sqrt()
        for convolution in self.convolutions:
            x = functional.relu(convolution(x))
        column, state = self.memory(x.squeeze(-1), state)
        logits = self.out(functional.relu(column)[:, :, None])
        return torch.sigmoid(logits)[:, 0, 0], state


class Voice:
    """Listens to one track, block by block, on the CPU; memory does not grow with it."""

    def __init__(self, net: VoiceNet) -> None:
        self._net = net
        self._state: tuple[torch.Tensor, torch.Tensor] | None = None
        self._context = np.zeros(CONTEXT, np.float32)
        self._rest = np.zeros(0, np.float32)

    def hear(self, sound: NDArray[np.float32], last: bool = False) -> NDArray[np.float32]:
        """The next (N,) samples at 16 kHz -> (T,) probabilities of the chunks that they complete.

        ``last``: the end; what is left over is filled up with silence.
        """
        sound = np.concatenate([self._rest, sound])
        if last:
            sound = np.pad(sound, (0, -len(sound) % CHUNK))
        count = len(sound) // CHUNK
        whole, self._rest = sound[: count * CHUNK], sound[count * CHUNK :].copy()
        if not count:
            return np.zeros(0, np.float32)
        with_context = np.concatenate([self._context, whole])
        self._context = with_context[-CONTEXT:].copy()
        chunks = torch.from_numpy(with_context).unfold(0, CONTEXT + CHUNK, CHUNK)
        with torch.no_grad():
            probabilities, self._state = self._net(chunks, self._state)
        return np.asarray(probabilities.numpy(), np.float32)


def load_voice(folder: Path) -> VoiceNet:
    """The network of a folder, in float32. Raises WeightsMissing and WeightsRefused."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise WeightsMissing("the speech detector is absent.", path=path)
    net = VoiceNet()
    read_header(path)
    try:
        net.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    except (RuntimeError, SafetensorError) as error:
        raise WeightsRefused(f"not the speech detector's weights: {error}.", path=path) from error
    return net.eval().requires_grad_(False)
