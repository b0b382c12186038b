"""What is done with the clips of one shard: decoded, heard, encoded, written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from vtacli.errors import MediaError, VtaError, printable
from vtacli.media.probe import Footage, probe
from vtacli.media.sampling import sample_frames
from vtacli.media.sound import SoundTrack, sound_track
from vtacli.model.contract import NoiseKey, WindowContent
from vtacli.signal.loudness import to_db
from vtacli.signal.media import Frames
from vtacli.signal.mel import RATE_HZ
from vtacli.timeline import Span
from vtacli.training.data.chunks import Chunk
from vtacli.training.data.clip import Clip
from vtacli.training.data.encoding import EncoderChoice, FeatureMaker
from vtacli.training.data.settings import Settings
from vtacli.training.data.shard import SUFFIX, Shard, write_shard
from vtacli.training.data.sound import (
    WindowSound,
    file_sound,
    film_sound,
    mel_of,
    track_length_s,
    window_sounds,
)
from vtacli.training.data.spans import cut_into_windows

TOGETHER = 16
"""Windows whose frames are decoded in one go: less than three minutes of film."""

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Bench:
    """Opens the encoder in a process and gives what prepares shards there."""

    choice: EncoderChoice
    settings: Settings
    folder: Path

    def __call__(self) -> Preparer:
        torch.set_num_threads(1)  # as many processes as cores; and the same bytes with any number
        return Preparer(self.choice.open(), self.settings, self.folder)


class Preparer:
    """Prepares the clips of a :class:`Chunk` and writes its shard into ``folder``."""

    def __init__(self, maker: FeatureMaker, settings: Settings, folder: Path) -> None:
        self._maker, self._settings, self._folder = maker, settings, folder

    def __call__(self, chunk: Chunk, fatal: dict[str, str], tell: Callable[[str], None]) -> int:
        """How many windows were made."""
        rows: list[Row] = []
        failures: list[Row] = []
        tensors: list[dict[str, Tensor]] = []
        films = _Films(self._maker)
        for clip in chunk.clips:
            tell(clip.id)
            try:
                if clip.id in fatal:
                    raise MediaError(fatal[clip.id])
                for row, values in self._clip(clip, films):
                    rows.append(row)
                    tensors.append(values)
            except MediaError as error:
                failures.append(failure(clip, error))
        write_shard(
            self._folder / (chunk.name + SUFFIX), Shard(tuple(rows), tuple(failures)), tensors
        )
        return len(rows)

    def _clip(self, clip: Clip, films: _Films) -> list[tuple[Row, dict[str, Tensor]]]:
        s = self._settings
        footage, windows, sounds = read_clip(clip, films, s)
        pictures = films.frames(clip, footage, windows)
        made = []
        for number, (window, sound, seen) in enumerate(zip(windows, sounds, pictures, strict=True)):
            if sound.samples < min(s.shortest_s, window.duration_s) * RATE_HZ:
                continue  # the sound ends before this window does anything
            content = WindowContent(
                frames=seen,
                duration_s=float(window.duration_s),
                key=NoiseKey(0, 0, number),
                prompt=clip.caption if self._maker.takes_text else None,
            )
            features = self._maker.features(content).to("cpu")
            row = {
                "id": clip.id if len(windows) == 1 else f"{clip.id}#{number + 1}",
                "clip": clip.id,
                "source": clip.source,
                "caption": clip.caption,
                "start_s": str(window.start_s),
                "end_s": str(window.end_s),
                "seconds": sound.samples / RATE_HZ,
                "peak_db": round(float(to_db(sound.peak)), 2) if sound.peak > 0 else None,
                "frames": len(seen),
            }
            made.append((row, {"mel": mel_of(sound.wave), **features.tensors()}))
        if not made:
            raise MediaError("There is no sound in this stretch.", path=clip.file)
        return made


def read_clip(
    clip: Clip, films: _Films, settings: Settings
) -> tuple[Footage | None, list[Span], list[WindowSound]]:
    """A clip's windows and their sound. Raises MediaError for whatever its files do wrong."""
    with _media_alone(clip):
        # what can be refused without decoding a film comes first
        footage = None if clip.film is None else films.probe(clip.film)
        track = None if clip.sound is None else sound_track(clip.sound)
        if track is None and footage is not None and not footage.audio:
            raise MediaError("The film has no sound.", path=clip.file)
        length_s = _length_s(footage, track)
        if clip.start_s >= length_s:
            raise MediaError(
                f"The clip starts at {float(clip.start_s):g} s, but the file ends at "
                f"{float(length_s):g} s.",
                path=clip.file,
                hint="Films that are cut already need no start.",
            )
        span = Span(clip.start_s, min(clip.end_s or length_s, length_s))
        if span.duration_s < settings.shortest_s:
            raise MediaError(
                f"The clip is {float(span.duration_s):.2f} s long; the shortest is "
                f"{float(settings.shortest_s):g} s.",
                path=clip.file,
            )
        windows = cut_into_windows(span, settings.window_s, settings.hop_s, settings.most_windows)
        if track is not None:
            blocks = file_sound(track)
        else:
            assert footage is not None
            blocks = film_sound(footage)
        sounds = window_sounds(blocks, windows, settings.window_samples, settings.level)
        return footage, windows, sounds


