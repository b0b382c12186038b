"""Written hits: read from a file, refused by line, and heard at their sample."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction as F

import av
import numpy as np
import pytest
from fakes import FAKE, FakeModel, handle

from vtacli.dub import dub
from vtacli.errors import ConfigError
from vtacli.media.marks import read_hits
from vtacli.options import GenerateOptions, MixOptions
from vtacli.timeline import Hit


def test_times_timecodes_strengths_and_labels(tmp_path):
    file = tmp_path / "hits.csv"
    file.write_text("time,strength\n# door\n2.5, 0.5\n00:00:01:05\n")
    assert read_hits(file, F(10), F(25)) == (Hit(F(6, 5), 1.0), Hit(F(5, 2), 0.5))
    labels = tmp_path / "labels.txt"
    labels.write_text("0.500000\t0.500000\tknock\n1.250000\t1.300000\t\n")
    assert read_hits(labels, F(10), F(25)) == (Hit(F(1, 2)), Hit(F(5, 4)))
    # words with a comma, and the frequencies that Audacity writes beneath a spectral selection
    labels.write_text("0.5\t0.5\tknock, 0.3\n\\\t100.0\t2000.0\n1.25\t1.3\tdoor, left, 2\n")
    assert read_hits(labels, F(10), F(25)) == (Hit(F(1, 2)), Hit(F(5, 4)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1.0,loud\n", "Line 1: 'loud' is no strength"),
        ("1.0\n2.0,1.5\n", "Line 2"),
        ("1.0,0\n", "above 0"),
        ("1.0\n1.0\n", "Line 2: there is a hit"),
        ("99\n", "not before the film's end"),
        ("soon 1\n", "no time"),
        ("# nothing\n", "empty"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, says):
    file = tmp_path / "hits.csv"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        read_hits(file, F(10), F(25))
    assert caught.value.path == file


def test_a_hit_reaches_its_sample_across_windows(long_film, tmp_path):
    """The fake model clicks at each hit it is told of: each must come out once, in its place."""
    times = [1.0, 12.9, 13.1, 20.0, 25.5]
    file = tmp_path / "hits.csv"
    file.write_text("".join(f"{t}\n" for t in times))
    options = GenerateOptions(hits=file, seed=1, mix=MixOptions(mode="replace", codec="pcm"))
    model = FakeModel()
    result = dub(long_film, tmp_path / "out.mov", options, handle(model))
    with av.open(str(result.output)) as film:
        frames = [f.to_ndarray() for f in film.decode(audio=0)]
    stream = np.concatenate(frames, axis=1)[0].astype(np.float64)
    stream = np.abs(stream[::2] if result.rate_hz * 27 < len(stream) else stream)
    loud = np.flatnonzero(stream > 0.75 * stream.max()) / 48_000
    for time_s in times:
        assert np.abs(loud - time_s).min() < 0.002
    assert all(min(abs(x - t) for t in times) < 0.02 for x in loud)


def test_a_model_without_hits_says_so(silent_film, tmp_path):
    file = tmp_path / "hits.csv"
    file.write_text("1.0\n")
    deaf = FakeModel(replace(FAKE, takes_hits=False))
    with pytest.raises(ConfigError, match="takes no hits"):
        dub(silent_film, tmp_path / "o.mp4", GenerateOptions(hits=file), handle(deaf))
