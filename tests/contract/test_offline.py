"""Nothing but ``vta models pull`` opens a connection: whoever tries is ended by the kernel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import film_of
from no_network import KILLED, available
from published_model import REFERENCE

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.skipif(not available(), reason="the filter is Linux's")

CATALOG = """
[models.far]
title = "Far away"
variant = "vta-ldm-base"
form = "published"
licence = "CC0-1.0"
commercial = true
[[models.far.files]]
path = "pytorch_model_2.bin"
{where}
"""


@pytest.fixture
def alone(tmp_path):
    """Runs ``vta`` without a network, as a person without settings, with a store of its own."""

    def run(*arguments: object) -> subprocess.CompletedProcess:
        import os

        environ = {k: v for k, v in os.environ.items() if not k.startswith(("VTA_", "HF_"))}
        environ |= {
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "HF_ENDPOINT": "https://127.0.0.1:9",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, str(ROOT / "tests" / "no_network.py"), *map(str, arguments)]
        return subprocess.run(
            command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=240
        )

    return run


@pytest.mark.parametrize(
    "where",
    ['url = "https://127.0.0.1:9/x"', 'repository = "studio/far"\nrevision = "main"'],
)
def test_pull_does_try(alone, tmp_path, where):
    """Without this the others could pass for a filter that does nothing."""
    (tmp_path / "c.toml").write_text(CATALOG.format(where=where))
    assert alone("models", "pull", "far", "--catalog", "c.toml").returncode == KILLED


@pytest.mark.slow
def test_models_are_looked_at_kept_and_brought_in_without_a_network(alone, tmp_path):
    (tmp_path / "c.toml").write_text(CATALOG.format(where='url = "https://127.0.0.1:9/x"'))
    store = ("--weights-dir", tmp_path / "store")
    (tmp_path / "store").mkdir()
    for arguments in (
        ("list", "--catalog", "c.toml"),
        ("show", "vta-ldm-clip4clip-v-large"),
        ("import", REFERENCE, "--name", "tiny", *store),
        ("verify", "tiny", *store),
        ("du", *store),
        ("path", "tiny", *store),
        ("export", "tiny", tmp_path / "tiny.tar", *store),
        ("rm", "tiny", *store),
        ("prune", *store),
    ):
        done = alone("models", *arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    # a pull from a stick is not one from the network
    done = alone("models", "pull", "far", "--catalog", "c.toml", "--mirror", "file:///none")
    assert done.returncode == 5, done.stderr


def test_a_film_is_planned_and_dubbed_without_a_network(alone, tmp_path):
    film = film_of(tmp_path / "film.mp4", seconds=1)
    for arguments in (
        ("plan", film),
        ("generate", film, "-o", tmp_path / "out.mp4", "--steps", "2", "--prompt", "rain"),
        ("doctor",),
    ):
        done = alone(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    assert (tmp_path / "out.mp4").stat().st_size > 1000
