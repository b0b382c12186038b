"""What can be measured, and of which models: known without opening anything."""

from __future__ import annotations

from difflib import get_close_matches

from vtacli.errors import ConfigError
from vtacli.model.variants import Variant

SECTIONS: dict[str, float] = {
    "hits": 36,
    "words": 60,
    "distance": 1,
    "parts": 8,
    "speed": 4,
    "silence": 1,
    "likeness": 10,
    "clips": 10,
}
"""Each section, and how much of the whole time it takes, about."""


def chosen_sections(only: str | None) -> list[str]:
    """The sections named in a list with commas, in their own order; None is all of them.

    Raises ConfigError for one that is not known.
    """
    if only is None:
        return list(SECTIONS)
    asked = [name.strip() for name in only.split(",") if name.strip()]
    for name in asked:
        if name not in SECTIONS:
            near = get_close_matches(name, SECTIONS, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(SECTIONS)}."
            raise ConfigError(f"There is no section {name!r}.", hint=hint)
    if not asked:
        raise ConfigError("--only names no section.", hint=f"There are {', '.join(SECTIONS)}.")
    return [name for name in SECTIONS if name in asked]


def check_variant(variant: Variant) -> None:
    """Raise ConfigError for a model that cannot be asked what the suite asks."""
    if not (variant.takes_text and variant.takes_motion and variant.takes_hits):
        raise ConfigError(
            f"The suite mini asks for words, motion and hits, and the model {variant.name} does "
            "not take all of them.",
            hint="Choose another --model.",
        )
