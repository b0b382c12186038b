"""A TOML file into frozen dataclasses, strictly: what is not known is refused, with its line."""

from __future__ import annotations

import tomllib
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from vtacli.errors import ConfigError
from vtacli.store.toml_lines import line_of

T = TypeVar("T")


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """What a TOML file says, and its text. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), text
    except FileNotFoundError as error:
        raise ConfigError("there is no such recipe", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"is not a recipe: {error}", path=path) from error


def table(kind: type[T], raw: Mapping[str, Any], text: str, path: Path, where: str = "") -> T:
    """``raw`` as a ``kind``. A field that is a dataclass is a table of its own.

    Raises ConfigError with the file, the line and the nearest known key for a key that ``kind``
    does not have, for a value of another type, and for whatever ``kind`` itself refuses.
    """
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in raw:
        if key not in known:
            near = get_close_matches(key, known, 1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise ConfigError(
                f"{_at(text, where, key)}{_named(where)} has no key {key!r}",
                path=path,
                hint=f"{meant}It knows {', '.join(known)}.",
            )
    values = {}
    for name, field in known.items():
        if name in raw:
            inner = f"{where}.{name}" if where else name
            values[name] = _value(hints[name], raw[name], text, path, where, name, inner)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{_at(text, where, None)}{_named(where)} needs {name!r}", path=path)
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(
            f"{_at(text, where, None)}{error.message}", path=path, hint=error.hint
        ) from error


def _value(
    wanted: Any, given: Any, text: str, path: Path, where: str, name: str, inner: str
) -> Any:
    if isinstance(wanted, type) and is_dataclass(wanted):
        if isinstance(given, dict):
            return table(wanted, given, text, path, inner)
        fitting = None
    else:
        fitting = _fitting(wanted, given)
    if fitting is None:
        raise ConfigError(
            f"{_at(text, where, name)}{name} is {_spelled(wanted)}, not {given!r}", path=path
        )
    return fitting[0]


def _fitting(wanted: Any, given: Any) -> tuple[Any] | None:
    """The value as the field wants it, in a tuple; None where it does not fit."""
    origin, inside = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        found = (_fitting(w, given) for w in inside if w is not type(None))
        return next((f for f in found if f is not None), None)
    if wanted is Any:
        return (given,)
    if origin is tuple:
        if not isinstance(given, list):
            return None
        each = [_fitting(inside[0], g) for g in given]
        return None if any(e is None for e in each) else (tuple(e[0] for e in each if e),)
    if origin is dict:
        if not isinstance(given, dict):
            return None
        pairs = {k: _fitting(inside[1], v) for k, v in given.items()}
        return None if None in pairs.values() else ({k: v[0] for k, v in pairs.items() if v},)
    if wanted is float and isinstance(given, int) and not isinstance(given, bool):
        return (float(given),)
    if isinstance(given, bool) and wanted is not bool:
        return None
    return (given,) if isinstance(given, wanted) else None


def _spelled(wanted: Any) -> str:
    origin, inside = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return " or ".join(_spelled(w) for w in inside if w is not type(None))
    if origin is tuple:
        return f"a list of {_spelled(inside[0])}"
    if origin is dict or (isinstance(wanted, type) and is_dataclass(wanted)):
        return "a table"
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return words.get(wanted, str(wanted))


def _at(text: str, where: str, key: str | None) -> str:
    """``line N: ``, where the line can be told."""
    if where:
        line = line_of(text, where, key)
    else:
        # line_of looks in tables; what stands before the first one is looked for here
        top = text.split("\n[", 1)[0].splitlines()
        starts = [i for i, row in enumerate(top, 1) if row.split("=")[0].strip() == key]
        line = starts[0] if starts else (line_of(text, key) if key else None)
    return f"line {line}: " if line else ""


def _named(where: str) -> str:
    return f"[{where}]" if where else "the recipe"
