"""A session's laws: the same film with it and without, one scene changed and no other, and back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import soundfile
from commands import environment
from fakes import FAKE_WITHOUT_TEXT, FakeModel, handle
from many_scenes import SCENE_S, SCENES, files_under, shared_twenty
from media_factory import decoded

from vtacli.cues.reading import read_cues
from vtacli.cues.sheet import FilmFacts
from vtacli.cues.writing import write_cues
from vtacli.dub import dub
from vtacli.errors import ConfigError, LockHeld, MediaError, OutputError
from vtacli.options import GenerateOptions, MixOptions, SceneOptions
from vtacli.progress import Note, Step
from vtacli.session.folder import JOURNAL
from vtacli.session.making import generate
from vtacli.session.redo import redo
from vtacli.session.rendering import finished_track, render
from vtacli.session.selecting import scenes_named
from vtacli.session.session import Session
from vtacli.signal.media import Audio

SAMPLES = round(SCENE_S * 48_000)


def hash_of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def twenty(tmp_path_factory):
    return shared_twenty(tmp_path_factory)


@pytest.fixture(scope="module")
def options(twenty):
    return GenerateOptions(seed=4, scenes=SceneOptions(mode=twenty[1]))


@pytest.fixture(scope="module")
def original(twenty, options, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    generate(twenty[0], folder / "out.mkv", options, handle())
    return folder


@pytest.fixture
def made(original, tmp_path):
    """A session that was just made, and its film beside it."""
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out.vta"


def with_sheet(options, sheet, **more):
    return replace(options, cues=sheet, scenes=SceneOptions(), **more)


def test_the_film_is_the_same_with_a_session_and_without(twenty, options, tmp_path):
    mix = MixOptions(loudness="-20", width=0.5)
    loud = replace(options, mix=mix, batch_size=3)
    for name, asked, takes in (("a.mkv", options, 2), ("b.mp4", loud, 1)):
        (tmp_path / "alone").mkdir(exist_ok=True)
        alone = dub(twenty[0], tmp_path / "alone" / name, asked, handle())
        kept = generate(twenty[0], tmp_path / name, replace(asked, takes=takes), handle())
        assert hash_of(alone.output) == hash_of(kept.dubbed.output) == kept.rendered.sha256
        assert kept.made == takes * SCENES
        said, also = alone.to_dict(), kept.to_dict()
        for key in set(said) - {"output", "seconds", "provenance", "scenes"}:
            assert json.dumps(said[key]) == json.dumps(also[key]), key


def test_rendering_again_gives_the_same_file_and_no_torch(made, tmp_path):
    before = hash_of(tmp_path / "out.mkv")
    code = (
        "import sys; from vtacli.cli.main import main; "
        f"code = main(['render', {str(made)!r}, '-q']); "
        "print({'torch', 'transformers', 'diffusers'} & set(sys.modules)); sys.exit(code)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.endswith("set()\n")
    assert hash_of(tmp_path / "out.mkv") == before


def test_a_take_is_exactly_as_long_as_its_scene_and_is_what_was_heard(made, tmp_path):
    whole = decoded(tmp_path / "out.mkv", 1)
    own = decoded(tmp_path / "out.mkv", 2)
    with Session.open(made) as session:
        takes = [session.take_path(n + 1, 1) for n in range(SCENES)]
    sound = [soundfile.read(p, always_2d=True)[0] for p in takes]
    assert [len(s) for s in sound] == [SAMPLES] * SCENES
    assert all(soundfile.info(p).subtype == "PCM_24" for p in takes)
    foley = np.concatenate(sound) * np.sqrt(0.5)
    assert np.abs(whole - (own + foley)).max() < 2**-22


class LoudModel(FakeModel):
    """The same, ten times as loud where it is asked to be."""

    def _sound(self, window):
        sound = super()._sound(window)
        loud = 10.0 if window.prompt == "loud" else 1.0
        return Audio(np.float32(loud) * sound.data, sound.rate_hz)


def scenes_of(path: Path, stream: int = 1) -> np.ndarray:
    """(scenes, samples, channels) of a rendered track."""
    return decoded(path, stream).reshape(SCENES, SAMPLES, -1)


@pytest.mark.parametrize("mix", [MixOptions(), MixOptions(mode="add"), MixOptions(width=1.0)])
def test_one_scene_is_redone_and_every_other_sample_stays(twenty, options, tmp_path, mix):
    output = tmp_path / "out.mkv"
    path = generate(twenty[0], output, replace(options, mix=mix), handle()).session
    stream = 2 if mix.mode == "add" else 1
    before, first = scenes_of(output, stream), hash_of(output)
    model = LoudModel()
    with Session.open(path, write=True) as session:
        takes = redo(session, [7], model=handle(model), prompt="loud")
        assert [w.prompt for w in model.seen] == ["loud"]
        assert takes[0].true_peak_dbtp > 0
        assert takes[0].scale_db > 6
        render(session)
    after = scenes_of(output, stream)
    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [n != 6 for n in range(SCENES)]
    assert np.abs(after).max() <= 0.9
    with Session.open(path, write=True) as session:
        session.undo()
        render(session)
        assert hash_of(output) == first
        assert len(session.scene(7).takes) == 2
        if mix != MixOptions():
            return
        session.pick(7, 2)
        render(session)
    assert np.array_equal(scenes_of(output, stream), after)


def test_what_all_scenes_share_is_held_until_it_is_chosen_anew(twenty, options, tmp_path):
    output, notes = tmp_path / "out.mkv", []
    asked = replace(options, mix=MixOptions(mode="replace", loudness="-23"))
    path = generate(twenty[0], output, asked, handle()).session
    before = scenes_of(output)
    with Session.open(path, write=True) as session:
        redo(session, [2, 3, 4, 5], model=handle(LoudModel()), prompt="loud")
        held = render(session, report=notes.append)
        assert held.master.gain == session.state.held[0].master
        told = [n.text for n in notes if isinstance(n, Note) and n.level == "warning"]
        assert any("--refit" in text for text in told)
        # the limiter is at work in loud scenes, and its release ends up to 1.2 s after them
        assert np.array_equal(scenes_of(output)[7:], before[7:])
        anew = render(session, refit=True)
        assert anew.master.gain < held.master.gain / 2
        assert anew.loudness.integrated_lufs == pytest.approx(-23, abs=0.2)
        session.undo()
        again = render(session)
        assert again.sha256 == held.sha256


def test_a_loud_take_yields_further_under_a_trim_that_is_held(twenty, options, tmp_path):
    # a ceiling so low that the film's own sound needs the trim
    output, notes = tmp_path / "out.mkv", []
    asked = replace(options, mix=MixOptions(ceiling_dbtp=-24.0, gain_db=-20))
    made = generate(twenty[0], output, asked, handle())
    assert made.rendered.gains.mix < 0.9
    before = scenes_of(output)
    with Session.open(made.session, write=True) as session:
        redo(session, [12], model=handle(LoudModel()), prompt="loud")
        done = render(session, report=notes.append)
        assert done.gains.mix == made.rendered.gains.mix
    after = scenes_of(output)
    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [n != 11 for n in range(SCENES)]
    assert done.loudness.true_peak_dbtp <= -24.0 + 0.01


def sheet_of(session: Session, path: Path, **changes) -> Path:
    """A cue sheet of the session's scenes, with some rows changed."""
    facts = session.facts
    rows = [s.scene for s in session.state.scenes]
    for number, change in changes.items():
        index = int(number.removeprefix("s")) - 1
        rows[index] = replace(rows[index], **change)
    write_cues(path, rows, FilmFacts(16, 25), overwrite=True)
    assert len(read_cues(path, 16, 25).scenes) == SCENES
    assert facts.frame_rate == "25"
    return path


