"""Unpacking an archive that somebody else made: into its folder, and nowhere else.

Only plain files and folders come out of it. Links, devices, sparse files, absolute names and ``..``
are refused, as are archives that would grow beyond all measure.
"""

from __future__ import annotations

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from vtacli.errors import StorageError, WeightsRefused, printable

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
MOST_MEMBERS = 10_000
GROWTH, GRACE_BYTES = 30, 64 << 20
"""Weights hardly compress: no more comes out than GROWTH times its size, and these."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Member:
    """A file of an archive: its name there, the size that it claims, and its bytes."""

    name: str
    size: int
    data: IO[bytes]


def is_archive(path: Path) -> bool:
    """By its name: a published checkpoint is a zip file too, and is not to be unpacked."""
    return path.name.lower().endswith(SUFFIXES)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack into ``folder``, which is made. Returns the folder of the files: that one, or the only
    one in it. Raises WeightsRefused for what may not be in an archive, StorageError where the disk
    is full."""
    most = archive.stat().st_size * GROWTH + GRACE_BYTES
    taken = 0
    folder.mkdir(parents=True)
    try:
        for number, member in enumerate(_members(archive)):
            if number >= MOST_MEMBERS:
                raise WeightsRefused(f"it has more than {MOST_MEMBERS} files.", path=archive)
            taken += member.size
            if taken > most:
                raise WeightsRefused(
                    f"it would grow to more than {most / 1e6:.0f} MB from "
                    f"{archive.stat().st_size / 1e6:.1f} MB.",
                    path=archive,
                )
            if member.size > shutil.disk_usage(folder).free:
                raise StorageError("the disk has too little room to unpack it.", path=archive)
            _write(member, folder / _inside(member.name, archive), archive)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise WeightsRefused(f"not a whole archive: {error}.", path=archive) from error
    except (NotImplementedError, RuntimeError, ValueError) as error:  # encrypted, exotic
        raise WeightsRefused(f"cannot be unpacked: {error}.", path=archive) from error
    within = list(folder.iterdir())
    return within[0] if len(within) == 1 and within[0].is_dir() else folder


def _members(archive: Path) -> Iterator[_Member]:
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                kind = info.external_attr >> 16 & 0o170000
                if info.is_dir():
                    continue
                if kind not in (0, 0o100000):
                    raise _strange(archive, info.filename)
                with opened.open(info) as data:
                    yield _Member(info.filename, info.file_size, data)
        return
    with tarfile.open(archive) as opened:
        for member in opened:
            if member.isdir():
                continue
            plain = member.isreg() and not member.issparse()
            held = opened.extractfile(member) if plain else None
            if held is None:
                raise _strange(archive, member.name)
            yield _Member(member.name, member.size, held)


def _strange(archive: Path, name: str) -> WeightsRefused:
    return WeightsRefused(
        f"{printable(name)} is neither a file nor a folder: links may not be in it.", path=archive
    )


def _inside(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    odd = not name.isprintable() or any(c in name for c in '\\:<>|"?*')
    if odd or path.is_absolute() or ".." in path.parts or not path.parts:
        raise WeightsRefused(f"{printable(name)!r} would leave its folder.", path=archive)
    return path


def _write(member: _Member, target: Path, archive: Path) -> None:
    """Write a member, no further than it said: a header may lie."""
    left = member.size
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            while block := member.data.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise WeightsRefused(f"{member.name} is longer than it says.", path=archive)
                file.write(block)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise WeightsRefused(f"{member.name} is in it twice.", path=archive) from error
    if left:
        raise WeightsRefused(f"{member.name} is cut off.", path=archive)
