"""Laws that any system of films, processors, models and a disk keeps."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent / "bench"))

from cluster_model import MEASURED, ON_GPU, Cluster, simulate

clusters = st.builds(
    Cluster,
    processors=st.integers(1, 12),
    models=st.integers(1, 4),
    storage_bytes_s=st.floats(1e5, 1e9),
    batch=st.integers(1, 8),
)


@settings(max_examples=40)
@given(clusters, st.integers(1, 60), st.integers(0, 99), st.sampled_from([MEASURED, ON_GPU]))
def test_what_goes_in_comes_out_and_nothing_is_busier_than_always(cluster, films, seed, work):
    found = simulate(cluster, work, films, seed)
    assert found.films == films
    assert found.windows >= films
    assert all(0 <= share <= 1 + 1e-9 for share in found.busy.values())
    assert found.mean_in_system <= cluster.processors + 1e-9
    # Little (1961): how many are there is how many come a second times how long they stay
    rate = found.films / found.makespan_s
    assert found.mean_in_system == pytest.approx(rate * found.mean_stay_s, rel=1e-6)
    # the disk moves every byte twice and no faster than it can
    assert found.makespan_s >= 2 * found.read_bytes / cluster.storage_bytes_s * (1 - 1e-9)
    assert simulate(cluster, work, films, seed) == found


def test_a_film_alone_takes_the_sum_of_its_parts():
    work = replace(MEASURED, spread=0.0)
    found = simulate(Cluster(4, 4, 1e6, 1), work, 1)
    moved = 2 * work.film_s * work.film_bytes_s / 1e6
    expected = moved + work.start_s + work.film_s * work.decode_share + 4 * work.model_s
    assert found.makespan_s == pytest.approx(expected)


def test_what_is_short_decides():
    work = replace(ON_GPU, spread=0.0, batch_gain=1.0)
    models = simulate(Cluster(64, 1, 1e12), work, 500)
    assert models.bottleneck == "models"
    assert 3600 / (4 * work.model_s) == pytest.approx(models.films_an_hour, rel=0.03)
    processors = simulate(Cluster(1, 64, 1e12), work, 100)
    assert processors.bottleneck == "processors"
    disk = simulate(Cluster(64, 64, 1e6), work, 200)
    assert disk.bottleneck == "storage"
    assert disk.films_an_hour == pytest.approx(3600 * 1e6 / (2 * 30 * 138_000), rel=0.03)


def test_more_machines_are_never_slower_by_much():
    base = simulate(Cluster(8, 2, 1e9), ON_GPU, 400).films_an_hour
    assert simulate(Cluster(16, 2, 1e9), ON_GPU, 400).films_an_hour > 0.97 * base
    assert simulate(Cluster(8, 4, 1e9), ON_GPU, 400).films_an_hour > 0.97 * base
