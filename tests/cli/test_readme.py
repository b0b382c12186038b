"""What the README tells people to type exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    """Every ``vta …`` in a code block of the shell or in backquotes."""
    lines = [line for block in BLOCKS for line in block.splitlines()]
    inline = re.findall(r"`(vta [^`]+)`", README)
    found = [c for line in lines for c in re.findall(r"(?:^|/|&& )(vta [^&\n]+)", line)]
    return sorted(set(found + inline))


@pytest.mark.parametrize("command", commands())
def test_every_command_and_flag_exists(command):
    name = command.split()[1]
    if name.startswith("-"):
        name = ""
    within = command.split()[2:3] if name in ("models", "data") else []  # a command of several
    arguments = [name, *within, "--help"] if name else ["--help"]
    run = subprocess.run(
        [sys.executable, "-m", "vtacli", *arguments],
        capture_output=True,
        text=True,
        env={"COLUMNS": "200", "NO_COLOR": "1", "PATH": ""},
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    words = re.sub(r'"[^"]*"', "", command)
    for flag in re.findall(r"(?<=\s)--?[a-z][a-z-]*", words):
        assert re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", run.stdout), flag


def test_the_first_two_lines_set_everything_up():
    first, second = BLOCKS[0].strip().splitlines()
    assert "-m venv" in first
    assert "vta generate" in first
    assert "-m venv" in second
    assert "pytest" in second
    for line in (first, second):
        assert "-c constraints.txt" in line
    film = re.search(r"generate (\S+)", first)
    assert film is not None
    assert (ROOT / film.group(1)).is_file()


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_constraints_are_exact_and_cover_what_is_required():
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    )
    project = (ROOT / "pyproject.toml").read_text()
    required = re.findall(r'^    "([A-Za-z0-9_.-]+)>=', project, re.MULTILINE)
    names = {re.sub(r"[-_.]+", "-", n).lower() for n in pins}
    assert len(required) > 15
    for name in required:
        assert re.sub(r"[-_.]+", "-", name).lower() in names, name
    assert pins["torch"] == "2.13.0"
