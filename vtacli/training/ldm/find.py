"""Which file a recipe's name means. No torch here: a bad name is said at once."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from vtacli.errors import ConfigError

SHIPPED = Path(__file__).parent.parent.parent / "recipes"


def find_recipe(recipe: Path) -> Path:
    """A recipe's file, or the file of a shipped recipe's name. Raises ConfigError."""
    named = SHIPPED / f"{recipe.name}.toml"
    if recipe.is_file() or recipe.name != str(recipe):
        return recipe
    if named.is_file():
        return named
    names = sorted(p.stem for p in SHIPPED.glob("*.toml"))
    near = get_close_matches(recipe.name, names, 1)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise ConfigError(
        "there is no such recipe", path=recipe, hint=f"{meant}Shipped are {', '.join(names)}."
    )
