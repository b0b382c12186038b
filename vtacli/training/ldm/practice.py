"""Films to practise on: drawn on the spot, with blows whose times are known.

All films show the same half seconds, each film in an order of its own, and every picture of them
is coded without loss. So two films show the same *set* of pictures, bit for bit: a model that is
told the set and not the order cannot know when anything sounds.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from vtacli.errors import ToolError
from vtacli.media.ffmpeg import find_ffmpeg
from vtacli.progress import Report, Step, ignore

RATE_HZ = 16_000
FRAMES_PER_SECOND = 24
PIECE_S = 0.5
PIECES = 20
DURATION_S = 10.24
SIZE_PX = 96
VOICES = ("a bell", "a drum", "a wooden block")
TRUTH = ".json"


@dataclass(frozen=True)
class Piece:
    """Half a second. ``pictures``: (12, H, W, 3) uint8. ``blows``: (time in s from the piece's
    start, number of the voice)."""

    pictures: NDArray[np.uint8]
    blows: tuple[tuple[float, int], ...]


def practice_films(folder: Path, count: int, seed: int, report: Report = ignore) -> list[Path]:
    """``count`` films with their sound, words and truth beside them; film i is (seed, i)'s."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = drawn_pieces(seed)
    films = []
    for i in range(count):
        film = folder / f"practice-{i:03d}.mp4"
        films.append(film)
        # The truth is written last: where it is, the film is whole.
        if not film.with_suffix(TRUTH).is_file():
            order = np.random.default_rng([seed, i]).permutation(len(pieces)).tolist()
            arranged_film(film, pieces, order)
        report(Step("practice films", i + 1, count))
    return films


def drawn_pieces(seed: int) -> list[Piece]:
    """A ball that falls, each piece in colours of its own: in two of five it strikes the floor
    within the piece, in the others it floats by."""
    rng = np.random.default_rng([seed, 7])
    pieces = []
    for number in range(PIECES):
        ground = rng.integers(20, 120, 3)
        ball = rng.integers(130, 256, 3)
        strikes = number % 5 < 2
        at_s = float(rng.uniform(0.12, 0.36))
        x = int(rng.integers(20, SIZE_PX - 20))
        pictures = np.empty((round(PIECE_S * FRAMES_PER_SECOND), SIZE_PX, SIZE_PX, 3), np.uint8)
        for i, picture in enumerate(pictures):
            t = i / FRAMES_PER_SECOND
            height = 70 * abs(1 - (t / at_s) ** 2) if strikes else 45 + 20 * np.sin(6 * t)
            picture[:] = ground
            picture[SIZE_PX - 12 :] = ground // 2
            rows, columns = np.ogrid[:SIZE_PX, :SIZE_PX]
            y = SIZE_PX - 12 - 9 - min(70.0, height)
            picture[(rows - y) ** 2 + (columns - x) ** 2 < 81] = ball
        pieces.append(Piece(pictures, ((at_s, number % len(VOICES)),) if strikes else ()))
    return pieces


def arranged_film(path: Path, pieces: Sequence[Piece], order: Sequence[int]) -> Path:
    """The pieces in this order, filled up to a window with the last picture of the first piece.

    Beside ``NAME.mp4``: ``NAME.wav`` its sound, ``NAME.txt`` its words, and ``NAME.json`` with
    ``hits``, the blows' times in s. Raises ToolError where ffmpeg fails.
    """
    count = round(DURATION_S * FRAMES_PER_SECOND)
    shown = np.concatenate([pieces[i].pictures for i in order])[:count]
    rest = np.repeat(pieces[0].pictures[-1:], count - len(shown), axis=0)
    blows = [(k * PIECE_S + t, v) for k, i in enumerate(order) for t, v in pieces[i].blows]
    _encode(path, np.concatenate([shown, rest]))
    soundfile.write(path.with_suffix(".wav"), sound_of(blows), RATE_HZ, subtype="PCM_16")
    voices = [VOICES[v] for v in sorted({v for _, v in blows})]
    path.with_suffix(".txt").write_text(" and ".join(voices) or "silence", encoding="utf-8")
    truth = {"hits": [round(t, 4) for t, _ in blows]}
    path.with_suffix(TRUTH).write_text(json.dumps(truth), encoding="utf-8")
    return path


def hits_of(film: Path) -> list[float]:
    """The true times of a film's blows, in s."""
    said = json.loads(film.with_suffix(TRUTH).read_text(encoding="utf-8"))
    return [float(t) for t in said["hits"]]


def sound_of(blows: Sequence[tuple[float, int]]) -> NDArray[np.float32]:
    """(N,) at 16 kHz: a struck tone with a little noise at every blow, quiet in between."""
    wave = np.zeros(round(DURATION_S * RATE_HZ), np.float32)
    for number, (at_s, voice) in enumerate(blows):
        hz, decay_s = ((1800.0, 0.10), (160.0, 0.07), (700.0, 0.03))[voice]
        t = np.arange(round(0.3 * RATE_HZ)) / RATE_HZ
        noise = np.random.default_rng([voice, number % 2]).standard_normal(len(t))
        blow = 0.5 * np.sin(2 * np.pi * hz * t) * np.exp(-t / decay_s)
        blow += 0.25 * noise * np.exp(-t / 0.012)
        blow *= np.minimum(1.0, (t[-1] - t) / 0.1)  # an end that is heard would be a blow itself
        first = round(at_s * RATE_HZ)
        piece = blow[: len(wave) - first].astype(np.float32)
        wave[first : first + len(piece)] += 0.5 * piece
    return np.clip(wave, -1, 1)


def _encode(path: Path, pictures: NDArray[np.uint8]) -> None:
    _, high, wide, _ = pictures.shape
    size, rate = f"{wide}x{high}", str(FRAMES_PER_SECOND)
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", rate, "-i", "-"]
    lossless = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv444p"]
    quiet = ["-hide_banner", "-loglevel", "error", "-y"]
    done = subprocess.run(
        [find_ffmpeg(), *quiet, *raw, *lossless, "-threads", "1", f"file:{path}"],
        input=pictures.tobytes(),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise ToolError(f"ffmpeg failed: {done.stderr.decode(errors='replace').strip()}", path=path)
