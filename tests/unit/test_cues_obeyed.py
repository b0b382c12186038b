"""A cue sheet is obeyed: by a dub and by stems, before the film's own choices."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction as F

import numpy as np
import pytest
import soundfile
from conftest import film_of
from fakes import FAKE_WITHOUT_TEXT, FakeModel, handle

from vtacli.dub import dub
from vtacli.errors import ConfigError
from vtacli.media.audio import OriginalSound
from vtacli.media.probe import probe
from vtacli.media.stem_files import StemFormat
from vtacli.options import GenerateOptions, MixOptions, SceneOptions
from vtacli.planning import find_scenes, make_job, make_plan
from vtacli.progress import Note, ignore
from vtacli.stems.making import make_stems, plan_stems
from vtacli.stems.options import StemOptions
from vtacli.timeline import Hit, Span

SHEET = """
[[scene]]
start = 0
prompt = "rain"
gain_db = -6
hits = [0.5]
[[scene]]
start = "00:00:02:00"
mute = true
[[scene]]
start = 4
seed = 99
negative = "music"
hits = ["00:00:05:05@0.25"]
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return film_of(tmp_path_factory.mktemp("film") / "six.mp4", seconds=6, shots=2)


def sheet(tmp_path, text=SHEET):
    path = tmp_path / "cues.toml"
    path.write_text(text)
    return path


def sound_of(path, samples=6 * 48_000) -> np.ndarray:
    blocks = OriginalSound(probe(path)).blocks()
    return np.concatenate([b.data for b in blocks], axis=1)[:, :samples]


def test_a_dub_asks_of_each_scene_what_its_row_says(film, tmp_path):
    model = FakeModel()
    quiet = MixOptions(gain_db=-30)  # so low that the ceiling changes nothing
    options = GenerateOptions(prompt="wind", seed=7, cues=sheet(tmp_path), mix=quiet)
    result = dub(film, tmp_path / "o.mkv", options, handle(model))
    first, last = model.seen
    assert (first.prompt, first.negative, first.key.seed) == ("rain", None, 7)
    assert first.hits == ((0.5, 1.0),)
    assert (last.prompt, last.negative, last.key.seed) == ("wind", "music", 99)
    assert (last.key.scene, last.duration_s) == (4000, 2.0)
    assert last.hits == ((pytest.approx(1.2), 0.25),)
    told = result.to_dict()["scenes"]
    assert [s["mute"] for s in told] == [False, True, False]
    assert [(s["prompt"], s["gain_db"], s["seed"]) for s in told] == [
        ("rain", -6.0, None), (None, 0.0, None), (None, 0.0, 99)
    ]  # fmt: skip
    sound = sound_of(result.output)
    assert not sound[:, 96_000:192_000].any()
    assert sound[:, 192_000:].any()
    plain = replace(options, cues=sheet(tmp_path, SHEET.replace("-6", "0")))
    louder = sound_of(dub(film, tmp_path / "p.mkv", plain, handle()).output)
    ratio = np.std(louder[:, 4800:91_200]) / np.std(sound[:, 4800:91_200])
    assert ratio == pytest.approx(10 ** (6 / 20), rel=0.01)
    assert np.array_equal(louder[:, 192_000:], sound[:, 192_000:])


def test_the_scenes_of_a_plan_are_the_sheets_and_cost_what_is_heard(film, tmp_path):
    options = GenerateOptions(cues=sheet(tmp_path))
    job = make_job(film, tmp_path / "o.mkv", options, handle().variant)
    scenes, analysis = find_scenes(job, ignore, with_frames=False)
    assert analysis is None  # a sheet's times are known, so no picture is decoded
    assert scenes == job.cues
    assert [s.span for s in scenes] == [Span(F(0), F(2)), Span(F(2), F(4)), Span(F(4), F(6))]
    assert scenes[2].hits == (Hit(F(26, 5), 0.25),)
    assert len(make_plan(job, scenes, handle()).windows) == 2


def test_a_sheet_of_another_name_is_told(film, tmp_path):
    notes = []
    text = '[film]\nname = "other.mp4"\nduration = 6\n' + SHEET
    job = make_job(
        film, tmp_path / "o.mkv", GenerateOptions(cues=sheet(tmp_path, text)), handle().variant
    )
    find_scenes(job, notes.append, with_frames=False)
    (note,) = notes
    assert isinstance(note, Note)
    assert note.level == "warning"
    assert "other.mp4" in note.text


