"""Specs by name and by number, and verdicts at their very edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vtacli.errors import ConfigError
from vtacli.signal.programme import Loudness
from vtacli.signal.specs import SPECS, judged, spec_of

FOUND = Loudness(-23.0, 5.0, -20.0, -21.0, -3.0, 60.0)


def test_the_table() -> None:
    table = {s.name: (s.target_lufs, s.tolerance_lu, s.true_peak_dbtp) for s in SPECS.values()}
    assert table == {
        "ebu-r128": (-23, 0.2, -1),
        "atsc-a85": (-24, 2, -2),
        "netflix": (-27, 2, -2),
        "streaming": (-14, 1, -1),
        "podcast": (-16, 1, -1),
    }
    assert "programme-gated" in SPECS["netflix"].note


@pytest.mark.parametrize("text", ["-16", "-16LUFS", "-16 lufs", "-16.0 LKFS", " -16 "])
def test_a_number_is_a_spec(text: str) -> None:
    spec = spec_of(text)
    assert (spec.target_lufs, spec.true_peak_dbtp) == (-16.0, -1.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ebu-r218", "Did you mean ebu-r128"),
        ("Podcst", "Did you mean podcast"),
        ("loud", "a number of LUFS"),
        ("16", "Did you mean -16"),
        ("-71", "from -70 to 0"),
        ("-1e1", "no loudness spec"),
        ("nan", "no loudness spec"),
        ("", "no loudness spec"),
    ],
)
def test_what_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        spec_of(text)


@pytest.mark.parametrize(
    ("level", "peak", "passed", "said"),
    [
        (-23.0, -3.0, True, "meets ebu-r128"),
        (-23.24, -3.0, True, "-23.2 LUFS"),
        (-23.26, -3.0, False, "0.3 LU too quiet"),
        (-22.7, -3.0, False, "0.3 LU too loud"),
        (-23.0, -0.96, True, "-1.0 dBTP"),
        (-23.0, -0.9, False, "0.1 dB too high"),
        (-np.inf, -np.inf, False, "silent"),
    ],
)
def test_a_verdict_counts_in_tenths(level: float, peak: float, passed: bool, said: str) -> None:
    found = replace(FOUND, integrated_lufs=level, true_peak_dbtp=peak)
    verdict = judged(found, SPECS["ebu-r128"])
    assert verdict.passed is passed
    assert said in " ".join(verdict.sentences)


def test_all_that_fails_is_said() -> None:
    verdict = judged(replace(FOUND, true_peak_dbtp=0.4), SPECS["streaming"])
    assert len(verdict.sentences) == 2
