"""Which recordings are takes of one thing, by their names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

# "-2", "03", "-1a", "-b": the number or letter of a take. Repeated: "-1-2".
_TAKE = re.compile(r"(?:[-_ ]?\d+[a-z]?|[-_ ][a-z])$")
# Words that tell how one thing was recorded once more.
_MANNER = re.compile(r"[-_ ](?:long|short|loud|soft|med|light|heavy|fast|slow|loop|solo)$")


def series_of(file: str) -> str:
    """The name that all takes of one series share: ``berklee/bell-1a.opus`` -> ``berklee/bell``."""
    path = PurePosixPath(file)
    name = path.name.split(".")[0]
    while True:
        shorter = _MANNER.sub("", _TAKE.sub("", name))
        if shorter in ("", name):
            return str(path.parent / name)
        name = shorter
