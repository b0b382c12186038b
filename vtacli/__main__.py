"""``python -m vtacli`` is ``vta``."""

from vtacli.cli.main import entry

entry()