@contextmanager
def threads_kept() -> Iterator[None]:
    """Torch's threads in this process as they were, where work was done in it."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _media_alone(clip: Clip) -> Iterator[None]:
    """Where anything can go wrong that a file brings: it becomes a MediaError."""
    try:
        yield
    except VtaError:
        raise
    except Exception as error:  # a decoder's own, of which there is no list
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise MediaError(f"It cannot be decoded ({what}).", path=clip.file) from error


def failure(clip: Clip, error: VtaError) -> Row:
    """A clip that gave nothing, and why."""
    return {
        "clip": clip.id,
        "file": printable(clip.file),
        "reason": error.message,
        "hint": error.hint,
    }


def _length_s(footage: Footage | None, track: SoundTrack | None) -> Fraction:
    """The clip's files are as long as the film; as the sound where there is no film."""
    if footage is not None:
        return footage.duration_s
    assert track is not None
    return track_length_s(track)


def _nothing(size_px: int) -> Frames:
    return Frames(np.zeros((0, 3, size_px, size_px), np.uint8), np.zeros(0))


class _Films:
    """What was read of the last film, for other clips that are cut from it."""

    def __init__(self, maker: FeatureMaker) -> None:
        self._rate, self._size = maker.frames_per_second, maker.frame_size_px
        self._probed: dict[Path, Footage | MediaError] = {}

    def probe(self, path: Path) -> Footage:
        """Raises MediaError, each time anew, where it cannot be read."""
        if path not in self._probed:
            self._probed = {path: _or_error(lambda: probe(path))}
        return _raised(self._probed[path])

    def frames(
        self, clip: Clip, footage: Footage | None, windows: Sequence[Span]
    ) -> Iterator[Frames]:
        """The sampled frames of each window. A long film is decoded in stretches, so that only
        some of its frames are on disk at once. Raises MediaError."""
        if footage is None:
            yield from (_nothing(self._size) for _ in windows)
            return
        for first in range(0, len(windows), TOGETHER):
            some = windows[first : first + TOGETHER]
            stretch = Span(some[0].start_s, some[-1].end_s)
            with _media_alone(clip):
                store = sample_frames(
                    footage, stretch, frames_per_second=self._rate, frame_size_px=self._size
                )
            with store:
                for window in some:
                    yield store.between(window)


def _or_error(read: Callable[[], T]) -> T | MediaError:
    try:
        return read()
    except MediaError as error:
        return error


def _raised(found: T | MediaError) -> T:
    if isinstance(found, MediaError):
        raise found
    return found
