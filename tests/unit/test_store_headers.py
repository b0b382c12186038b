"""Headers of safetensors: what is refused, at what cost, and that nothing else is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from header_mutants import packed, whole
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load, save

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.headers import LONGEST_HEADER_BYTES, Held, check_headers, read_header

MUTANTS = 3000
F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.fixture
def file(tmp_path):
    def write(raw: bytes) -> Path:
        path = tmp_path / "w.safetensors"
        path.write_bytes(raw)
        return path

    return write


def test_a_whole_file_is_read(file):
    header = read_header(file(whole()))
    assert set(header.tensors) == {"a.weight", "a.bias", "table", "empty"}
    assert header.tensors["table"].shape == (5, 8)
    assert header.metadata == {"format": "pt"}


def test_what_ships_is_read():
    weights = Path(__file__).parents[2] / "weights"
    assert len(list(weights.rglob("*.safetensors"))) > 5
    check_headers(weights)


def test_no_mutant_costs_more_than_it_may(tmp_path):
    """3,000 damaged files and the costliest headers, each under its size plus 100 MB."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, root / "tests" / "header_mutants.py", str(MUTANTS), tmp_path],
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    said = json.loads(done.stdout)
    assert said["mutants"] > MUTANTS
    assert said["refused"] > 1000
    assert said["accepted"] > 20  # some changes leave it whole: the check is not a wall
    assert said["grown_kb"] < 100_000
    assert said["slowest_s"] < 10


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        ({"a": F32}, b"12345678", None),
        ({}, b"", None),
        ({"a": F32}, b"1234567", "end at 8 of 7"),
        ({"a": F32}, b"123456789", "end at 8 of 9"),
        ({"a": F32 | {"data_offsets": [8, 16]}}, bytes(16), "hole before a"),
        ({"a": F32, "b": F32}, bytes(8), "overlap at b"),
        ({"a": F32, "b": F32 | {"data_offsets": [4, 12]}}, bytes(12), "overlap"),
        ({"a": F32, "b": F32 | {"data_offsets": [12, 20]}}, bytes(20), "hole"),
        ({"a": F32 | {"shape": [3]}}, bytes(8), "needs 12 bytes and has 8"),
        ({"a": F32 | {"dtype": "F8_E4M3"}}, bytes(8), "number format"),
        ({"a": F32 | {"shape": [2**41, 0], "data_offsets": [0, 0]}}, b"", "shape"),
        ({"a": F32 | {"shape": [True, 2]}}, bytes(8), "shape"),
        ({"a": F32 | {"shape": [1] * 9 + [2]}}, bytes(8), "shape"),
        ({"a": F32 | {"data_offsets": [8, 0]}}, bytes(8), "place"),
        ({"a": F32 | {"extra": 1}}, bytes(8), "described"),
        ({"": F32}, bytes(8), "name"),
        ({"a\nb": F32}, bytes(8), "name"),
        ({"__metadata__": {"a": 1}}, b"", "metadata"),
        (b"[1]", b"", "JSON object"),
        (b'{"a": NaN}', b"", "number"),
        (b'{"a": 1, "a": 2}', b"", "twice"),
        (b"{", b"", "JSON"),
    ],
)
def test_each_fault_is_named(file, header, data, reason):
    path = file(packed(header, data))
    if reason is None:
        read_header(path)
        return
    with pytest.raises(WeightsRefused, match=reason) as caught:
        read_header(path)
    assert caught.value.path == path


def test_too_many_tensors_are_refused(file):
    none = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    with pytest.raises(WeightsRefused, match="above 20000"):
        read_header(file(packed({f"{i}": none for i in range(20_001)}, b"")))


def test_a_long_header_is_not_read(file):
    raw = b"{" + b" " * LONGEST_HEADER_BYTES + b"}"
    with pytest.raises(WeightsRefused, match="header is"):
        read_header(file(packed(raw, b"")))


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo.safetensors")
    with pytest.raises(WeightsRefused, match="regular"):
        read_header(tmp_path / "fifo.safetensors")
    with pytest.raises(WeightsRefused):
        read_header(tmp_path)
    with pytest.raises(WeightsMissing):
        read_header(tmp_path / "absent.safetensors")


NAMES = st.text("abc.é", min_size=1, max_size=5)
SHAPES = st.lists(st.integers(0, 4), max_size=4)
KINDS = {np.float64: "F64", np.float32: "F32", np.float16: "F16", np.int64: "I64", np.uint8: "U8"}


@given(st.dictionaries(NAMES, st.tuples(st.sampled_from(list(KINDS)), SHAPES), max_size=6))
def test_whatever_the_library_writes_is_read_as_it_is(tmp_path_factory, tensors):
    path = tmp_path_factory.getbasetemp() / "written.safetensors"
    path.write_bytes(save({name: np.ones(shape, kind) for name, (kind, shape) in tensors.items()}))
    found = read_header(path).tensors
    assert {n: (h.dtype, h.shape) for n, h in found.items()} == {
        name: (KINDS[kind], tuple(shape)) for name, (kind, shape) in tensors.items()
    }


@given(st.binary(max_size=200))
def test_nothing_is_accepted_that_the_library_refuses(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "random.safetensors"
    path.write_bytes(raw)
    try:
        load(raw)
        known = True
    except (SafetensorError, KeyError):
        known = False
    try:
        read_header(path)
    except WeightsRefused:
        return
    assert known


def test_a_tensor_says_where_it_lies(file):
    held = read_header(file(packed({"a": F32}, bytes(8)))).tensors["a"]
    assert held == Held("F32", (2,), 0, 8)
