"""The many ways in which people ask for one sound, so that a model learns more than file names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from vtacli.errors import ConfigError
from vtacli.training.labels import clean_label

_TABLE = Path(__file__).with_name("wordings.toml")
# What says how a sound was recorded or performed, and not what sounds.
_ASIDES = re.compile(
    r"\b(short|long|loud|soft|slow|fast|light|heavy|dull|sharp|huge|big|small|tiny|med|medium|low|"
    r"high|solo|loop|rev|melee|hollow|reverb|pitched|percussive|loudmetal|wav)\b|!"
)
ENOUGH = 3
_PLAIN: tuple[str, ...] = ("{0}",)
_ONE: tuple[str, ...] = ("{0}", "{0}", "{0}", "sound of {0}", "{0} sound")
_TWO: tuple[str, ...] = (
    "{0} and {1}",
    "{0}, {1}",
    "{0} with {1}",
    "{0} with {1} in the background",
    "{0} over {1}",
    "sound of {0} and {1}",
)
_THREE: tuple[str, ...] = (
    "{0}, {1} and {2}",
    "{0}, {1}, {2}",
    "{0} and {1} with {2} in the background",
)


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(item.split()) for item in text.split(",") if item.strip())


def _bare(thing: str) -> str:
    return re.sub(r"^(a|an) ", "", thing)


def _counted(words: str) -> str:
    """The words with an article, where they name one thing."""
    if re.search(r"s$|\b(in|on|with|of|and|from|for)\b", words) and not words.endswith("ss"):
        return words
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


Rules = tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]


@dataclass(frozen=True)
class Wordings:
    """Rules from ``wordings.toml``: what to call a sound, a thing, and what is done to it."""

    sounds: Rules
    things: Rules
    always: Rules
    actions: Rules
    handled: tuple[str, ...]

    @classmethod
    def shipped(cls) -> Wordings:
        """The table that comes with the package; read once."""
        return _read(_TABLE)

    @classmethod
    def read(cls, path: Path) -> Wordings:
        """Read a table. Raises ConfigError where it is no TOML or holds a bad expression."""
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
            rules = {
                table: tuple((re.compile(key), _phrases(text)) for key, text in raw[table].items())
                for table in ("sounds", "things", "always", "actions")
            }
            return cls(**rules, handled=_phrases(raw["handled"]["templates"]))
        except (OSError, KeyError, UnicodeDecodeError, tomllib.TOMLDecodeError, re.error) as error:
            raise ConfigError(f"is not a table of wordings: {error}", path=path) from error

    def of(self, label: str) -> tuple[str, ...]:
        """What people would type for a label: itself first, then at least three other phrases."""
        return _wordings(self, label)

    def caption(self, labels: Sequence[str], rng: np.random.Generator) -> str:
        """One wording of a window: of its one, two or three labels, the background last.

        Half of the captions name the labels as they are. No labels: an empty caption.
        """
        labels = list(dict.fromkeys(labels))
        if not labels:
            return ""
        plain = rng.random() < 0.5
        said = [x if plain else str(rng.choice(self.of(x)[1:])) for x in labels]
        if len(said) == 1:
            # The bare label is to be half of the captions, so plain ones are framed no further.
            frames = _PLAIN if plain else _ONE
        elif len(said) == 2:
            frames = _TWO
        else:
            said = [", ".join(said[:-2]), *said[-2:]]
            frames = _THREE
        return frames[int(rng.integers(len(frames)))].format(*said)


@cache
def _read(path: Path) -> Wordings:
    return Wordings.read(path)


@cache
def _wordings(rules: Wordings, label: str) -> tuple[str, ...]:
    name = clean_label(label)
    found: dict[str, None] = {}
    for pattern, phrases in rules.sounds:
        if pattern.search(name):
            found.update(dict.fromkeys(phrases))
    found.pop(label, None)
    found.update(dict.fromkeys(_done(rules, name, rules.always)))
    if len(found) < ENOUGH:
        found.update(dict.fromkeys(_done(rules, name, rules.actions)))
    if not found:
        found.update(dict.fromkeys(_filled(rules, name, rules.handled)))
    found.pop(label, None)
    return (label, *found)


def _done(rules: Wordings, name: str, actions: Rules) -> list[str]:
    """Phrases of what is done to the rest of the name, by the first action that is in it."""
    for pattern, templates in actions:
        rest = " ".join(pattern.sub(" ", name, count=1).split())
        if rest and rest != name:
            return _filled(rules, rest, templates)
    return []


def _filled(rules: Wordings, rest: str, templates: Sequence[str]) -> list[str]:
    """Templates filled with a thing, by the names that people have for it."""
    core = " ".join(_ASIDES.sub(" ", rest).split())
    core = re.sub(r"^((a|an|on|in|with) )+| (on|in|with)$", "", core)
    if not core:
        return []
    forms = [_counted(core)]
    for pattern, known in rules.things:
        if pattern.search(core):
            # A lid of a pot is not a pot: a listed name replaces all only where it is all.
            whole = pattern.sub("", core).strip() == ""
            forms = list(known) if whole else [_counted(core)]
            break
    return [t.format(a=form, x=_bare(form)) for form in forms for t in templates][:8]
