"""What a batch knows again, and what it calls its outputs: by content, never by name."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtacli.batch.agenda import Agenda, Policy
from vtacli.batch.content import content_of, seed_of, settings_hash, settings_of
from vtacli.batch.finding import Choice, find_films
from vtacli.batch.naming import Names
from vtacli.batch.record import JOURNAL, Record
from vtacli.batch.result import BEFORE, FAILED, FAILED_BEFORE, TO_DO
from vtacli.batch.values import Failed, Film, Made, Stamp
from vtacli.errors import ConfigError, LockHeld, MediaError
from vtacli.options import GenerateOptions, SceneOptions


def film(path: Path, text: str) -> Film:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Film(path, Path(path.name))


def make(record: Record, one: Film, output: Path, settings: str = "s") -> None:
    """As a batch does: the record first, then the name."""
    output.write_text("dubbed " + one.path.read_text())
    content = content_of(one.path)
    made = Made(1, content, Stamp.of(one.path), content_of(output), Stamp.of(output), 7, 0.1, {})
    record.add_done(made, settings, output, one.path)


def fail(record: Record, one: Film, code: int, settings: str = "s") -> None:
    failed = Failed(1, code, "bad.", content_of(one.path), Stamp.of(one.path))
    record.add_failed(failed, settings, one.path, 1, None)


def states(record, films, settings="s", policy=None):
    entries = Agenda(record, settings, policy or Policy()).entries(list(films))
    return [(e.report.state, e.report.output.name if e.report.output else None) for e in entries]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_what_is_done_is_known_by_content_whatever_it_is_called(tmp_path, out):
    a, b = film(tmp_path / "a.mp4", "one"), film(tmp_path / "b.mp4", "two")
    with Record(out) as record:
        make(record, a, out / "a.mp4")
    a.path.rename(tmp_path / "renamed.mov")
    moved = Film(tmp_path / "renamed.mov", Path("renamed.mov"))
    with Record(out) as record:
        assert states(record, [moved, b]) == [(BEFORE, "a.mp4"), (TO_DO, "b.mp4")]
        assert states(record, [moved], "other")[0][0] == TO_DO


def test_a_film_that_took_the_name_of_another_gets_a_name_of_its_own(tmp_path, out):
    a = film(tmp_path / "a.mp4", "one")
    with Record(out) as record:
        make(record, a, out / "a.mp4")
        a.path.rename(tmp_path / "old.mp4")
        new = film(tmp_path / "a.mp4", "another")
        old = Film(tmp_path / "old.mp4", Path("old.mp4"))
        assert states(record, [new, old]) == [(TO_DO, "a.dubbed.mp4"), (BEFORE, "a.mp4")]


def test_missing_and_altered_outputs_are_made_again_under_their_names(tmp_path, out):
    a, b, c = (film(tmp_path / f"{n}.mp4", n) for n in "abc")
    with Record(out) as record:
        for one in (a, b, c):
            make(record, one, out / one.path.name)
        (out / "a.mp4").unlink()
        (out / "b.mp4").write_text("dubbed x")
        os.utime(out / "c.mp4")  # another time, the same bytes
        expected = [(TO_DO, "a.mp4"), (TO_DO, "b.mp4"), (BEFORE, "c.mp4")]
        assert states(record, [a, b, c]) == expected


def test_an_alteration_that_keeps_size_and_time_is_found_by_reading(tmp_path, out):
    a = film(tmp_path / "a.mp4", "a")
    with Record(out) as record:
        make(record, a, out / "a.mp4")
        stamp = (out / "a.mp4").stat()
        (out / "a.mp4").write_text("dubbed x")
        os.utime(out / "a.mp4", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        assert states(record, [a])[0][0] == BEFORE
        assert states(record, [a], policy=Policy(verify=True))[0][0] == TO_DO


def test_twins_have_an_output_each(tmp_path, out):
    a, b = film(tmp_path / "a.mp4", "same"), film(tmp_path / "b.mp4", "same")
    with Record(out) as record:
        make(record, a, out / "a.mp4")
        assert states(record, [a, b]) == [(BEFORE, "a.mp4"), (TO_DO, "b.mp4")]


def test_what_lies_in_the_film_is_not_tried_again_until_it_changes_or_it_is_asked_for(
    tmp_path, out
):
    bad, unlucky = film(tmp_path / "bad.mp4", "bad"), film(tmp_path / "unlucky.mp4", "fine")
    with Record(out) as record:
        fail(record, bad, 3)
        fail(record, unlucky, 12)
        assert [s for s, _ in states(record, [bad, unlucky])] == [FAILED_BEFORE, TO_DO]
        assert states(record, [bad], policy=Policy(retry=1))[0][0] == TO_DO
        assert states(record, [bad], "other")[0][0] == TO_DO
        bad.path.write_text("mended")
        assert states(record, [bad])[0][0] == TO_DO


def test_a_file_that_no_batch_made_is_not_written_over(tmp_path, out):
    a = film(tmp_path / "a.mp4", "a")
    with Record(out) as record:
        (out / "a.mp4").write_text("mine")
        assert states(record, [a])[0][0] == FAILED
        assert states(record, [a], policy=Policy(overwrite=True))[0][0] == TO_DO


def test_a_record_survives_a_torn_line_and_says_what_it_cannot_read(tmp_path, out):
    a, b = film(tmp_path / "a.mp4", "a"), film(tmp_path / "b.mp4", "b")
    with Record(out) as record:
        make(record, a, out / "a.mp4")
    path = out / ".vta-batch" / JOURNAL
    lines = path.read_bytes()
    path.write_bytes(b"not a line\n" + lines + lines[: len(lines) // 2])
    with Record(out) as record:
        assert record.unreadable == 1
        make(record, b, out / "b.mp4")
        assert [s for s, _ in states(record, [a, b])] == [BEFORE, BEFORE]
    assert all(json.loads(line) for line in path.read_text().splitlines()[1:])


def test_one_batch_at_a_time_works_in_a_folder_and_leftovers_go(out):
    with Record(out) as record:
        (record.making(3, "x.mp4")).write_text("half")
        with pytest.raises(LockHeld), Record(out):
            pass
    with Record(out) as record:
        assert not list((record.folder / "making").iterdir())


def test_settings_are_what_is_heard_not_how_fast_nor_where_files_lie(tmp_path):
    def named(options, model="m"):
        return settings_hash(settings_of(options, model))

    plain = GenerateOptions()
    for same in ({"batch_size": 9}, {"device": "cpu"}, {"overwrite": True}, {"model": "other"}):
        assert named(replace(plain, **same)) == named(plain)
    others = [
        named(replace(plain, **other))
        for other in ({"prompt": "rain"}, {"seed": 3}, {"steps": 4}, {"dtype": "float16"})
    ]
    assert len({named(plain), named(plain, "n"), *others}) == 6
    first, second = tmp_path / "cuts.csv", tmp_path / "copy.csv"
    first.write_text("1\n2\n")
    second.write_text("1\n2\n")
    by_file = [named(replace(plain, scenes=SceneOptions(mode=p))) for p in (first, second)]
    assert by_file[0] == by_file[1] != named(plain)
    second.write_text("1\n3\n")
    assert named(replace(plain, scenes=SceneOptions(mode=second))) != by_file[0]


@given(st.text())
def test_a_seed_comes_from_the_content_alone(text):
    assert seed_of(text) == seed_of(text)
    assert 0 <= seed_of(text) < 2**31


names = st.sampled_from(["a", "A", "b", "a-2", "a.dubbed", "a.avi"])
suffixes = st.sampled_from([".mp4", ".MP4", ".mov", ".avi", ".mkv", ".ts"])
folders = st.sampled_from(["", "one", "two"])


@given(st.lists(st.tuples(folders, names, suffixes), unique=True, max_size=20))
def test_no_two_films_have_one_name_and_none_is_an_inputs(parts):
    films = []
    for number, (folder, name, suffix) in enumerate(parts):
        films.append(
            Film(Path(f"/in/{number % 2}/{folder}/{name}{suffix}"), Path(folder, name + suffix))
        )
    given_names = Names(Path("/in/0"))
    for one in films:
        given_names.spare(one.path)
    outputs = [given_names.of(one) for one in films]
    keys = {str(p).casefold() for p in outputs}
    assert len(keys) == len({f.path for f in films})
    assert not keys & {str(f.path).casefold() for f in films}
    assert [given_names.of(one) for one in films] == outputs
    for one, output in zip(films, outputs, strict=True):
        assert output.parent == Path("/in/0") / one.relative.parent


def test_which_files_are_films(tmp_path):
    for name in ("a.mp4", "b.MOV", "notes.md", ".hidden.mp4", "sub/c.mkv", "sub/proxy_c.mkv"):
        film(tmp_path / name, name)
    out = tmp_path / "out"
    film(out / "old.mp4", "x")

    def found(choice, *sources):
        return [f.relative.as_posix() for f in find_films(sources or (tmp_path,), choice, out)]

    assert found(Choice()) == ["a.mp4", "b.MOV"]
    assert found(Choice(recursive=True)) == ["a.mp4", "b.MOV", "sub/c.mkv", "sub/proxy_c.mkv"]
    assert found(Choice(exclude=("*PROXY*",), recursive=True))[-1] == "sub/c.mkv"
    assert found(Choice(include=("sub/*",), recursive=True)) == ["sub/c.mkv", "sub/proxy_c.mkv"]
    films = tmp_path / "list.txt"
    films.write_text("# mine\n\nb.MOV\nsub/c.mkv\nb.MOV\n")
    assert found(Choice(), films) == ["b.MOV", "c.mkv"]
    assert found(Choice(), tmp_path / "notes.md") == ["notes.md"]
    with pytest.raises(MediaError):
        found(Choice(), tmp_path / "none.mp4")
    with pytest.raises(ConfigError):
        found(Choice(include=("*.gif",)))
