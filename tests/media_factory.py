"""Films made for tests, by ffmpeg from its own generators: every property of them is known."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1"]


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg; a test that cannot make its film fails with what ffmpeg said."""
    command = [FFMPEG, "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def moving_picture(
    seconds: float | Fraction = 2, rate: str = "25", size: str = "320x180"
) -> list[str]:
    """Input arguments for a moving test picture."""
    return ["-f", "lavfi", "-i", f"testsrc2=d={float(seconds):.9f}:r={rate}:s={size}"]


def tone(seconds: float = 2, hz: int = 440, rate: int = 48_000) -> list[str]:
    """Input arguments for a mono sine."""
    return ["-f", "lavfi", "-i", f"sine=f={hz}:d={seconds}:r={rate}"]


def film(
    path: Path, seconds: float = 2, rate: str = "25", size: str = "320x180", sound: bool = False
) -> Path:
    """H.264 in whatever container the name says, with AAC (48 kHz stereo) where asked for."""
    extra = [*tone(seconds), "-ac", "2", "-c:a", "aac"] if sound else []
    inputs, output = extra[:4], extra[4:]
    ffmpeg(*moving_picture(seconds, rate, size), *inputs, *X264, *output, path)
    return path


def film_of(path: Path, pictures: np.ndarray, rate: str = "25", *output: object) -> Path:
    """A nearly lossless H.264 film of (T, H, W, 3) uint8 RGB pictures; H and W are even."""
    _, high, wide, _ = pictures.shape
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{high}", "-r", rate, "-i", "-"]
    codec = [*X264, "-crf", "4", "-bf", "2"]
    command = [FFMPEG, "-v", "error", "-y", *raw, *codec, *map(str, output), str(path)]
    done = subprocess.run(command, input=pictures.tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return path


def click_wav(path: Path, samples: int, at: int = 24_000, channels: int = 2) -> Path:
    """24-bit silence with one click, 48 kHz."""
    data = np.zeros((samples, channels), np.float32)
    data[at] = 0.9
    soundfile.write(path, data, 48_000, subtype="PCM_24")
    return path


def decoded(path: Path, stream: int) -> np.ndarray:
    """(samples, channels) float64: an audio stream, decoded by ffmpeg (not by what is tested)."""
    wav = path.with_name(path.name + f".{stream}.wav")
    ffmpeg("-i", f"file:{path}", "-map", f"0:{stream}", "-c:a", "pcm_f32le", "-f", "wav", wav)
    data, _ = soundfile.read(wav, always_2d=True)
    return data