def test_a_rerun_with_one_changed_prompt_calls_the_model_for_that_scene_alone(
    twenty, options, made, tmp_path
):
    output, model, notes = tmp_path / "out.mkv", FakeModel(), []
    with Session.open(made) as session:
        sheet = sheet_of(session, tmp_path / "cues.toml", s9={"prompt": "rain"})
    asked = with_sheet(options, sheet)
    before = scenes_of(output)
    result = generate(twenty[0], output, asked, handle(model), notes.append)
    assert [(w.prompt, w.key.scene) for w in model.seen] == [("rain", round(8 * SCENE_S * 1000))]
    assert (result.made, result.reused) == (1, SCENES - 1)
    assert any(isinstance(n, Note) and "1 take made, 19 reused" in n.text for n in notes)
    same = [np.array_equal(a, b) for a, b in zip(before, scenes_of(output), strict=True)]
    assert same == [n != 8 for n in range(SCENES)]
    # and once more: nothing is left to do, and the picture is not even decoded
    events, model = [], FakeModel()
    again = generate(twenty[0], output, asked, handle(model), events.append)
    assert again.rendered.sha256 == result.rendered.sha256
    assert not model.batches
    assert not [e for e in events if getattr(e, "stage", "") == "decode"]


class Watching(FakeModel):
    """Keeps what it was shown."""

    def _sound(self, window):
        self.shown = getattr(self, "shown", {})
        self.shown[window.key.scene, window.key.window] = window
        return super()._sound(window)


