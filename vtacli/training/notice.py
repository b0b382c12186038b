"""The credits that the licences of the recordings ask for, made from the manifests."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from vtacli.training.labels import is_effect
from vtacli.training.library import read_manifest
from vtacli.training.series import UNNAMED_AUTHORS

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_MIT = """\
## The MIT licence

Copyright of the Fluid R3 soundfont: 2000-2002, 2008 Frank Wen.

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""


def credits(*folders: Path) -> str:
    """Markdown: for each licence and collection its authors, with the number of recordings.

    Recordings that were found unfit later are credited too: weights that training went on from
    have heard them. Raises ConfigError where a folder has no good manifest.
    """
    rows = [row for folder in folders for row in read_manifest(folder) if is_effect(row)]
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        author = row["author"].strip()
        if author in UNNAMED_AUTHORS:
            author = f"not named there: {row['source'].split('/')[-1]}"
        found[row["licence"], row["source"].split(":")[0]][author] += 1
    lines = [
        "# Recordings that vta-mini was trained on, and whose latents its bank holds",
        "",
        "Changed: mixed to mono, resampled to 16 kHz, cut, levelled and encoded.",
        "Licence texts: https://creativecommons.org/licenses/by/3.0/ (CC-BY-3.0; others beside",
        "it), https://creativecommons.org/publicdomain/zero/1.0/ (CC0-1.0).",
        "",
    ]
    for (licence, source), authors in sorted(found.items()):
        where = f"github.com/{source}" if _REPOSITORY.fullmatch(source) else source
        lines.append(f"## {licence}, from {where} ({sum(authors.values())} recordings)")
        lines.append("")
        names = sorted(authors.items(), key=lambda item: item[0].lower())
        lines += [f"- {name}" + (f" ({n})" if n > 1 else "") for name, n in names]
        lines.append("")
    if any(licence == "MIT" for licence, _ in found):
        lines.append(_MIT)
    return "\n".join(lines).rstrip() + "\n"
