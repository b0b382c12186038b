"""A film of twenty scenes, cut from two real clips, with real sound under all of them."""

from __future__ import annotations

from pathlib import Path

from media_factory import X264, ffmpeg

CLIPS = Path(__file__).parent / "clips"
SCENES = 20
SCENE_S = 0.8
"""20 pictures, 38 400 samples: short, so that what is tested here stays quick."""


def twenty_scenes(folder: Path) -> tuple[Path, Path]:
    """The film, and the list of its cuts."""
    film, cuts = folder / "twenty.mkv", folder / "cuts.csv"
    inputs: list[object] = []
    chain = ""
    for i in range(SCENES):
        clip = ("water-bottle-drumming.mp4", "stream-of-water.mp4")[i % 2]
        inputs += ["-ss", f"{0.2 * (i // 2):.1f}", "-t", "0.9", "-i", CLIPS / clip]
        chain += f"[{i}:v]fps=25,scale=160:90,setsar=1,trim=end_frame=20[v{i}];"
    chain += "".join(f"[v{i}]" for i in range(SCENES)) + f"concat=n={SCENES}[v]"
    sound = CLIPS / "stream-of-water.mp4"
    ffmpeg(
        *inputs, "-stream_loop", "-1", "-i", sound, "-filter_complex", chain, "-map", "[v]",
        "-map", f"{SCENES}:a", "-af", "volume=0.5", "-ac", "2", "-ar", "48000", "-c:a", "flac",
        "-t", SCENES * SCENE_S, *X264, "-r", "25", "-fps_mode", "cfr", "-g", "10", film,
    )  # fmt: skip
    cuts.write_text("start\n" + "".join(f"{SCENE_S * i:.1f}\n" for i in range(SCENES)))
    return film, cuts


def shared_twenty(tmp_path_factory) -> tuple[Path, Path]:
    """The same, made once for all tests that only read it."""
    folder = tmp_path_factory.getbasetemp() / "twenty-scenes"
    if folder.exists():
        return folder / "twenty.mkv", folder / "cuts.csv"
    folder.mkdir()
    return twenty_scenes(folder)


def files_under(folder: Path) -> list[str]:
    """Every file, hidden ones too, by its name from ``folder`` on."""
    found = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())
    return sorted(found)
