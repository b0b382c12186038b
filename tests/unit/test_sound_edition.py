"""Code that changes the sound of an equal seed cannot leave kept windows of the old in use."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sound_edition
from sound_edition import GOLDEN, MODEL, differs, fingerprint

from vtacli.window_cache.edition import EDITION
from vtacli.window_cache.identity import model_hash

RECORD = "then run `python tests/sound_edition.py`."


@pytest.fixture(scope="module")
def recorded():
    return json.loads(GOLDEN.read_text())


def test_equal_seeds_sound_as_when_the_edition_was_set(recorded, tmp_path):
    assert recorded["edition"] == EDITION, f"The edition is another one: {RECORD}"
    assert recorded["weights"] == model_hash(MODEL, tmp_path), f"Other weights ship: {RECORD}"
    now = fingerprint()
    assert not differs(now, recorded["windows"]), (
        "The samples of an equal seed have changed. If that is meant: raise EDITION in "
        f"vtacli/window_cache/edition.py, say so under Sound in CHANGELOG.md, {RECORD}"
    )
    assert np.mean(np.square(now)) > 1e-4  # there is sound


def test_a_change_is_seen_and_rounding_is_not(recorded, tmp_path, monkeypatch, capsys):
    then = recorded["windows"]
    louder = [[v * 1.001 for v in row] for row in then]
    assert differs(louder, then)
    assert not differs([[v * (1 + 3e-6) for v in row] for row in then], then)
    assert differs(then[:2], then)
    before, copy = GOLDEN.read_text(), tmp_path / "golden.json"
    copy.write_text(before)
    monkeypatch.setattr(sound_edition, "GOLDEN", copy)
    monkeypatch.setattr(sound_edition, "fingerprint", lambda: louder)
    assert sound_edition.main() == 1  # the recorder does not let it pass either
    assert "raise EDITION" in capsys.readouterr().out
    assert copy.read_text() == before
