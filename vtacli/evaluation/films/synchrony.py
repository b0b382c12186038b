"""Synchformer watches films and listens to sounds, and says how far the two are apart.

As hkchengrex/av-benchmark asks it: pictures at 25 a second, the shorter side at 224 pixels and the
centre cut out; sound at 16 kHz, mono; of each the first 14 segments and the last, 4.8 s each,
which are the same time of both. Three things differ by little: a picture is the one that is shown
at its time, where ffmpeg's ``fps`` filter takes the nearest (the same for films of 25 pictures a
second); pictures are resized by libswscale (about 1 level of 255 from torchvision's bicubic, in the
mean of two films), and sound is resampled by soxr (0.006 from torchaudio's on a normalised log-mel
whose spread is 0.28, nearly all of it above 7.5 kHz).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vtacli.errors import MediaError, WeightsRefused
from vtacli.evaluation.films.reading import kept
from vtacli.evaluation.listening_to import mono_at
from vtacli.evaluation.metrics.offsets import Values, likeliest_offsets
from vtacli.evaluation.network_listeners import load_strictly, read_state
from vtacli.evaluation.notebook import Notebook, digest
from vtacli.media.probe import Footage
from vtacli.media.sampling import sample_frames
from vtacli.model.devices import choose_device
from vtacli.model.synchformer import (
    CROP,
    FRAME_RATE,
    RATE_HZ,
    SEGMENT_FRAMES,
    SEGMENT_SAMPLES,
    STEP_FRAMES,
    STEP_SAMPLES,
    Synchformer,
    segments_in,
)
from vtacli.model.synchformer.network import UNUSED, sizes_of
from vtacli.signal.media import Audio
from vtacli.timeline import Span

FOLDER = "synchformer"
"""Beside the models, on a shelf."""
WEIGHTS = "synchformer_state_dict.pth, as av-benchmark and MMAudio publish it"
LEFT_OUT = (
    f"DeSync is left out: Synchformer's weights are on no shelf. They go into a folder {FOLDER} "
    f"beside the models: {WEIGHTS}."
)
SHORTEST_S = float(Fraction((CROP - 1) * STEP_FRAMES + SEGMENT_FRAMES, FRAME_RATE))
AT_ONCE = 4
"""Segments that are seen together."""


class Synchrony:
    """Synchformer's network from a folder of weights, every name held against the network's own.

    What it makes of a picture or of a sound is kept in files, (S, T, D) float32 tokens of the
    segments that are compared, and a file's path stands for it; what it says of two of them is
    kept beside them.
    """

    def __init__(self, folder: Path, device: str = "auto") -> None:
        path, state = read_state(folder)
        state = state.get("model", state)  # what upstream's training saves has more beside it
        try:
            self.network = Synchformer(**sizes_of(state))
        except (KeyError, IndexError, AttributeError, ValueError, RuntimeError) as error:
            raise WeightsRefused("these are no weights of Synchformer.", path=path) from error
        load_strictly(self.network, {k: v for k, v in state.items() if k not in UNUSED}, path)
        self.device = choose_device(device)
        self.network.to(self.device)
        status = path.stat()
        self._key = digest(path.name, status.st_size, status.st_mtime_ns)
        self._books: dict[Path, Notebook] = {}

    @torch.no_grad()
    def of_picture(self, footage: Footage, until_s: Fraction, cache: Path) -> Path | None:
        """The file of what is seen of a film up to a time, made now where it is not there; None
        where that is under 4.8 s. Raises MediaError."""
        which = compared(segments_in(until_s))
        status = footage.path.stat()
        stamp = [footage.path.name, status.st_size, status.st_mtime_ns]
        name = digest("synchformer picture", self._key, which, stamp)

        def see() -> NDArray[np.float32]:
            batches = _batches(footage, which, self.network.size_px)
            found = [self.network.see(b.to(self.device)).cpu() for b in batches]
            return torch.cat(found).numpy()

        return _kept(cache / f"{name}.npz", see) if which else None

    @torch.no_grad()
    def of_sound(self, sound: Audio, until_s: Fraction, cache: Path) -> Path | None:
        """The same of a sound that is as long."""
        which = compared(segments_in(until_s))
        name = digest("synchformer sound", self._key, which, sound.rate_hz, _hash(sound))

        def hear() -> NDArray[np.float32]:
            wave = mono_at(sound, RATE_HZ)
            # resampling may end one sample early
            wave = np.pad(wave, (0, SEGMENT_SAMPLES))
            segments = [wave[i * STEP_SAMPLES :][:SEGMENT_SAMPLES] for i in which]
            heard = self.network.hear(torch.from_numpy(np.stack(segments)).to(self.device))
            return np.asarray(heard.cpu().numpy(), np.float32)

        return _kept(cache / f"{name}.npz", hear) if which else None

    def offsets_s(self, seen: Path, heard: Path) -> Values:
        """(2,) s: how far the first 4.8 s of a sound are off the picture's, and the last."""
        folder = seen.parent
        if folder not in self._books:
            self._books[folder] = Notebook(folder, "desync", self._key)
        item = f"{seen.stem} {heard.stem}"
        row = self._books[folder].measured(item, lambda: {"offsets_s": self._compare(seen, heard)})
        return np.array(row["offsets_s"], np.float64)

    @torch.no_grad()
    def _compare(self, seen: Path, heard: Path) -> list[float]:
        both = [torch.from_numpy(np.load(p)["tokens"]).to(self.device) for p in (seen, heard)]
        first_and_last = [torch.stack([tokens[:CROP], tokens[-CROP:]]) for tokens in both]
        logits = self.network(*first_and_last).cpu().double().numpy()
        return [float(x) for x in likeliest_offsets(logits)]


def compared(segments: int) -> list[int]:
    """Which of so many segments are looked at, in order: the first 14 and the last; none where
    there are fewer."""
    if segments < CROP:
        return []
    return sorted({*range(CROP), *range(segments - CROP, segments)})


def _batches(footage: Footage, which: Sequence[int], size_px: int) -> Iterator[torch.Tensor]:
    """(B, 16, 3, S, S) uint8 of those segments, a few at a time; no more is decoded than needed."""
    for part in (which[:CROP], which[CROP:]):
        if not part:
            continue
        begin = part[0] * STEP_FRAMES
        end = part[-1] * STEP_FRAMES + SEGMENT_FRAMES
        span = Span(Fraction(begin, FRAME_RATE), Fraction(end, FRAME_RATE))
        with sample_frames(
            footage, span, frames_per_second=Fraction(FRAME_RATE), frame_size_px=size_px
        ) as store:
            data = store.between(span).data
        if len(data) != end - begin:
            raise MediaError("Its last pictures cannot be decoded.", path=footage.path)
        segments = [data[i * STEP_FRAMES - begin :][:SEGMENT_FRAMES] for i in part]
        for at in range(0, len(segments), AT_ONCE):
            yield torch.from_numpy(np.stack(segments[at : at + AT_ONCE]))


def _kept(path: Path, make: Callable[[], NDArray[np.float32]]) -> Path:
    kept(path, lambda: {"tokens": make()})
    return path


def _hash(sound: Audio) -> str:
    return sha256(np.ascontiguousarray(sound.data).tobytes()).hexdigest()
