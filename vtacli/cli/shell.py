"""What every command is given: where models come from, the console, and the stop signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vtacli.cli.console import PROGRESS, Console
from vtacli.cli.stop import StopSignals
from vtacli.errors import ConfigError
from vtacli.progress import Event

if TYPE_CHECKING:
    from vtacli.models import ModelHandle

FindModel = Callable[..., "ModelHandle"]
"""As :func:`vtacli.models.find`."""


class Shell:
    """The surroundings of one command."""

    def __init__(self, find_model: FindModel | None, signals: StopSignals) -> None:
        self.console = Console()
        self.signals = signals
        self._find_model = find_model

    @property
    def find_model(self) -> FindModel:
        if self._find_model is None:
            from vtacli.models import find

            self._find_model = find
        return self._find_model

    def talk(self, *, progress: str, quiet: bool, verbose: bool) -> Console:
        """The console, set as the command's flags ask. Raises ConfigError for what is no kind of
        progress."""
        if progress not in PROGRESS:
            raise ConfigError(f"Progress is one of {', '.join(PROGRESS)}, not {progress!r}.")
        self.console = Console(progress=progress, quiet=quiet, verbose=verbose)
        return self.console

    def report(self, event: Event) -> None:
        """Show an event. Raises Stopped where a signal came and nobody saw it."""
        self.signals.check()
        self.console.report(event)
