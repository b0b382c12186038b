"""Choices are checked when they are made, and can be written down."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from vtacli.errors import ConfigError
from vtacli.options import PROGRAMMES, GenerateOptions, MixOptions, SceneOptions
from vtacli.signal.specs import SPECS


@pytest.mark.parametrize(
    "make",
    [
        lambda: GenerateOptions(seed=-1),
        lambda: GenerateOptions(steps=0),
        lambda: GenerateOptions(guidance=float("nan")),
        lambda: GenerateOptions(motion_scale=-1.0),
        lambda: GenerateOptions(hits_scale=101.0),
        lambda: GenerateOptions(quality="great"),
        lambda: GenerateOptions(reference_strength=0.5),
        lambda: GenerateOptions(references=(Path("a.wav"),), reference_strength=1.1),
        lambda: GenerateOptions(references=(Path("a.wav"),), draft=False),
        lambda: GenerateOptions(batch_size=0),
        lambda: GenerateOptions(prompt="  "),
        lambda: GenerateOptions(model=""),
        lambda: GenerateOptions(device="gpu"),
        lambda: GenerateOptions(crossfade_s=Fraction(-1)),
        lambda: MixOptions(gain_db=float("inf")),
        lambda: MixOptions(ceiling_dbtp=1.0),
        lambda: MixOptions(mode="blend"),
        lambda: MixOptions(duck_db=-6.0),
        lambda: MixOptions(duck_db=61.0),
        lambda: MixOptions(duck_db=6.0, duck_attack_ms=0.0),
        lambda: MixOptions(duck_db=6.0, duck_release_ms=float("nan")),
        lambda: MixOptions(duck_db=6.0, mode="replace"),
        lambda: MixOptions(duck_attack_ms=50.0),
        lambda: MixOptions(dialogue=1),
        lambda: MixOptions(duck_db=6.0, dialogue=-1),
        lambda: MixOptions(width=1.5),
        lambda: SceneOptions(mode="of"),
        lambda: SceneOptions(mode="off", threshold=27.0),
        lambda: SceneOptions(min_scene_s=Fraction(-1)),
    ],
)
def test_a_choice_that_means_nothing_is_refused(make):
    with pytest.raises(ConfigError):
        make()


def test_a_near_miss_is_named():
    with pytest.raises(ConfigError, match="Did you mean cuda"):
        GenerateOptions(device="cudda")


def test_choices_become_json():
    options = GenerateOptions(
        prompt="rain",
        crossfade_s=Fraction(1, 2),
        scenes=SceneOptions(mode=Path("a\nb.csv")),
        references=(Path("door.wav"), Path("a\nb.wav")),
    )
    saved = json.loads(json.dumps(options.to_dict()))
    assert saved["crossfade_s"] == 0.5
    assert saved["scenes"]["mode"] == "a\\nb.csv"
    assert saved["references"] == ["door.wav", "a\\nb.wav"]
    assert saved["mix"] == MixOptions().to_dict()


def test_the_help_names_every_spec_there_is():
    assert tuple(SPECS) == PROGRAMMES
