"""The vocoder of vta-mini: shaped noise, learnt tones, and a projection onto the mel.

A network that is trained to match spectra and has no randomness of its own makes rain into a
buzz: the smoothest spectrum is the safest guess. So the noise is given: white noise is filtered
to the mel's own spectrum, ConvNeXt features say how much of each bin is noise and add what is
tone (an inverse-STFT head, Siuzdak, 2306.00814), and a few projections bring the mel of the
result to the mel that was asked for.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin  # noqa: F401
from torch import nn

from vtacli.model.mini.attacks import AttackGains
from vtacli.model.mini.blocks import ConvNeXtBlock
from vtacli.model.mini.module import MiniModule
from vtacli.model.mini.noise import fixed_noise
from vtacli.model.rounded import OpensRounded
from vtacli.signal.mel import HOP, N_FFT, RATE_HZ, log_mel_of_spectrum, mel_basis

RAYLEIGH_MEAN = 0.8862269254527580
"""Mean magnitude of a complex normal of unit variance: sqrt(pi) / 2."""
LOUDEST_FRAME = 2.5
"""Logarithm of the sum over a frame's mel bands: about that of noise or a tone at full scale."""
LARGEST_CORRECTION = 3.0
"""A projection changes no bin by more than this factor's logarithm at once."""


