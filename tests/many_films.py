"""Many small films of different content, and some that are none."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from media_factory import ffmpeg
from media_factory import film as make_film


def good_films(folder: Path, count: int, *, seconds: float = 0.6) -> list[Path]:
    """Films of one picture stream, every other with sound; each says a number in its metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    bases = [
        make_film(folder / f".base{n}.mp4", seconds=seconds, size="64x48", sound=bool(n))
        for n in range(2)
    ]
    films = [folder / f"film-{n:02}.mp4" for n in range(count)]
    for n, film in enumerate(films):
        ffmpeg("-i", bases[n % 2], "-c", "copy", "-metadata", f"comment={n}", film)
    for base in bases:
        base.unlink()
    return films


def bad_films(folder: Path, good: Path) -> list[Path]:
    """Five of them: text, nothing, a film cut short, sound alone, a folder's worth of zeros."""
    bad = [folder / f"bad-{name}.mp4" for name in ("text", "empty", "cut", "sound", "zeros")]
    bad[0].write_text("no film at all\n" * 100)
    bad[1].touch()
    data = good.read_bytes()
    bad[2].write_bytes(data[: len(data) // 3])
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.5", "-c:a", "aac", bad[3])
    bad[4].write_bytes(bytes(100_000))
    return bad


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every film of an output folder, by its path there; nothing else may be there."""
    found = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_dir() or relative.parts[0] == ".vta-batch":
            continue
        found[relative.as_posix()] = sha256(path.read_bytes()).hexdigest()
    return found


def leftovers(folder: Path) -> list[str]:
    """What is there beside films and the record."""
    made = folder / ".vta-batch" / "making"
    begun = [p.name for p in made.iterdir()] if made.is_dir() else []
    return begun + [p.name for p in folder.rglob(".vta-*") if p.name != ".vta-batch"]
