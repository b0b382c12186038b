"""Batches on a real Ray cluster of two nodes: the same bytes, whatever becomes of a node."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager

import pytest
from commands import FAKE, ROOT, environment, vta
from many_films import bad_films, good_films, hashes, leftovers

pytest.importorskip("ray")

MODEL = ["--model", "fake", "--device", "cpu"]
SLOW = ["--model", "fake-slow", "--device", "cpu"]
NODES = ROOT / "tests" / "ray_nodes.py"
TOKEN = "0123456789abcdef" * 4


@contextmanager
def two_nodes(token=""):
    """The address of a cluster, and what kills its second node."""
    # sockets lie there, and their paths are short
    with tempfile.TemporaryDirectory(prefix="vta-ray-") as folder:
        child = subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "tests" / "ray_nodes.py"),
                folder,
                *([token] * bool(token)),
            ],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:

            def kill():
                child.stdin.write("kill\n")
                child.stdin.flush()
                assert child.stdout.readline().strip() == "killed"

            yield child.stdout.readline().strip(), kill
        finally:
            child.stdin.close()
            child.wait(60)


def asked_as_a_stranger(address, **env):
    """Whether the cluster is open, and what comes of joining it from a machine that is none of
    its own."""
    program = """
import sys
from vtacli.batch.joining import is_open, join
from vtacli.errors import ConfigError
said = str(is_open(sys.argv[1]))
try:
    join(sys.argv[1], insecure=False, own=frozenset())
except ConfigError as error:
    said += f"|{error}"
else:
    said += "|joined"
print(said)
"""
    run = subprocess.run(
        [sys.executable, "-c", program, address],
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return run.stdout.strip() or run.stderr


@pytest.mark.slow
def test_a_killed_node_loses_nothing_and_the_bytes_are_those_of_one_machine(tmp_path):
    folder, out = tmp_path / "films", tmp_path / "cluster"
    good = good_films(folder, 8)
    bad = bad_films(folder, good[0])
    for film in bad[2:]:
        film.unlink()
    local = vta("batch", folder, "-o", tmp_path / "local", *MODEL, program=FAKE)
    assert local.code == 9, local.err
    with two_nodes() as (address, kill):
        stranger = asked_as_a_stranger(address)
        assert stranger.startswith("True|")
        assert "takes orders from anybody" in stranger
        assert "--insecure-cluster" in stranger
        asked = ["batch", str(folder), "-o", str(out), *SLOW, "--engine", "ray"]
        child = subprocess.Popen(
            [*FAKE, *asked, "--address", address, "--progress", "json", "--json"],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said = []
        for line in child.stderr:
            said.append(line)
            if '"ended"' in line and '"made"' in line:
                break
        kill()
        answer, rest = child.communicate(timeout=200)
        said = "".join(said) + rest
        assert child.returncode == 9, said
    counts = json.loads(answer)["counts"]
    assert (counts["made"], counts["failed"]) == (8, 2)
    assert "is lost" in said
    assert hashes(out) == hashes(tmp_path / "local")
    assert not leftovers(out)
    again = vta("batch", folder, "-o", out, *SLOW, program=FAKE)
    assert "8 done before, 2 failed before, 0 to do" in again.out


def test_a_cluster_that_asks_for_a_token_is_joined_with_it():
    with two_nodes(TOKEN) as (address, _):
        held = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
        assert asked_as_a_stranger(address, **held) == "False|joined"


@pytest.mark.slow
def test_the_shipped_model_on_a_cluster_gives_what_it_gives_here(tmp_path):
    folder = tmp_path / "films"
    good_films(folder, 3, seconds=1.0)
    flags = ["--seed", "5", "--steps", "2"]
    local = vta("batch", folder, "-o", tmp_path / "local", *flags)
    assert local.code == 0, local.err
    # Ray starts here, and asks for a token that nobody else has
    there = vta("batch", folder, "-o", tmp_path / "ray", *flags, "--engine", "ray", "-j", "2")
    assert there.code == 0, there.err
    assert hashes(tmp_path / "ray") == hashes(tmp_path / "local")


@pytest.mark.slow
def test_an_address_of_nothing_is_said(tmp_path):
    folder = tmp_path / "films"
    good_films(folder, 1)
    asked = ["batch", folder, "-o", tmp_path / "out", *MODEL, "--engine", "ray", "--address"]
    nothing = vta(*asked, "127.0.0.1:1", program=FAKE)
    assert nothing.code == 2, nothing.err
    client = vta(*asked, "ray://127.0.0.1:10001", program=FAKE)
    assert client.code == 2
    assert "HOST:PORT" in client.err
