"""A shared shelf that nobody may write to serves as any other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import film_of
from published_model import imported

from vtacli.store.manifest import write_manifest

ROOT = Path(__file__).parent.parent.parent
APART = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
READ_ONLY = (
    'mount --bind "$SHELF" "$SHELF" && mount -o remount,ro,bind "$SHELF" && '
    '! touch "$SHELF/x" 2>/dev/null'
)


def shown_read_only(shelf: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    environ = {**os.environ, "SHELF": str(shelf)}
    return subprocess.run([*APART, READ_ONLY], env=environ, capture_output=True).returncode == 0


@pytest.fixture
def vta(tmp_path):
    """Runs ``vta`` where the shelf is mounted read-only, for a person with a cache of their own."""
    shelf = tmp_path / "shared"
    shutil.copytree(imported("base"), shelf / "tiny")
    write_manifest(shelf / "tiny", "made here")
    if not shown_read_only(shelf):
        pytest.skip("nothing can be mounted here")

    def run(*arguments: object) -> subprocess.CompletedProcess:
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("VTA_", "HF_"))}
        environ |= {
            "SHELF": str(shelf),
            "VTA_WEIGHTS": str(shelf),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        command = [*APART, f'{READ_ONLY} && exec "$@"', "sh", sys.executable, "-m", "vtacli"]
        return subprocess.run(
            [*command, *map(str, arguments)],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
        )

    return run


def test_a_read_only_shelf(vta, tmp_path):
    film = film_of(tmp_path / "film.mp4", seconds=1)
    before = sorted((tmp_path / "shared").rglob("*"))
    done = vta("generate", film, "-o", "out.mp4", "--model", "tiny", "--steps", "1")
    assert done.returncode == 0, done.stderr
    done = vta("models", "rm", "tiny")
    assert done.returncode == 8, done.stderr
    # what is fetched goes to the person's own cache
    (tmp_path / "c.toml").write_text(
        '[models.far]\ntitle = "Far"\nvariant = "vta-ldm-base"\nform = "folder"\n'
        'licence = "CC0-1.0"\ncommercial = true\n'
        '[[models.far.files]]\npath = "model_index.json"\nurl = "file:///there/is/none"\n'
    )
    done = vta("models", "pull", "far", "--catalog", "c.toml")
    assert done.returncode == 5, done.stderr
    assert (tmp_path / "cache" / "vta" / "weights" / ".downloads" / "far").is_dir()
    assert sorted((tmp_path / "shared").rglob("*")) == before
