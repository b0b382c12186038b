"""The one folder that is written to; links and locks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vtacli.errors import ConfigError, StorageError, WeightsRefused
from vtacli.shelves import check_links
from vtacli.store.place import locked, store_to_write, user_store

READ_ONLY = Path("/proc/self")  # nobody, root included, makes a file there


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_the_flag_then_the_environment_then_the_cache(home):
    flag, env = home / "flag", home / "env"
    assert store_to_write(flag, {"VTA_WEIGHTS": str(env)}) == flag
    assert store_to_write(None, {"VTA_WEIGHTS": str(env)}) == env
    assert store_to_write(None, {}) == user_store()
    assert user_store().is_relative_to(home)


@pytest.mark.skipif(not READ_ONLY.is_dir(), reason="a folder that nobody can write to is Linux's")
def test_a_shared_cache_that_cannot_be_written_is_passed_over(home):
    assert store_to_write(None, {"VTA_WEIGHTS": str(READ_ONLY)}) == user_store()
    with pytest.raises(StorageError, match="--weights-dir"):
        store_to_write(READ_ONLY, {})  # what was asked for by name is not passed over


def test_a_file_is_no_store(home):
    (home / "file").touch()
    with pytest.raises(ConfigError):
        store_to_write(home / "file", {})


def test_links_may_not_leave_the_shelf(home):
    model, shelf = home / "shelf" / "rain", home / "shelf"
    model.mkdir(parents=True)
    (shelf / "common.safetensors").touch()
    (model / "a.safetensors").symlink_to(shelf / "common.safetensors")
    check_links(model)
    (home / "elsewhere").touch()
    (model / "b.safetensors").symlink_to(home / "elsewhere")
    with pytest.raises(WeightsRefused, match="leads out"):
        check_links(model)


def test_a_lock_keeps_others_waiting_and_ends_with_its_process(tmp_path):
    program = (
        "import pathlib, sys\n"
        "from vtacli.store.place import locked\n"
        "with locked(pathlib.Path(sys.argv[1]), 'rain'):\n"
        "    print('mine', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"mine\n"
    waited = []

    def waiting():
        while True:
            waited.append(1)
            if len(waited) == 2:
                other.kill()  # it leaves without unlocking
            yield

    with locked(tmp_path, "rain", waiting()):
        assert len(waited) >= 2
    with locked(tmp_path, "rain"), locked(tmp_path, "wind"):
        pass
    other.communicate()
