"""The prompts that a model is asked: what is said, what should be heard, which recordings match."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from vtacli.errors import ConfigError

SHIPPED = Path(__file__).parent / "prompts.csv"


@dataclass(frozen=True)
class Prompt:
    """``classes``: the tagger's names that count as heard. ``label_pattern``: a regular expression
    over cleaned labels of recordings. ``named``: one of the few that are told apart."""

    prompt: str
    classes: frozenset[str]
    label_pattern: str
    named: bool

    def like(self, other: Prompt) -> bool:
        """Whether what is right for one would be right for the other."""
        return bool(self.classes & other.classes)


def read_prompts(path: Path = SHIPPED) -> tuple[Prompt, ...]:
    """Read a CSV file: prompt, classes (separated by ``|``), label_pattern, named (0 or 1).

    Raises ConfigError with the row at fault.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise ConfigError(f"the prompts cannot be read: {error.strerror}", path=path) from error
    prompts: dict[str, Prompt] = {}
    for number, row in enumerate(rows, start=2):
        try:
            prompt = Prompt(
                row["prompt"].strip(),
                frozenset(filter(None, (c.strip() for c in row["classes"].split("|")))),
                row["label_pattern"],
                bool(int(row["named"])),
            )
            re.compile(prompt.label_pattern)
        except (KeyError, ValueError, AttributeError, re.error) as error:
            raise ConfigError(f"row {number} is not a prompt: {error}", path=path) from error
        if not prompt.prompt or not prompt.classes or prompt.prompt in prompts:
            raise ConfigError(f"row {number} is empty, or there twice", path=path)
        prompts[prompt.prompt] = prompt
    if not prompts:
        raise ConfigError("there is no prompt in this file", path=path)
    return tuple(prompts.values())
