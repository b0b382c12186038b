"""A few films to learn from, good and bad, and an encoder small enough for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from media_factory import X264, ffmpeg, film, film_of, moving_picture

from vtacli.training.data.encoding import EncoderChoice

TINY_VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 16,
    "projection_dim": 8,
}
TINY = EncoderChoice("clip4clip", settings={"vision": TINY_VISION}, seed=1)
FLASH_S = 4.0


def flash_and_click(path: Path, seconds: float = 6.0, at_s: float | None = FLASH_S) -> Path:
    """Black at 10 pictures a second with one white one, and silence with one click, at ``at_s``;
    neither where it is None. The sound is PCM at 16 kHz, so nothing smears it."""
    pictures = np.zeros((round(seconds * 10), 32, 32, 3), np.uint8)
    wave = np.zeros(round(seconds * 16_000), np.float32)
    wave[:: 16_000 // 8] = 1e-4  # not digital silence
    if at_s is not None:
        pictures[round(at_s * 10)] = 255
        wave[round(at_s * 16_000)] = 0.8
    sound = path.with_suffix(".click.wav")
    soundfile.write(sound, wave, 16_000, subtype="FLOAT")
    silent = film_of(path.with_suffix(".silent.mkv"), pictures, "10")
    ffmpeg("-i", silent, "-i", sound, "-c:v", "copy", "-c:a", "pcm_f32le", path)
    silent.unlink()
    sound.unlink()
    return path


def some_films(folder: Path) -> Path:
    """Five clips that can be used (one longer than a window, two of one video, one with words) and
    three that cannot: no sound, no film, nothing."""
    folder.mkdir(parents=True)
    film(folder / "one_000010.mp4", 2, "10", "64x48", sound=True)
    film(folder / "one_000020.mp4", 3, "10", "64x48", sound=True)
    film(folder / "long.mp4", 23, "5", "64x48", sound=True)
    film(folder / "said.mp4", 2, "10", "64x48", sound=True)
    (folder / "said.txt").write_text("a tone")
    flash_and_click(folder / "flash.mkv")
    ffmpeg(*moving_picture(2, "10", "64x48"), *X264, folder / "mute.mp4")
    (folder / "broken.mp4").write_bytes(b"this is no film" * 100)
    (folder / "empty.mp4").write_bytes(b"")
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    """All files but the lock, by their names."""
    return {
        str(f.relative_to(folder)): f.read_bytes()
        for f in sorted(folder.rglob("*"))
        if f.is_file() and f.name != ".lock"
    }