def test_what_is_made_again_is_shown_to_the_model_as_in_a_whole_pass(twenty, tmp_path):
    cuts = tmp_path / "cuts.csv"
    cuts.write_text("start\n0\n3.2\n9.6\n12\n")
    options = GenerateOptions(seed=4, scenes=SceneOptions(mode=cuts))
    whole, part = Watching(), Watching()
    path = generate(twenty[0], tmp_path / "out.mkv", options, handle(whole)).session
    events = []
    with Session.open(path, write=True) as session:
        redo(session, [2, 4], model=handle(part), report=events.append)
    assert set(part.shown) == {(3200, 0), (12000, 0)}
    for key, shown in part.shown.items():
        for name in ("data", "times_s"):
            assert np.array_equal(
                getattr(shown.frames, name), getattr(whole.shown[key].frames, name)
            )
        for name in ("values", "times_s"):
            assert np.array_equal(
                getattr(shown.motion, name), getattr(whole.shown[key].motion, name)
            )
    assert np.any(part.shown[3200, 0].motion.values)
    # two stretches were decoded, and not 400 pictures
    assert {e.total for e in events if isinstance(e, Step) and e.stage == "decode"} == {2}


def test_locked_scenes_stay_and_what_was_redone_is_kept_by_a_sheet(twenty, options, made, tmp_path):
    output, model, notes = tmp_path / "out.mkv", FakeModel(), []
    with Session.open(made, write=True) as session:
        redo(session, [3], model=handle(), prompt="dog")
        session.lock([5])
        with pytest.raises(ConfigError, match="Scene 5 is locked"):
            redo(session, [4, 5], model=handle(model))
        with pytest.raises(ConfigError, match="locked"):
            session.pick(5, 1)
        rows = [s.scene for s in session.state.scenes]
        rows[2] = replace(rows[2], prompt=None)  # as the sheet had it before the redo
        rows[4] = replace(rows[4], prompt="hail", lock=False)
        rows[5] = replace(rows[5], gain_db=-60.0)
        rows[6] = replace(rows[6], mute=True)
        write_cues(tmp_path / "cues.csv", rows, FilmFacts(16, 25))
    asked = with_sheet(options, tmp_path / "cues.csv")
    generate(twenty[0], output, asked, handle(model), notes.append)
    assert not model.seen
    assert any(isinstance(n, Note) and "Scene 5 is locked" in n.text for n in notes)
    with Session.open(made) as session:
        assert session.scene(3).take.prompt == "dog"
        assert session.scene(5).scene.lock
        foley = scenes_of(output, 1) - scenes_of(output, 2)
        levels = np.sqrt((foley**2).mean(axis=(1, 2)))
        assert levels[5] < 1e-4
        assert levels[6] == 0
        assert levels[4] > 0.01
    # the locked scene must keep its place
    other = tmp_path / "cuts.csv"
    other.write_text("start\n0\n3.3\n8\n")
    with pytest.raises(ConfigError, match="Scene 5 is locked"):
        generate(
            twenty[0],
            output,
            replace(options, scenes=SceneOptions(mode=other)),
            handle(),
        )


def test_takes_have_seeds_of_their_own_and_the_first_is_the_only_one_of_a_plain_run(
    twenty, options, made, tmp_path
):
    model = FakeModel()
    several = replace(options, takes=3)
    result = generate(twenty[0], tmp_path / "out.mkv", several, handle(model))
    assert (result.made, result.reused) == (2 * SCENES, SCENES)
    with Session.open(made) as session:
        seeds = {t.seed for s in session.state.scenes for t in s.takes}
        assert len(seeds) == 3
        assert {s.chosen for s in session.state.scenes} == {1}
        hashes = {t.sha256 for s in session.state.scenes for t in s.takes}
        assert len(hashes) == 3 * SCENES
    with Session.open(made, write=True) as session:
        redo(session, [2], model=handle(), prompt="kept")
        fresh = redo(session, [1], model=handle(), takes=2, pick=False)
        assert [t.number for t in fresh] == [4, 5]
        assert len({t.seed for t in session.scene(1).takes}) == 5
        assert session.scene(1).chosen == 1
    # more takes are more takes: what was redone and chosen stays
    generate(twenty[0], tmp_path / "out.mkv", replace(options, takes=4), handle(model))
    with Session.open(made) as session:
        assert session.scene(2).take.prompt == "kept"
        assert len(session.scene(3).takes) == 4


