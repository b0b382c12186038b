"""Categories of the Universal Category System (UCS 8.2): a CatID guessed from a prompt's words.

``ucs_words.csv`` lists words and the CatID that they mean; a row whose words all occur in the
prompt fits, and the row with the most words wins: "rain on a window" is rain on glass. It is a
guess for the file's name. UCS has 753 categories; this table reaches 199.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib import resources

MIX = "MIX"
HITS, BEDS = "FOLYMisc", "AMBMisc"
"""Where no word is known: handled things, or surroundings."""


def category(prompt: str, kind: str = "") -> str:
    """The CatID for a prompt. ``kind``: ``mix`` is a mix, ``beds`` are surroundings unless words
    say more, everything else is foley unless words say more."""
    if kind == "mix":
        return MIX
    said: dict[str, int] = {}
    for place, word in enumerate(re.findall(r"[a-z]+", prompt.lower())):
        for form in _forms(word):
            said.setdefault(form, place)
    best: tuple[int, int, int] | None = None
    found = BEDS if kind == "beds" else HITS
    for row, (words, catid) in enumerate(_table()):
        if words <= said.keys():
            # More words first; then what is said first, for that is what the prompt is about.
            rank = (-len(words), min(said[w] for w in words), row)
            if best is None or rank < best:
                best, found = rank, catid
    return found


@cache
def _table() -> tuple[tuple[frozenset[str], str], ...]:
    text = (resources.files("vtacli") / "ucs_words.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple((frozenset(r["words"].split()), r["catid"]) for r in rows)


_IRREGULAR = {"leaves": "leaf", "knives": "knife", "wooden": "wood", "metallic": "metal"}


def _forms(word: str) -> set[str]:
    """A word, and what it may be a form of: ``branches`` of ``branch``, ``shattering`` of
    ``shatter``, ``sliding`` of ``slide``. What is no word fits no row."""
    found = {word, _IRREGULAR.get(word, word)}
    for ending in ("s", "es", "ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            found |= {word.removesuffix(ending), word.removesuffix(ending) + "e"}
    return found
