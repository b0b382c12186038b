"""Codec, vocoder and bank of the shipped model, measured on a few made sounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluation_models import SMALL, ClickModel, study_of
from toy_sounds import make_toy_sounds

from vtacli.evaluation import likeness, parts
from vtacli.evaluation.recordings import open_catalogue
from vtacli.evaluation.study import fingerprint
from vtacli.models import find


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    toys = make_toy_sounds(folder / "toys", 120)
    study = study_of(ClickModel(), folder, catalogue=open_catalogue([toys]))
    study.handle = find("vta-mini", device="cpu")
    study.suite = replace(SMALL, bank_share=0.02)
    return study


def test_what_codec_and_vocoder_lose_is_measured(study):
    result = parts.measure(study)
    figures = {f.key: f.interval for f in result.figures}
    assert 5 < figures["weights"].value < 200
    rows = result.details["recordings"]
    assert len(rows) == 2
    for row in rows:
        assert 0 < row["codec_l1"] < 3
        assert 0 < row["vocoder_l1"] < 3
        assert -1e-6 < row["vocoder_distance"] < 1
    assert figures["codec_l1"].value == pytest.approx(np.mean([r["codec_l1"] for r in rows]))
    # one recordist made all toys, so none is a stranger
    assert not any(r["strict"] for r in rows)
    assert "codec_l1_strict" not in figures


def test_the_banks_own_sound_is_most_like_the_bank(study):
    bank = likeness.BankWindows(study).windows
    assert len(bank) > 20
    assert np.linalg.norm(bank, axis=1) == pytest.approx(1, abs=1e-4)
    itself = likeness.likeness(bank[:10], bank)
    assert itself[0] == pytest.approx(1, abs=1e-4)
    result = likeness.measure(study)
    assert {f.key for f in result.figures} <= {"likeness", "likeness_real"}
    for row in result.details["sounds"]:
        assert row["mean"] is None or -1 <= row["mean"] <= row["largest"] < 1.0001


def test_the_fingerprint_is_of_every_byte(study, tmp_path):
    model = tmp_path / "model"
    (model / "unet").mkdir(parents=True)
    (model / "unet" / "weights").write_bytes(b"abc")
    handle = replace(study.handle, folder=model)
    before = fingerprint(handle)
    assert fingerprint(handle) == before
    (model / "unet" / "weights").write_bytes(b"abd")
    assert fingerprint(handle) != before