def bin_levels(fft: int, bands: int) -> tuple[torch.Tensor, torch.Tensor]:
    """How to read bins off a log-mel: a matrix (bins, bands) that interpolates between the
    bands' centres, and the logarithm of each band's area (bands,), which makes a band's mel the
    mean magnitude under it."""
    basis = mel_basis(bands=bands)
    area = basis.sum(dim=1)
    centres_hz = (basis * torch.arange(basis.shape[1])).sum(dim=1) / area * RATE_HZ / N_FFT
    bins_hz = torch.arange(fft // 2 + 1) * RATE_HZ / fft
    above = torch.searchsorted(centres_hz, bins_hz).clamp(1, bands - 1)
    share = (bins_hz - centres_hz[above - 1]) / (centres_hz[above] - centres_hz[above - 1])
    share = share.clamp(0, 1)
    matrix = torch.zeros(len(bins_hz), bands)
    rows = torch.arange(len(bins_hz))
    matrix[rows, above - 1] = 1 - share
    matrix[rows, above] = share
    return matrix, area.log()


class InverseStftVocoder(OpensRounded, MiniModule, ConfigMixin):  # type: ignore[misc]
    """Natural-log mel (B, 1, T, bands) or (B, T, bands) -> wave (B, T * hop), full scale 1.

    One frame of features gives one frame of a short-time spectrum; the inverse transform makes
    the samples, so the network runs at 100 frames a second and never at the sample rate. The
    noise is drawn from a fixed seed: the same mel gives the same sound.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        bands: int = 64,
        width: int = 256,
        depth: int = 6,
        fft: int = 640,
        hop: int = HOP,
        mel_mean: float = -5.0,
        mel_std: float = 3.0,
        projections: int = 1,
        momentum: float = 0.0,
        tones: bool = True,
        envelope_gains: int = 0,
    ):
        super().__init__()
        bins = fft // 2 + 1
        if tones:
            self.embed = nn.Conv1d(bands, width, 7, padding=3)
            self.norm_in = nn.LayerNorm(width, eps=1e-6)
            self.blocks = nn.Sequential(*(ConvNeXtBlock(width) for _ in range(depth)))
            self.norm_out = nn.LayerNorm(width, eps=1e-6)
            self.head = nn.Linear(width, 2 * bins)
            self.noise_head = nn.Linear(width, bins)
            nn.init.zeros_(self.noise_head.weight)
            nn.init.zeros_(self.noise_head.bias)
        if envelope_gains:
            self.gains = AttackGains(bands, envelope_gains)
        window, long = torch.hann_window(fft), torch.hann_window(N_FFT)
        levels, area = bin_levels(fft, bands)
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("long_window", long, persistent=False)
        self.register_buffer("levels", levels, persistent=False)
        self.register_buffer("long_levels", bin_levels(N_FFT, bands)[0], persistent=False)
        # The mel was measured under the front end's window; ours is shorter and holds less.
        shorter = 0.5 * torch.log(window.pow(2).sum() / long.pow(2).sum())
        self.register_buffer("band_level", shorter - area, persistent=False)

    def normalised(self, mel: torch.Tensor) -> torch.Tensor:
        """(B, T, bands) -> (B, bands, T) as the networks read it."""
        normal: torch.Tensor = (mel.transpose(1, 2) - self.config.mel_mean) / self.config.mel_std
        return normal

    def features(self, mel: torch.Tensor) -> torch.Tensor:
        """(B, T, bands) -> (B, T, width)."""
        x = self.norm_in(self.embed(self.normalised(mel)).transpose(1, 2)).transpose(1, 2)
        out: torch.Tensor = self.norm_out(self.blocks(x).transpose(1, 2))
        return out

    def tones(self, features: torch.Tensor) -> torch.Tensor:
        """The learnt part of the spectrum: (B, bins, T) complex."""
        log_magnitude, phase = self.head(features).transpose(1, 2).chunk(2, dim=1)
        # The cap keeps one bad frame from becoming an infinite sample.
        magnitude = torch.exp(log_magnitude.clamp(max=6.0))
        return torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase))

    def shaped_noise(self, mel: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """White noise (B or 1, T * hop) with the spectrum of the mel: (B, bins, T) complex."""
        norm = RAYLEIGH_MEAN * self.window.pow(2).sum().sqrt()
        white = torch.stft(
            noise, self.config.fft, self.config.hop, window=self.window, return_complex=True
        )
        level = ((mel + self.band_level) @ self.levels.T).clamp(max=6.0)
        shaped: torch.Tensor = white[..., : mel.shape[1]] / norm * torch.exp(level).transpose(1, 2)
        return shaped

    def wave(self, spectrum: torch.Tensor) -> torch.Tensor:
        """(B, bins, T) -> (B, T * hop). T frames centred on 0, hop, 2 hop ... span (T - 1) * hop
        samples; the last frame is repeated so that they give T * hop."""
        frames = spectrum.shape[-1]
        spectrum = torch.cat([spectrum, spectrum[..., -1:]], dim=-1)
        return torch.istft(
            spectrum,
            self.config.fft,
            self.config.hop,
            window=self.window,
            length=frames * self.config.hop,
        )

    def attack_gains(self, mel: torch.Tensor) -> torch.Tensor:
        """Mel (B, T, bands) -> logarithms of gains, (B, gains, T)."""
        made: torch.Tensor = self.gains(self.normalised(mel))
        return made

    def envelope(self, mel: torch.Tensor) -> torch.Tensor:
        """Mel (B, T, bands) -> (B, T * hop): what each sample is multiplied by, last of all."""
        return torch.exp(self.gains.between(self.attack_gains(mel), self.config.hop))

    def draw(self, mel: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """One sound for a mel (B, T, bands) and its noise, before projection."""
        spectrum = self.shaped_noise(mel, noise)
        if self.config.tones:
            features = self.features(mel)
            gain = self.noise_head(features).transpose(1, 2).clamp(-8, 2)
            spectrum = spectrum * torch.exp(gain) + self.tones(features)
        return self.wave(spectrum)

    def projected(self, wave: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
        """The sound with its mel brought nearer to ``mel``, its phases kept: the error of each
        band is taken off the bins under it, as in Griffin and Lim's iteration (1984) but for a
        mel. Returns (B, N)."""
        spectrum = torch.stft(wave, N_FFT, HOP, window=self.long_window, return_complex=True)
        error = mel - log_mel_of_spectrum(spectrum[..., : mel.shape[1]])
        error = error.clamp(-LARGEST_CORRECTION, LARGEST_CORRECTION)
        error = torch.cat([error, error[:, -1:]], dim=1)
        spectrum = spectrum * torch.exp(error @ self.long_levels.T).transpose(1, 2)
        return torch.istft(spectrum, N_FFT, HOP, window=self.long_window, length=wave.shape[1])

    def approached(self, wave: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
        """As many projections as the model makes, each begun beyond the last by ``momentum`` of
        its way (Perraudin, Balazs and Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013).
        (B, N)"""
        aim, before = wave, None
        for _ in range(self.config.projections):
            wave = self.projected(aim, mel)
            aim = wave if before is None else wave + self.config.momentum * (wave - before)
            before = wave
        return wave

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        if mel.ndim == 4:
            mel = mel[:, 0]
        # A frame that is louder than full scale is turned down as a whole, its colour kept:
        # guidance can ask for what no recording could hold.
        excess = torch.logsumexp(mel, dim=-1, keepdim=True) - LOUDEST_FRAME
        mel = mel - excess.clamp(min=0)
        noise = fixed_noise(mel.shape[1] * self.config.hop).to(mel)
        wave = self.draw(mel, noise)
        # Too short for the front end's window: nothing to measure.
        if wave.shape[1] > N_FFT:
            wave = self.approached(wave, mel)
        return wave * self.envelope(mel) if self.config.envelope_gains else wave