def test_what_contradicts_a_sheet_is_refused(film, tmp_path):
    path = sheet(tmp_path)
    for asked in (
        {"scenes": SceneOptions(mode="off")},
        {"scenes": SceneOptions(mode=path)},
        {"scenes": SceneOptions(threshold=3.0)},
        {"hits": path},
    ):
        with pytest.raises(ConfigError, match="A cue sheet says where scenes and hits are"):
            GenerateOptions(cues=path, **asked)
    deaf = FAKE_WITHOUT_TEXT
    for text, says in (
        (SHEET, "takes no text, and scene 1"),
        (SHEET.replace("prompt", "# prompt").replace("negative", "# n"), "takes no hits"),
    ):
        options = GenerateOptions(cues=sheet(tmp_path, text))
        with pytest.raises(ConfigError, match=says) as refused:
            make_job(film, tmp_path / "o.mkv", options, deaf)
        assert refused.value.path == path


def stems_of(film, folder, path, *prompts, model=None, **more):
    options = GenerateOptions(seed=7, cues=path, mix=MixOptions(gain_db=-30))
    form = StemFormat(bits="32f")
    asked = StemOptions(prompts=prompts, form=form, generate=options, **more)
    return make_stems(film, folder, asked, handle(model or FakeModel()))


def test_stems_of_a_sheet_are_one_of_each_prompt(film, tmp_path):
    text = SHEET + '[[scene]]\nstart = 5.5\nprompt = "rain"\n'
    model = FakeModel()
    made = stems_of(film, tmp_path / "s", sheet(tmp_path, text), model=model)
    assert [s.name for s in made.stems][:1] == ["rain"]
    # of scene 3 the picture says what is heard
    assert [s.kind for s in made.stems] == ["stem", "hits", "beds"]
    assert [[s.index for s in stem.scenes] for stem in made.stems] == [[0, 3], [2], [2]]
    found = {}
    for file in made.files:
        found[file.piece.name] = soundfile.read(file.written.path, always_2d=True)[0][:, 0]
    rain, rest, mix = found["rain"], found["hits"] + found["beds"], found["mix"]
    assert np.allclose(rain + rest, mix, atol=1e-6)
    assert not rain[96_000:264_000].any()
    assert rain[264_000:].any()
    assert not mix[96_000:192_000].any()  # muted
    assert rest[192_000:264_000].any()
    seeds = {w.key.scene: w.key.seed for w in model.seen}
    assert seeds[4000] not in (99, 7)  # the row's own seed, made the stem's
    again = stems_of(film, tmp_path / "t", sheet(tmp_path, text.replace("-6", "-12")))
    (quiet,) = [f for f in again.files if f.piece.name == "rain"]
    softer = soundfile.read(quiet.written.path, always_2d=True)[0][:, 0]
    ratio = np.std(rain[4800:91_200]) / np.std(softer[4800:91_200])
    assert ratio == pytest.approx(10 ** (6 / 20), rel=0.01)
    assert np.array_equal(rain[264_000:], softer[264_000:])


def test_stems_by_words_follow_a_sheets_times(film, tmp_path):
    text = SHEET.replace('prompt = "rain"\n', "")
    path = sheet(tmp_path, text)
    made = stems_of(film, tmp_path / "s", path, "rain", "wind", per_scene=True)
    assert {(f.piece.name, f.piece.scene.index) for f in made.files} >= {("rain", 0), ("wind", 2)}
    assert not any(f.piece.scene is not None and f.piece.scene.index == 1 for f in made.files)
    with pytest.raises(ConfigError, match=r"Scene 1 of the cue sheet .* so does --prompt"):
        stems_of(film, tmp_path / "t", sheet(tmp_path), "wind")
    mute = "[[scene]]\nstart = 0\nmute = true\n"
    with pytest.raises(ConfigError, match="muted"):
        stems_of(film, tmp_path / "t", sheet(tmp_path, mute))
    alone = StemOptions(prompts=("x",), seconds=F(3), generate=GenerateOptions(cues=path))
    with pytest.raises(ConfigError, match="no scenes"):
        plan_stems(None, tmp_path / "u", alone, handle())


def test_a_model_that_does_not_guess_makes_stems_of_a_sheet_of_words(film, tmp_path):
    text = '[[scene]]\nstart = 0\nprompt = "rain"\n[[scene]]\nstart = 3\n'
    mute = FakeModel(replace(handle().variant, takes_references=False))
    with pytest.raises(ConfigError, match="does not say what it takes a picture for"):
        stems_of(film, tmp_path / "s", sheet(tmp_path, text), model=mute)
    made = stems_of(film, tmp_path / "s", sheet(tmp_path, text + "mute = true\n"), model=mute)
    assert [s.name for s in made.stems] == ["rain"]
