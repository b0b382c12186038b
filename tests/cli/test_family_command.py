"""`vta generate --model FOLDER` with models of the family that were assembled here."""

import pytest
from commands import vta
from family import write_model


def dubbed(tmp_path, film, variant, *more):
    model = write_model(variant, tmp_path / "model")
    said = vta(
        "generate", film, "-o", tmp_path / "o.mkv", "--model", model, "--steps", 1,
        "--guidance", 2, "--device", "cpu", "--json", *more,
    )  # fmt: skip
    assert said.code == 0, said.err
    return said.answer


@pytest.mark.slow
def test_motion_as_control(tmp_path, silent_film):
    assert dubbed(tmp_path, silent_film, "vta-ldm-flow")["samples"] == 96_000


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["vta-ldm-text-concat", "vta-ldm-vivit", "vta-ldm-jepa2"])
def test_the_others(tmp_path, silent_film, variant):
    words = ["--prompt", "rain on a roof"] if variant == "vta-ldm-text-concat" else []
    assert dubbed(tmp_path, silent_film, variant, *words)["samples"] == 96_000


def test_words_for_a_deaf_model_are_refused_with_a_sentence(tmp_path, silent_film):
    model = write_model("vta-ldm-cavp", tmp_path / "model")
    said = vta(
        "generate", silent_film, "-o", tmp_path / "o.mkv", "--model", model, "--prompt", "rain"
    )
    assert said.code == 2
    assert "takes no words" in said.err or "text" in said.err
