"""Where every recording comes from, and which bytes of it were used: ``sounds.csv``.

    python -m vtacli.training.provenance FOLDER... [--out FILE]

makes the table anew from folders of recordings. It has a manifest's columns and ``sha256``, of the
file as it lay in the folder (mono Opus, 48 kHz, about 40 kbit/s, made of the original that
``source`` names as ``repository: path``). Whoever gathers the originals can use it as a manifest;
their own encoding gives other bytes, which the check then says.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from vtacli.errors import ConfigError
from vtacli.training.labels import kept
from vtacli.training.library import COLUMNS, read_manifest

TABLE = Path(__file__).with_name("sounds.csv")


@dataclass(frozen=True)
class Check:
    """Files of some folders held against the table. ``unknown``: not in it; ``absent``: in it, and
    in none of the folders."""

    same: int
    different: tuple[str, ...]
    unknown: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether the folders hold the table's recordings, all of them, as they were. Others
        beside them, such as renders, do not count against it."""
        return not (self.different or self.absent)

    def sentence(self) -> str:
        """What differs, with the first names; empty where nothing does, and where the folders have
        nothing to do with the table."""
        if self.exact or not (self.same or self.different):
            return ""
        parts = [
            _named(self.different, "have other bytes than the known ones"),
            _named(self.absent, "are missing"),
        ]
        return "recordings: " + "; ".join(filter(None, parts))


def _named(files: Sequence[str], what: str, first: int = 5) -> str:
    if not files:
        return ""
    more = f" and {len(files) - first} more" if len(files) > first else ""
    return f"{len(files)} {what} ({', '.join(files[:first])}{more})"


@cache
def known() -> dict[str, str]:
    """file -> sha256 of each recording that the shipped recipe is trained on."""
    with TABLE.open(newline="", encoding="utf-8") as handle:
        return {row["file"]: row["sha256"] for row in csv.DictReader(handle)}


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hex. Raises ConfigError where it cannot be read."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(
            f"a recording of the manifest cannot be read: {error.strerror}", path=path
        ) from error


def check(folders: Iterable[Path], table: dict[str, str] | None = None) -> Check:
    """Hold the recordings that would be trained on against ``table`` (default: the shipped one)."""
    table = known() if table is None else table
    same, different, unknown, seen = 0, [], [], set()
    for folder in folders:
        for row in read_manifest(folder):
            if not kept(row):
                continue
            file = row["file"]
            seen.add(file)
            if file not in table:
                unknown.append(file)
            elif hash_of(folder / file) == table[file]:
                same += 1
            else:
                different.append(file)
    absent = [file for file in table if file not in seen]
    return Check(same, tuple(different), tuple(unknown), tuple(absent))


def write_table(folders: Iterable[Path], out: Path) -> int:
    """Write the table of all recordings that are kept. Returns their number."""
    count = 0
    with out.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow([*COLUMNS, "sha256"])
        for folder in folders:
            for row in read_manifest(folder):
                if kept(row):
                    writer.writerow([*(row[c] for c in COLUMNS), hash_of(folder / row["file"])])
                    count += 1
    return count


def main(argv: Sequence[str] | None = None) -> None:
    """Make the table anew."""
    parser = argparse.ArgumentParser(description="Make the table of recordings and their hashes.")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=TABLE)
    asked = parser.parse_args(argv)
    write_table(asked.folders, asked.out)


if __name__ == "__main__":
    main()