def test_what_is_refused_leaves_nothing(twenty, options, tmp_path):
    for output, asked, error in (
        ("out.txt", options, OutputError),
        ("out.mkv", replace(options, crossfade_s=Fraction(9)), ConfigError),
    ):
        with pytest.raises(error):
            generate(twenty[0], tmp_path / output, asked, handle())
        assert not list(tmp_path.iterdir())


def test_a_redo_that_was_broken_off_is_gone_on_with(made):
    class Breaks(FakeModel):
        def generate(self, windows, sampling, on_step=None):
            if self.batches:
                raise KeyboardInterrupt
            return super().generate(windows, sampling, on_step)

    with Session.open(made, write=True) as session:
        with pytest.raises(KeyboardInterrupt):
            redo(session, [1, 2], model=handle(Breaks()), prompt="x", batch_size=1)
        first = session.scene(1).takes[-1]
        assert first.number == 2
        assert session.scene(1).chosen == 1
    model = FakeModel()
    with Session.open(made, write=True) as session:
        takes = redo(session, [1, 2], model=handle(model), prompt="x")
        assert len(model.seen) == 1
        assert takes[0] == first
        assert [session.scene(n).chosen for n in (1, 2)] == [2, 2]


def test_what_a_crash_leaves_is_cleared_away_and_a_torn_line_is_none(made):
    clean = files_under(made)
    journal = (made / JOURNAL).read_bytes()
    folder = next((made / "takes").iterdir())
    (folder / "take-09.flac").write_bytes(b"fLaC")
    (folder / "take-02.flac.part").write_bytes(b"")
    (made / "work").mkdir()
    (made / "work" / "film.mkv").write_bytes(b"x")
    (made / "state.json.part").write_bytes(b"{")
    (made / "state.json").write_text("{")
    (made / JOURNAL).write_bytes(journal + b'{"n":99,"at":"2026')
    with Session.open(made) as session:
        count = len(session.history)
    with Session.open(made, write=True) as session:
        session.pick(1, 1)
        assert len(session.history) == count + 1
    assert files_under(made) == clean
    assert json.loads((made / "state.json").read_text())["scenes"][0]["chosen"] == 1
    lines = (made / JOURNAL).read_bytes().splitlines()
    assert len([json.loads(line) for line in lines]) == count + 1
    (made / JOURNAL).write_bytes(b"{\n" + journal)
    with pytest.raises(ConfigError, match="Line 1"), Session.open(made):
        pass


def test_history_is_complete_and_undo_goes_back_step_by_step(made):
    with Session.open(made, write=True) as session:
        first = session.state.scenes
        redo(session, [2], model=handle())
        session.lock([1, 2])
        session.lock([2], locked=False)
        session.pick(2, 1)
        for left in (4, 3, 2, 1):
            assert len(session.undo().what) > left
        assert [s.chosen for s in session.state.scenes] == [s.chosen for s in first]
        assert not any(s.scene.lock for s in session.state.scenes)
        with pytest.raises(ConfigError, match="nothing to take back"):
            session.undo()
        kinds = [e.kind for e in session.history if e.kind not in ("take", "plan")]
        assert kinds == ["made", "render", "redo", "lock", "unlock", "pick", *["undo"] * 4]
    with Session.open(made) as again:
        assert [e.to_json() for e in again.history] == [e.to_json() for e in session.history]


def test_two_processes_do_not_write_at_once(made):
    code = (
        "import sys; from vtacli.cli.main import main; "
        f"sys.exit(main(['pick', {str(made)!r}, '1', '1']))"
    )
    with Session.open(made, write=True, command="vta redo"):
        said = subprocess.run(
            [sys.executable, "-c", code], env=environment(), capture_output=True, text=True
        )
        assert said.returncode == LockHeld.exit_code
        assert "`vta redo`, process" in said.stderr
        with Session.open(made) as reading:
            assert reading.state.scenes
    assert ".holder" not in files_under(made)


def test_a_newer_form_is_refused_and_so_is_what_is_no_session(made, tmp_path):
    facts = json.loads((made / "session.json").read_text())
    (made / "session.json").write_text(json.dumps({**facts, "schema": 2, "program": "vta 9"}))
    with pytest.raises(ConfigError, match=r"newer version \(vta 9\)"), Session.open(made):
        pass
    with pytest.raises(ConfigError, match="no session here"), Session.open(tmp_path / "x.vta"):
        pass
    (tmp_path / "y.vta").mkdir()
    (tmp_path / "y.vta" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"thesis\.txt"), Session.begin(tmp_path / "y.vta", "vta"):
        pass
    assert (tmp_path / "y.vta" / "thesis.txt").exists()


