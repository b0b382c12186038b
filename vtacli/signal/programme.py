"""Programme loudness of sound of any length, block by block.

K-weighting, channel weights and gating are those of Recommendation ITU-R BS.1770-5, Annex 1;
momentary and short-term loudness those of EBU Tech 3341, the range that of EBU Tech 3342. Gating
is over the whole programme; speech is not told apart.

Energies are summed over hops of 10 ms, whose ends are absolute times rounded to samples once, so
that any rate will do. Of a finished programme one number for each 100 ms is kept: 0.3 MB an hour.
"""

from __future__ import annotations

from array import array
from dataclasses import asdict, dataclass
from math import inf, isfinite, log10, pi, tan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vtacli.signal.layouts import loudness_weights
from vtacli.signal.loudness import TruePeakMeter, to_db
from vtacli.signal.sections import filtered

HOPS_A_SECOND = 100
MOMENTARY, SHORT_TERM, GATING = 40, 300, 40
"""Windows in hops: 400 ms, 3 s, 400 ms."""
COARSE = 10
"""Hops between gating blocks, and between the short-term values of the range: 100 ms."""
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0
RANGE_PERCENTILES = (10.0, 95.0)
OFFSET_LU = -0.691
"""BS.1770: cancels the gain of the K-weighting at 997 Hz."""
TINY = 1e-30
"""Filter states under this are set to nothing: they would only slow the processor down."""


