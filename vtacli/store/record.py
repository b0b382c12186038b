"""What the installer wrote down of the files that came with the program: sizes and hashes."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterable
from importlib.metadata import Distribution, PackagePath, distribution
from importlib.metadata import PackageNotFoundError as NotInstalled
from pathlib import Path

from vtacli.store.manifest import Listed


def recorded(folder: Path, program: Distribution | None = None) -> dict[str, Listed]:
    """The installer's record of every file beneath a shipped model's folder, by its path there.

    Empty in a checkout: there no installer copied anything, and git knows the files. ``program``:
    None is this one. See the RECORD file of https://packaging.python.org/specifications/.
    """
    try:
        files: Iterable[PackagePath] = (program or distribution("vta")).files or ()
    except NotInstalled:
        return {}
    inside = folder.resolve()
    found: dict[str, Listed] = {}
    for file in files:
        if file.hash is None or file.hash.mode != "sha256" or file.size is None:
            continue
        path = Path(str(file.locate())).resolve()
        if inside in path.parents:
            digest = urlsafe_b64decode(file.hash.value + "=" * (-len(file.hash.value) % 4)).hex()
            found[path.relative_to(inside).as_posix()] = Listed(file.size, digest)
    return found
