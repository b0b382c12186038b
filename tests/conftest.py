"""Films made by the real ffmpeg, once a session."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import imageio_ffmpeg
import pytest
from hypothesis import settings

# One thread a process, here and in every process that a test starts: the runner uses the cores,
# and small matrices lose more than they gain by being shared out.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shared machine is sometimes slow, and a test that fails must fail again.
settings.register_profile("vta", deadline=None, derandomize=True)
settings.load_profile("vta")

MakeFilm = Callable[..., Path]


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg, loudly only when it fails."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y"]
    subprocess.run([*command, *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)


def film_of(
    path: Path,
    *,
    seconds: float = 2.0,
    rate: str = "25",
    size: str = "160x90",
    sound: str | None = None,
    shots: int = 1,
) -> Path:
    """A film of test pictures in H.264. ``shots``: equal lengths of differing pictures.

    ``sound``: an ffmpeg source such as ``sine=440:sample_rate=48000``, in AAC, or nothing.
    """
    sources = [f"testsrc2=s={size}:r={rate}", f"mandelbrot=s={size}:r={rate}"]
    inputs: list[object] = []
    for i in range(shots):
        inputs += ["-f", "lavfi", "-t", seconds / shots, "-i", sources[i % 2]]
    chain = "".join(f"[{i}:v]" for i in range(shots)) + f"concat=n={shots}[v]"
    maps: list[object] = ["-filter_complex", chain, "-map", "[v]"]
    if sound:
        inputs += ["-f", "lavfi", "-t", seconds, "-i", sound]
        maps += ["-map", f"{shots}:a", "-c:a", "aac"]
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "12"]
    ffmpeg(*inputs, *maps, *encode, path)
    return path


@pytest.fixture(scope="session", autouse=True)
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for window caches, in place of the user's own."""
    folder = tmp_path_factory.mktemp("caches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VTA_CACHE_DIR", str(folder / "session"))
        yield folder


@pytest.fixture(autouse=True)
def own_cache(
    caches: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every test has a window cache of its own, which is made when it is first written to."""
    name = sha256(request.node.nodeid.encode()).hexdigest()[:16]
    monkeypatch.setenv("VTA_CACHE_DIR", str(caches / name))
    monkeypatch.delenv("VTA_CACHE_LIMIT", raising=False)


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for films that tests only read."""
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="session")
def silent_film(films: Path) -> Path:
    """Two seconds, 25 pictures a second, no sound."""
    return film_of(films / "silent.mp4")


@pytest.fixture(scope="session")
def sounding_film(films: Path) -> Path:
    """Three seconds at 30000/1001 with a quiet stereo tone."""
    return film_of(
        films / "sounding.mp4",
        seconds=3,
        rate="30000/1001",
        sound="sine=440:sample_rate=44100,volume=0.5,aformat=channel_layouts=stereo",
    )


@pytest.fixture(scope="session")
def long_film(films: Path) -> Path:
    """26 seconds in two shots of 13: two windows each."""
    return film_of(films / "long.mp4", seconds=26, shots=2, rate="24000/1001")