@dataclass(frozen=True)
class Loudness:
    """Of one programme. Minus infinity is silence.

    ``integrated_lufs``: gated; minus infinity also for what is shorter than one gating block of
    400 ms. ``range_lu``: 0 for what is shorter than 3 s. ``max_momentary_lufs`` and
    ``max_short_term_lufs``: of windows of 400 ms and 3 s; silence comes before the programme, as
    in a meter that was just switched on, so that shorter sounds have a value too.
    ``true_peak_dbtp``: by :class:`vtacli.signal.loudness.TruePeakMeter`. ``seconds``: its length.
    """

    integrated_lufs: float
    range_lu: float
    max_momentary_lufs: float
    max_short_term_lufs: float
    true_peak_dbtp: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no infinity: None there."""
        return {k: round(v, 3) if isfinite(v) else None for k, v in asdict(self).items()}


def k_weighting(rate_hz: int) -> NDArray[np.float64]:
    """(2, 6) second-order sections of the K-weighting at any rate.

    BS.1770 tabulates both filters at 48 kHz only. They are bilinear transforms of two analogue
    filters whose frequency, quality and gain follow from the table: a shelf of +4.0 dB above
    1682 Hz, which stands for the head, and a high-pass at 38 Hz.
    """
    return np.array([_shelf(rate_hz, 1681.974450955533, 0.7071752369554196, 3.999843853973347),
                     _high_pass(rate_hz, 38.13547087602444, 0.5003270373238773)])  # fmt: skip


def _shelf(rate_hz: int, corner_hz: float, quality: float, gain_db: float) -> list[float]:
    k = tan(pi * corner_hz / rate_hz)
    high = 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / quality + k * k
    return [
        (high + band * k / quality + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / quality + k * k) / a0,
        1.0,
        2 * (k * k - 1) / a0,
        (1 - k / quality + k * k) / a0,
    ]


def _high_pass(rate_hz: int, corner_hz: float, quality: float) -> list[float]:
    k = tan(pi * corner_hz / rate_hz)
    a0 = 1 + k / quality + k * k
    return [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0]


class LoudnessMeter:
    """Reads a programme block by block.

    ``layout``: ffmpeg's name of the channels' layout; "" is the usual one for that many.
    """

    def __init__(self, rate_hz: int, channels: int, layout: str = "") -> None:
        self._rate = rate_hz
        self._weights = loudness_weights(layout, channels)
        self._sections = k_weighting(rate_hz)
        self._state = np.zeros((2, channels, 2))
        self._peak = TruePeakMeter(rate_hz, channels)
        self._samples = 0
        self._open = 0.0  # energy of the hop that is being filled
        self._waiting = np.zeros(0)  # hops that do not make 100 ms yet
        self._coarse = array("d")  # energies of 100 ms
        # the last 3 s of hops, so that windows reach back over the border of two blocks
        self._recent = np.zeros(SHORT_TERM)
        self._momentary = self._short_term = 0.0

    def add(self, data: NDArray[np.float32]) -> None:
        """The next samples, (C, N) float32, full scale being 1.0."""
        if data.shape[1] == 0:
            return
        self._peak.add(data)
        weighted, self._state = filtered(self._sections, data, self._state, axis=1)
        self._state[np.abs(self._state) < TINY] = 0.0
        power = self._weights @ np.square(weighted)
        start = self._samples
        self._samples += data.shape[1]
        first = start * HOPS_A_SECOND // self._rate
        last = self._samples * HOPS_A_SECOND // self._rate
        # hop h ends before sample ceil((h + 1) * rate / 100)
        ends = [-(-(h + 1) * self._rate // HOPS_A_SECOND) for h in range(first, last + 1)]
        cuts = np.array([e - start for e in ends if e <= self._samples], np.int64)
        sums = np.add.reduceat(power, np.concatenate([[0], cuts[cuts < len(power)]]))
        if cuts.size and cuts[-1] == len(power):
            sums = np.append(sums, 0.0)
        sums[0] += self._open
        self._open = float(sums[-1])
        self._finish(sums[:-1])

    @property
    def max_momentary_lufs(self) -> float:
        """So far."""
        return self._lufs(self._momentary, MOMENTARY)

    @property
    def max_short_term_lufs(self) -> float:
        """So far."""
        return self._lufs(self._short_term, SHORT_TERM)

    def result(self) -> Loudness:
        """End the programme. The meter takes nothing afterwards."""
        seconds = self._samples / self._rate
        if self._open > 0:
            self._windows(np.array([self._open]))
        return Loudness(
            integrated_lufs=self._integrated(),
            range_lu=self._range(),
            max_momentary_lufs=self.max_momentary_lufs,
            max_short_term_lufs=self.max_short_term_lufs,
            true_peak_dbtp=to_db(self._peak.peak()),
            seconds=seconds,
        )

    def short_term(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(T,) seconds at which 3 s windows end, every 100 ms, and (T,) LUFS in them."""
        windows = self._windows_of(SHORT_TERM // COARSE)
        ends = (np.arange(len(windows)) + SHORT_TERM // COARSE) * COARSE / HOPS_A_SECOND
        return ends, self._all_lufs(windows, SHORT_TERM)

    def _finish(self, hops: NDArray[np.float64]) -> None:
        """Whole hops, (H,) energies."""
        if not len(hops):
            return
        self._windows(hops)
        fine = np.concatenate([self._waiting, hops])
        whole = len(fine) - len(fine) % COARSE
        self._coarse.extend(fine[:whole].reshape(-1, COARSE).sum(axis=1))
        self._waiting = fine[whole:]

    def _windows(self, hops: NDArray[np.float64]) -> None:
        joined = np.concatenate([self._recent, hops])
        self._recent = joined[-SHORT_TERM:]
        self._momentary = max(self._momentary, _largest(joined, MOMENTARY))
        self._short_term = max(self._short_term, _largest(joined, SHORT_TERM))

    def _windows_of(self, count: int) -> NDArray[np.float64]:
        """(T,) energies of windows of ``count`` times 100 ms, at every 100 ms."""
        coarse = np.asarray(self._coarse)
        if len(coarse) < count:
            return np.zeros(0)
        return np.convolve(coarse, np.ones(count), "valid")

    def _lufs(self, energy: float, hops: int) -> float:
        mean = energy * HOPS_A_SECOND / (hops * self._rate)
        return OFFSET_LU + 10 * log10(mean) if mean > 0 else -inf

    def _all_lufs(self, energies: NDArray[np.float64], hops: int) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            return OFFSET_LU + 10 * np.log10(energies * HOPS_A_SECOND / (hops * self._rate))

    def _integrated(self) -> float:
        blocks = self._windows_of(GATING // COARSE)
        lufs = self._all_lufs(blocks, GATING)
        heard = blocks[lufs > ABSOLUTE_GATE_LUFS]
        if not len(heard):
            return -inf
        gate = self._lufs(float(heard.mean()), GATING) + RELATIVE_GATE_LU
        return self._lufs(float(blocks[lufs > max(gate, ABSOLUTE_GATE_LUFS)].mean()), GATING)

    def _range(self) -> float:
        windows = self._windows_of(SHORT_TERM // COARSE)
        lufs = self._all_lufs(windows, SHORT_TERM)
        heard = lufs > ABSOLUTE_GATE_LUFS
        if not heard.any():
            return 0.0
        gate = self._lufs(float(windows[heard].mean()), SHORT_TERM) + RANGE_GATE_LU
        kept = lufs[heard & (lufs > gate)]
        low, high = np.percentile(kept, RANGE_PERCENTILES, method="nearest")
        return float(high - low)


def _largest(hops: NDArray[np.float64], length: int) -> float:
    """The most energy in ``length`` hops together, of windows that end after the first 3 s."""
    # sums, not differences of running sums: these lose a quiet window that follows a loud one
    return float(np.convolve(hops[SHORT_TERM - length + 1 :], np.ones(length), "valid").max())
