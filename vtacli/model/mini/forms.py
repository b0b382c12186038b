"""Words in other forms than the labels have them: "sizzling" is read as "sizzle".

The sentence space knows word pieces, and the pieces of an inflected word may lie far from those of
its base: to the space "sizzling" is as near to "crackling" as to "sizzle". So a word that no label
uses is read as the label's word of the same stem (Porter's second stemmer, "Snowball").
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from snowballstemmer import stemmer

WORD = re.compile(r"[a-z]+")


class WordForms:
    """Reads a text with its words as the labels have them. ``labels``: what things are called."""

    def __init__(self, labels: Iterable[str]):
        self._stem = stemmer("english").stemWord
        self.words = {word for label in labels for word in WORD.findall(label.lower())}
        self._of_stem: dict[str, str] = {}
        # Of several words with one stem the shortest is taken, which has the fewest endings.
        for word in sorted(self.words, key=lambda w: (len(w), w)):
            self._of_stem.setdefault(self._stem(word), word)

    def read(self, text: str) -> str:
        """The text in lower case, each word that no label has replaced by its kin among them."""
        return WORD.sub(lambda found: self._known(found.group()), text.lower())

    def _known(self, word: str) -> str:
        return word if word in self.words else self._of_stem.get(self._stem(word), word)
