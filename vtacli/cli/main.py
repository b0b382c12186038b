"""The funnel: every way that the program can end passes here, and becomes an exit code.

Little is imported until signals are caught and arguments are known, so that ``vta --help`` is
instant and an early Ctrl-C is as quiet as a late one.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vtacli.cli.stop import Stopped, StopSignals
from vtacli.errors import DeviceError, StorageError, VtaError

if TYPE_CHECKING:
    from vtacli.cli.shell import FindModel, Shell


def entry() -> None:
    """The ``vta`` command."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str], find_model: FindModel | None = None) -> int:
    """Run one command and return its exit code; nothing is raised.

    ``find_model``: where models come from; None is what is installed on this machine.
    """
    shell: Shell | None = None
    with StopSignals() as signals:
        try:
            from vtacli.cli.shell import Shell

            shell = Shell(find_model, signals)
            return _run(argv, shell)
        except Stopped:
            _say(shell, "Stopped; nothing half-written is left.", signals.exit_code)
            return signals.exit_code
        except BaseException as error:
            if signals.signum is not None:  # an error that the stop itself brought about
                _say(shell, "Stopped; nothing half-written is left.", signals.exit_code)
                return signals.exit_code
            return _failed(error, shell)


def _run(argv: Sequence[str], shell: Shell) -> int:
    from typer.main import get_command

    from vtacli.cli.app import app

    code = get_command(app).main(list(argv), prog_name="vta", standalone_mode=False, obj=shell)
    sys.stdout.flush()
    return code if isinstance(code, int) else 0


def _failed(error: BaseException, shell: Shell | None) -> int:
    """One sentence for a person, and the code that goes with it."""
    import typer

    if isinstance(error, BrokenPipeError):  # `vta plan IN | head`: the reader has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, (SystemExit, typer.Abort)):
        return error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1
    known = _known(error)
    code = known.exit_code if known else 1
    if known:
        _say(shell, str(known), code)
    elif (usage := _usage(error)) is not None:
        code = 2
        if not usage:  # no arguments at all: the help has been shown
            return code
        _say(shell, usage, code)
    else:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        _say(
            shell,
            f"This is a bug in vta ({what}). Set VTA_DEBUG=1 to see where, and report it.",
            code,
        )
    if os.environ.get("VTA_DEBUG"):
        import traceback

        traceback.print_exception(error)
    return code


def _known(error: BaseException) -> VtaError | None:
    if isinstance(error, VtaError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("The disk is full.", path=error.filename, hint="Free some space.")
    if isinstance(error, MemoryError):
        return DeviceError("There is not enough memory.", hint="Lower --batch-size.")
    return None


def _usage(error: BaseException) -> str | None:
    """The sentence of a wrong command line, which Typer's own Click raises; None for others."""
    from typer._click.exceptions import ClickException, NoArgsIsHelpError

    if isinstance(error, NoArgsIsHelpError):
        error.show()
        return ""
    if not isinstance(error, ClickException):
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "vta"
    text = " ".join(error.format_message().split())
    text += "" if text.endswith((".", "?", ")")) else "."
    return f"{text} See `{command} --help`."


def _say(shell: Shell | None, text: str, code: int) -> None:
    if shell is None:
        print(f"vta: {text}", file=sys.stderr)  # noqa: T201 - there is no console yet
    else:
        shell.console.error(text, code)
