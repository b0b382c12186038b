"""Which model is used where none is named: a person's choice, kept with their settings."""

from __future__ import annotations

import json
from pathlib import Path

from vtacli.errors import StorageError
from vtacli.options import DEFAULT_MODEL

FILE = "default-model.json"


def settings_file() -> Path:
    """Where the choice is kept."""
    from platformdirs import user_config_path

    return user_config_path("vta", appauthor=False) / FILE


def default_model() -> str:
    """The chosen model's name, or the one that ships. A file that cannot be read chooses nothing:
    no command should fail for it, and ``vta models default`` shows what counts."""
    try:
        said = json.loads(settings_file().read_text(encoding="utf-8"))["model"]
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_MODEL
    return said if isinstance(said, str) and said else DEFAULT_MODEL


def set_default(name: str | None) -> None:
    """Choose a model, or with None the one that ships. Raises StorageError."""
    from vtacli.store.pins import write_json

    path = settings_file()
    if name is not None:
        write_json(path, {"model": name})
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot be removed: {error.strerror}.", path=path) from error
