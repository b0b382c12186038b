"""``vta doctor``: whether this machine can do the work."""

from __future__ import annotations

import typer

from vtacli.cli import flags
from vtacli.cli.shell import Shell
from vtacli.options import DEFAULT_MODEL


def doctor(
    context: typer.Context,
    model: flags.Model = DEFAULT_MODEL,
    weights_dir: flags.WeightsDir = None,
    device: flags.Device = "auto",
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Check Python, packages, ffmpeg, devices, weights and disk, and make half a second of sound.

    [dim]vta doctor[/dim]

    [dim]vta doctor --json --model vta-mini[/dim]
    """
    from vtacli.cli.render import checks_text
    from vtacli.errors import CheckFailed
    from vtacli.health import examine

    shell: Shell = context.obj
    console = shell.talk(progress="rich", quiet=quiet, verbose=False)

    def find():  # type: ignore[no-untyped-def]
        return shell.find_model(model, device=device, weights_dir=weights_dir)

    checks = examine(find, shell.report)
    answer = {"ok": all(c.ok for c in checks), "checks": [c.to_dict() for c in checks]}
    console.answer(checks_text(checks), answer if as_json else None)
    failed = [c.name for c in checks if not c.ok]
    if failed:
        raise CheckFailed(f"Not as it should be: {', '.join(failed)}.")