def test_a_film_that_moved_is_found_again_and_another_is_refused(twenty, options, tmp_path):
    film = tmp_path / "film.mkv"
    film.write_bytes(twenty[0].read_bytes())
    path = generate(film, tmp_path / "out.mkv", options, handle()).session
    assert json.loads((path / "session.json").read_text())["film"]["path"] == "film.mkv"
    moved = tmp_path.parent / f"{tmp_path.name}-moved"
    tmp_path.rename(moved)  # the film beside the session comes along
    path = moved / path.name
    with Session.open(path, write=True) as session:
        assert render(session).output == moved / "out.mkv"
        (moved / "film.mkv").rename(moved / "other.mkv")
        with pytest.raises(MediaError, match="--film"):
            render(session)
        session.move_film(moved / "other.mkv")
        render(session)
        (moved / "other.mkv").write_bytes(twenty[0].read_bytes()[:-1] + b"!")
        with pytest.raises(MediaError, match="changed since"):
            render(session)
    moved.rename(tmp_path)


def test_only_films_that_the_session_wrote_are_replaced(twenty, options, made, tmp_path):
    with Session.open(made, write=True) as session:
        render(session)
        (tmp_path / "out.mkv").write_bytes(b"edited by hand")
        with pytest.raises(OutputError, match="exists"):
            render(session)
        assert (tmp_path / "out.mkv").read_bytes() == b"edited by hand"
        render(session, overwrite=True)
        other = render(session, tmp_path / "other.mov", mix=MixOptions(mode="replace"))
        assert other.audio == "replace"
    with pytest.raises(OutputError, match="exists"):
        dub(twenty[0], tmp_path / "out.mkv", options, handle())


def test_scenes_are_named_by_number_range_and_moment(made):
    with Session.open(made) as session:
        assert scenes_named(session, ["3", "5-7", "1,9"]) == [1, 3, 5, 6, 7, 9]
        assert scenes_named(session, ["00:00:01:00", "15.9"]) == [2, 20]
        for wrong, why in (("21", "no scene 21"), ("7-5", "wrong way"), ("x", "names no scene")):
            with pytest.raises(ConfigError, match=why):
                scenes_named(session, [wrong])
        with pytest.raises(ConfigError, match="ended"):
            scenes_named(session, ["16.5"])


def test_a_film_whose_every_scene_is_muted_is_silent_and_needs_no_model(
    twenty, options, made, tmp_path
):
    with Session.open(made) as session:
        rows = [replace(s.scene, mute=True) for s in session.state.scenes]
    write_cues(tmp_path / "mute.toml", rows, FilmFacts(16, 25))
    asked = with_sheet(options, tmp_path / "mute.toml", mix=MixOptions(mode="replace"))
    model = FakeModel()
    result = dub(twenty[0], tmp_path / "mute.mkv", asked, handle(model))
    assert not model.seen
    assert not np.any(decoded(result.output, 1))
    generate(twenty[0], tmp_path / "mutes.mkv", asked, handle(model))
    assert hash_of(tmp_path / "mutes.mkv") == hash_of(result.output)


def test_a_damaged_take_is_not_heard(made):
    with Session.open(made, write=True) as session:
        path = session.take_path(4, 1)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
        with pytest.raises(MediaError, match="Take 1 of scene 4 is gone or damaged"):
            render(session)


def test_words_for_a_model_without_words_are_refused(made):
    with (
        Session.open(made, write=True) as session,
        pytest.raises(ConfigError, match="takes no text"),
    ):
        redo(session, [1], model=handle(variant=FAKE_WITHOUT_TEXT), prompt="rain")


def test_the_finished_track_is_what_is_rendered_and_nothing_is_changed(made, tmp_path):
    before = (made / JOURNAL).read_bytes()
    with Session.open(made) as session, finished_track(session, tmp_path) as track:
        sound = np.concatenate([b.data for b in track.blocks()], axis=1)
        assert [p.gain for p in track.foley.scenes] == [1.0] * SCENES
    rendered = decoded(tmp_path / "out.mkv", 1).T
    assert np.abs(sound - rendered).max() <= 2**-23
    assert (made / JOURNAL).read_bytes() == before
