"""The credits that the licences of the recordings ask for, made from the manifest."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

from vtacli.training.labels import kept

UNNAMED = "[↓](#authors)"


def credits(manifest: Path) -> str:
    """Markdown: for each licence and collection its authors, with the number of recordings."""
    with manifest.open(newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if kept(row)]
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        author = row["author"].strip()
        if author in {UNNAMED, "N/A", ""}:
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
        lines.append(f"## {licence}, from github.com/{source} ({sum(authors.values())} recordings)")
        lines.append("")
        names = sorted(authors.items(), key=lambda item: item[0].lower())
        lines += [f"- {name}" + (f" ({n})" if n > 1 else "") for name, n in names]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
