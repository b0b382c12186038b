"""Flags of the mix as a person types them, and what is answered."""

from __future__ import annotations

import pytest
from commands import FAKE, vta


def test_help_teaches_ducking_and_loudness():
    said = vta("generate", "--help", COLUMNS="100", NO_COLOR="1")
    assert "vta generate talk.mov --duck 9 --loudness ebu-r128" in said.out
    for flag in ("--duck-attack", "--duck-release", "--dialogue", "--width", "--no-provenance"):
        assert flag in said.out.replace("\n", "")


def test_the_answer_says_what_became_of_the_sound(sounding_film, tmp_path):
    out = tmp_path / "o.mov"
    said = vta(
        "generate", sounding_film, "-o", out, "--seed", 1, "--duck", 6, "--loudness", "-20",
        "--width", 0.5, "--json", "-q", program=FAKE,
    )  # fmt: skip
    assert said.code == 0, said.err
    answer = said.answer
    assert answer["loudness"]["integrated_lufs"] == pytest.approx(-20, abs=0.1)
    assert answer["master"]["spec"]["target_lufs"] == -20
    assert answer["ducking"]["depth_db"] == 6
    assert answer["bandwidth_hz"] == 8000
    assert answer["provenance"]["digital_source_type"].endswith(
        "compositeWithTrainedAlgorithmicMedia"
    )
    assert answer["provenance"]["options"]["mix"]["width"] == 0.5


def test_a_person_reads_the_same(sounding_film, tmp_path):
    flags = ["--seed", 1, "--duck", 6, "--loudness", "ebu-r128"]
    said = vta("generate", sounding_film, "-o", tmp_path / "o.mov", *flags, program=FAKE)
    assert said.code == 0, said.err
    assert "bandwidth  8 kHz" in said.out
    assert "-23.0 LUFS (ebu-r128), before" in said.out
    planned = vta("generate", sounding_film, "--dry-run", *flags, program=FAKE)
    assert "foley 6 dB lower while somebody speaks in stream 1" in planned.out
    assert "-23 LUFS (ebu-r128)" in planned.out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--duck-attack", 50], "--duck DB"),
        (["--duck", 6, "--dialogue", 9], "Stream 9"),
        (["--loudness", "ebu-r12"], "Did you mean ebu-r128?"),
    ],
)
def test_what_contradicts_itself_is_refused_before_any_work(sounding_film, tmp_path, flags, words):
    said = vta("generate", sounding_film, "-o", tmp_path / "o.mov", *flags, program=FAKE)
    assert said.code == 2
    assert words in said.err.replace("\n", " ")
    assert not list(tmp_path.iterdir())
