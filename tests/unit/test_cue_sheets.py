"""Cue sheets: what is written reads back equal, and what is wrong is said with its line."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction as F
from itertools import pairwise
from pathlib import Path
from re import search

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtacli.cues.reading import read_cues
from vtacli.cues.sheet import FilmFacts
from vtacli.cues.writing import text_of_cues, write_cues
from vtacli.errors import ConfigError, OutputError
from vtacli.model.guess import Guess, Seen
from vtacli.timeline import Hit, Scene, Span, tile

FORMS = ("toml", "csv", "json")
RATES = (
    F(25),
    F(24),
    F(24000, 1001),
    F(30000, 1001),
    F(60000, 1001),
    F(19001, 317),
    F(10),
    F(1, 2),
)

words = st.none() | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30
).filter(str.strip)
strengths = st.floats(0, 1, exclude_min=True)


@st.composite
def plans(draw) -> tuple[FilmFacts, tuple[Scene, ...]]:
    rate = draw(st.sampled_from(RATES))
    length = draw(st.integers(2, 9000)) / rate
    times = st.one_of(
        st.integers(0, 9000).map(lambda n: n / rate),
        st.integers(0, 10**6).map(lambda n: F(n, 1000)),
        st.fractions(0, 400, max_denominator=10**5),
    )
    spans = tile(draw(st.lists(times, max_size=5)), length, F(0))
    marks = sorted(t for t in draw(st.sets(times, max_size=6)) if t < length)
    scenes = tuple(
        Scene(
            i,
            span,
            prompt=draw(words),
            negative=draw(words),
            seed=draw(st.none() | st.integers(0, 2**63 - 1)),
            hits=tuple(Hit(t, draw(strengths)) for t in marks if span.contains(t)),
            takes=draw(st.integers(1, 999)),
            gain_db=draw(st.floats(-60, 40)),
            mute=draw(st.booleans()),
            lock=draw(st.booleans()),
        )
        for i, span in enumerate(spans)
    )
    return FilmFacts(length, rate, "a film.mp4"), scenes


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cues")


def read(path: Path, film: FilmFacts) -> tuple[Scene, ...]:
    return read_cues(path, film.duration_s, film.frame_rate, film.name).scenes


def in_file(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path


@pytest.mark.parametrize("form", FORMS)
@given(plan=plans(), drop=st.booleans())
def test_what_is_written_reads_back_equal(place, form, plan, drop):
    film, scenes = plan
    path = place / f"equal.{form}"
    write_cues(path, scenes, film, drop_frame=drop, overwrite=True)
    assert read(path, film) == scenes


def test_every_field_of_a_scene_is_written():
    """A field that a scene gets one day is written, or named here with the reason."""
    film = FilmFacts(F(10), F(25))
    plain = Scene(0, Span(F(0), F(10)))
    other = {
        "span": Span(F(1), F(10)), "prompt": "rain", "negative": "wind", "seed": 5,
        "hits": (Hit(F(2)),), "takes": 2, "gain_db": 1.0, "mute": True, "lock": True,
    }  # fmt: skip
    assert {f.name for f in fields(Scene)} - {"index"} == set(other)  # an index is its place
    for form in FORMS:
        path = Path(f"x.{form}")
        before = text_of_cues(path, [plain], film)
        for name, value in other.items():
            assert text_of_cues(path, [replace(plain, **{name: value})], film) != before, name


@pytest.mark.parametrize("label", ["01:00:00:00", "00:00:59:20", "23:59:59:00", "10:00:00;00"])
def test_labels_count_from_where_the_film_starts(tmp_path, label):
    rate = F(30000, 1001)
    film = FilmFacts(900 / rate, rate)
    scenes = tuple(
        Scene(i, s, hits=(Hit(s.start_s + 7 / rate),))
        for i, s in enumerate(tile([100 / rate, F(20)], film.duration_s, F(0)))
    )
    for form in FORMS:
        path = tmp_path / f"cues.{form}"
        write_cues(path, scenes, film, starts_at=label)
        assert read(path, film) == scenes
    if label.startswith("01"):
        assert 'start = "01:00:03:10"' in (tmp_path / "cues.toml").read_text()
        early = in_file(
            tmp_path / "e.toml", f'[film]\nstarts_at = "{label}"\n[[scene]]\nstart = "00:59:00:00"'
        )
        with pytest.raises(ConfigError, match=r"Line 4: start: .* before the film's first picture"):
            read(early, film)


FILM = FilmFacts(F(30), F(25), "street.mp4")
HEAD = '[film]\nname = "street.mp4"\nduration = 30\nframe_rate = "25"\n'


def toml(tmp_path, text, film=FILM):
    return read(in_file(tmp_path / "c.toml", text), film)


def test_a_sheet_as_a_person_writes_it(tmp_path):
    (tmp_path / "marks.txt").write_text("11.5\t11.5\tstep, left\n25.000000\t26.0\t\n")
    (tmp_path / "marks.csv").write_text("time,strength\n12.5,0.25\n00:00:11:00\n")
    scenes = toml(
        tmp_path,
        'hits_from = "marks.txt"\n' + HEAD + "[[scene]]\nstart = 0\nprompt = 'rain'\n"
        '[[scene]] # the door\nstart = "00:00:10:00"\nend = "00:00:20.5"\nhits_from = "marks.csv"\n'
        'hits = [11, "00:00:12:10@0.5", {time = 13.25, strength = 0.75}]\ngain_db = -6\n'
        "[[scene]]\nstart = 25\nmute = true\n",
    )
    assert [s.span for s in scenes] == [
        Span(F(0), F(10)), Span(F(10), F(41, 2)), Span(F(41, 2), F(25)), Span(F(25), F(30))
    ]  # fmt: skip
    assert [s.index for s in scenes] == [0, 1, 2, 3]
    assert scenes[1].hits == (
        Hit(F(11)), Hit(F(23, 2)), Hit(F(62, 5), 0.5), Hit(F(25, 2), 0.25), Hit(F(53, 4), 0.75)
    )  # fmt: skip
    assert scenes[1].gain_db == -6.0
    assert scenes[2] == Scene(2, Span(F(41, 2), F(25)))  # the gap: the film's own choices
    assert scenes[3].mute
    assert scenes[3].hits == (Hit(F(25)),)


def test_gaps_can_be_silent(tmp_path):
    scenes = toml(tmp_path, 'gaps = "silent"\n[[scene]]\nstart = 10\nend = 20\n')
    assert [s.mute for s in scenes] == [True, False, True]
    assert [s.mute for s in toml(tmp_path, "[[scene]]\nstart = 10\nend = 20\n")] == [False] * 3


def test_rounding_makes_no_scenes_of_its_own(tmp_path):
    """A last picture for an end, a rounded end, a film a frame longer than its sheet."""
    scenes = toml(
        tmp_path,
        '[[scene]]\nstart = 0.02\nend = "00:00:09:24"\n[[scene]]\nstart = 10\nend = 20.015\n'
        '[[scene]]\nstart = 20\nend = "29.99"',
    )
    assert [s.span for s in scenes] == tile([F(10), F(20)], F(30), F(0))
    longer = toml(tmp_path, "[[scene]]\nstart = 0\nend = 30.03\n")
    assert longer[0].span.end_s == 30


def test_rows_may_stand_in_any_order(tmp_path):
    scenes = toml(tmp_path, "[[scene]]\nstart = 12\nprompt = 'b'\n[[scene]]\nstart=0\nprompt='a'\n")
    assert [(s.index, s.prompt) for s in scenes] == [(0, "a"), (1, "b")]


WRONG = [
    ("[[scene]]\nstart = 0\npromt = 'x'\n", r"Line 3: .*'promt'\. Did you mean prompt\?"),
    ("[[scene]]\nstart = 0\ngain = 3\n", r"Line 3: .*Did you mean gain_db\?"),
    ("[[scene]]\nprompt = 'x'\n", r"Line 1: scene 1 has no start"),
    ("[[scene]]\nstart = 'soon'\n", r"Line 2: start: 'soon' is no time. Write seconds"),
    ("[[scene]]\nstart = '00:00:01:25'\n", r"Line 2: .*numbered 0 to 24"),
    ("[[scene]]\nstart = '00:00:01;05'\n", r"Line 2: .*no drop-frame.*00:00:01:05"),
    ("[[scene]]\nstart = -1\n", r"Line 2: start: A time is 0 or more"),
    ("[[scene]]\nstart = true\n", r"Line 2: start: a bool is no time"),
    ("[[scene]]\nstart = 30\n", r"Line 2: start: the film ends at 30.000 s"),
    ("[[scene]]\nstart = 1\n\nend = 31\n", r"Line 4: end: the film ends at 30.000 s"),
    ("[[scene]]\nstart = 2\nend = 1\n", r"Line 3: end: the scene ends before it begins"),
    (
        "[[scene]]\nstart = 0\nend = 5\n[[scene]]\nstart = 4\n",
        r"Line 5: This scene begins at 4.000 s, before the one of line 1 ends at 5.0.*Leave end",
    ),
    ("[[scene]]\nstart = 3\n[[scene]]\nstart = 3\n", r"Line 4: .* where the one of line 1 does"),
    ("[[scene]]\nstart = 0\nscene = 1\n[[scene]]\nstart = 3\nscene = 1\n", r"Line 6: There is a s"),
    ("[[scene]]\nstart = 0\nprompt = 7\n", r"Line 3: prompt is text, not a whole number"),
    ("[[scene]]\nstart = 0\nprompt = ' '\n", r"Line 3: The prompt is empty"),
    ("[[scene]]\nstart = 0\nseed = '7'\n", r"Line 3: seed is a whole number, not the text '7'"),
    ("[[scene]]\nstart = 0\nseed = -1\n", r"Line 3: seed is between 0 and"),
    ("[[scene]]\nstart = 0\ntakes = 0\n", r"Line 3: takes is between 1 and 999"),
    ("[[scene]]\nstart = 0\ntakes = true\n", r"Line 3: takes is a whole number, not true or false"),
    ("[[scene]]\nstart = 0\ngain_db = 99\n", r"Line 3: gain_db is between -60 and 40 dB"),
    ("[[scene]]\nstart = 0\ngain_db = nan\n", r"no number that can be used"),
    ("[[scene]]\nstart = 0\ngain_db = 1e99999999\n", r"no number that can be used"),
    ("[[scene]]\nstart = 0\nmute = 'yes'\n", r"Line 3: mute is true or false, not the text 'yes'"),
    ("[[scene]]\nstart = 0\nhits = 3\n", r"Line 3: hits are a list, not a whole number"),
    ("[[scene]]\nstart = 0\nhits = [1, 1.0]\n", r"Line 3: hits: there are two at 1 s"),
    ("[[scene]]\nstart = 0\nhits = ['1@2']\n", r"Line 3: hits: a strength is above 0"),
    ("[[scene]]\nstart = 0\nhits = ['1@x']\n", r"Line 3: hits: 'x' is no strength"),
    ("[[scene]]\nstart = 0\nhits = [{tim = 1}]\n", r"Line 3: hits: a hit has no 'tim'"),
    (
        "[[scene]]\nstart = 0\nend = 2\n[[scene]]\nstart = 10\nhits = [1.5]\n",
        r"Line 6: hits: 1.500 s is not in this scene.*count from the film's start",
    ),
    ("[[scene]]\nstart = 0\nhits_from = 'mark.txt'\n", r"Line 3: .*Did you mean marks.txt\?"),
    ("[[scenes]]\nstart = 0\n", r"Line 1: .*Did you mean scene\?"),
    ("[scene]\nstart = 0\n", r"Line 1: scenes are tables of an array.*\[\[scene\]\]"),
    ("[[scene]]\nstart = \n", r"Line 2: this is no TOML"),
    ("gaps = 'none'\n[[scene]]\nstart = 0\n", r"Line 1: gaps is film or silent, not 'none'"),
    ("gap = 'film'\n[[scene]]\nstart = 0\n", r"Line 1: .*Did you mean gaps\?"),
    ("version = 2\n[[scene]]\nstart = 0\n", r"Line 1: The sheet has version 2"),
    ("[film]\nlength = 3\n[[scene]]\nstart = 0\n", r"Line 2: \[film\] has no 'length'"),
    ("[film]\nframe_rate = 'x'\n[[scene]]\nstart = 0\n", r"Line 2: frame_rate is no rate"),
    (
        HEAD.replace("30", "29") + "[[scene]]\nstart=0\n",
        r"Line 3: The sheet is of street.mp4, .*29",
    ),
    (HEAD.replace('"25"', '"24"') + "[[scene]]\nstart=0\n", r"Line 4: .*has 24 frames.*has 25"),
    ("# nothing\n", r"has no scene"),
]


@pytest.mark.parametrize(("text", "says"), WRONG, ids=[w[1][:40] for w in WRONG])
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, says):
    (tmp_path / "marks.txt").write_text("1\n")
    with pytest.raises(ConfigError) as refused:
        toml(tmp_path, text)
    assert refused.value.path == tmp_path / "c.toml"
    assert search(says, str(refused.value)), refused.value


@pytest.mark.parametrize(
    ("form", "text", "says"),
    [
        ("csv", "start,prmpt\n0,x\n", r"Line 1: .*'prmpt'\. Did you mean prompt\?"),
        ("csv", "0,rain\n1,wind\n", r"Line 1: this row does not name the columns"),
        ("csv", 'start,prompt\n0,"a\nb"\n\n5,x,y\n', r"Line 5: there are more cells"),
        ("csv", "start,mute\n0,maybe\n", r"Line 2: mute: 'maybe' is neither yes nor no"),
        ("csv", "start,seed\n0,1.23E+18\n", r"Line 2: seed: 1.23E\+18 was rounded"),
        ("csv", "start,seed\n0,many\n", r"Line 2: seed is a whole number"),
        ("csv", "start,end\n0,5\n4,8\n", r"Line 3: .*before the one of line 2 ends"),
        ("csv", 'start,prompt\n0,"a"b\n', r"Line 2: this is no CSV"),
        ("csv", "start,start\n0,1\n", r"Line 1: there are two columns start"),
        ("csv", "start\n0\n#duration,40\n", r"Line 3: The sheet is of a film that is 40"),
        ("json", '{"scenes": [{"start": 0},\n{"start": 1,\n"sed": 3}]}', r"Line 3: .*mean seed\?"),
        ("json", '{"scenes": [{"start": 0},\n{"end": 1}]}', r"Line 2: scene 2 has no start"),
        ("json", '{"scenes":\n[{"start": 0,}]}', r"Line 2: this is no JSON"),
        ("json", '{"scenes": [{"start": NaN}]}', r"NaN is no number"),
        ("json", '{"scenes": [{"start": 0, "start": 1}]}', r"'start' is there twice"),
        ("json", '{"scenes": [{"start": 0, "prompt": "\\ud800"}]}', r"no character of a text"),
        ("json", "[]", r"Line 1: this is no cue sheet"),
        ("json", '{"scenes": 3}', r"Line 1: scenes are a list"),
        ("json", "[" * 100_000, r"no JSON that can be read"),
        ("yaml", "x", r"a file in .toml, .csv, .json, not .yaml"),
    ],
)
def test_so_it_is_in_csv_and_json(tmp_path, form, text, says):
    with pytest.raises(ConfigError) as refused:
        read(in_file(tmp_path / f"c.{form}", text), FILM)
    assert search(says, str(refused.value)), refused.value


def test_a_sheet_of_another_name_is_a_warning(tmp_path):
    path = in_file(tmp_path / "c.toml", HEAD + "[[scene]]\nstart = 0\n")
    assert read_cues(path, F(30), F(25), "street.mp4").warnings == ()
    assert read_cues(path, F(30), F(25)).warnings == ()
    (warning,) = read_cues(path, F(30), F(25), "road.mp4").warnings
    assert "street.mp4" in warning
    assert "road.mp4" in warning
    # a copy in another container has a rounded rate and a length within a frame
    matroska = in_file(tmp_path / "m.toml", '[film]\nduration=10.01\nframe_rate = "24000/1001"\n'
                       "[[scene]]\nstart=0\n")  # fmt: skip
    assert read_cues(matroska, F(10024, 1000), F(2398, 100)).scenes[0].span.end_s == F(10024, 1000)


AS_A_SPREADSHEET_WRITES = {
    "excel, commas": [
        "Start,End,Prompt,Gain dB,Mute,Hits,,",
        '0,"12.5","rain, hard",-6,,1.5 2@0.5,,',
        '12.5,30,"say ""no""",,TRUE,,,',
        ",,,,,,,",
        "#film,street.mp4,,,,,,",
    ],
    "excel, german": [
        "start;end;prompt;gain_db;mute;hits",
        '0;12,5;rain, hard;-6,0;;"1,5 2@0,5"',
        '12,5;30;"say ""no""";;WAHR;',
        "#film;street.mp4;;;;",
    ],
    "tabs": [
        "start\tend\tprompt\tgain_db\tmute\thits",
        "0\t12.5\train, hard\t-6\tno\t1.5 2@0.5",
        '12.5\t30\t"say ""no"""\t\tyes\t',
    ],
    "its mark said": [
        "sep=;",
        "start;end;prompt;gain_db;mute;hits",
        '0;12.5;"rain, hard";-6;;1.5, 2@0.5',
        '12.5;30;"say ""no""";;x;',
    ],
}


@pytest.mark.parametrize("how", AS_A_SPREADSHEET_WRITES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_spreadsheets_write_is_read(tmp_path, how, encoding):
    path = tmp_path / "c.csv"
    path.write_bytes("\r\n".join(AS_A_SPREADSHEET_WRITES[how]).encode(encoding))
    first, second = read(path, FILM)
    assert first == Scene(
        0, Span(F(0), F(25, 2)), "rain, hard", hits=(Hit(F(3, 2)), Hit(F(2), 0.5)), gain_db=-6.0
    )
    assert second == Scene(1, Span(F(25, 2), F(30)), 'say "no"', mute=True)


def test_words_that_begin_like_a_comment(tmp_path):
    text = "prompt,start\n#1 hit,0\nrain,10\n#film,street.mp4\n"
    first, second = read(in_file(tmp_path / "c.csv", text), FILM)
    assert (first.prompt, second.prompt) == ("#1 hit", "rain")


def test_a_written_csv_has_the_mark_that_spreadsheets_look_for(tmp_path):
    path = write_cues(tmp_path / "c.csv", [Scene(0, Span(F(0), F(30)), "Tür")], FILM)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfscene,start,end,prompt")
    latin = path.read_bytes()[3:].decode().encode("latin-1")
    path.write_bytes(latin)
    with pytest.raises(ConfigError, match=r"Line 2: this is no text in UTF-8"):
        read(path, FILM)


def test_a_person_finds_the_guess_and_what_to_do(tmp_path):
    guess = Guess((Seen("racket", 0.4, "ball hit"),), (("ball hit", 0.6),))
    path = write_cues(tmp_path / "my cues.toml", [Scene(0, Span(F(0), F(30)))], FILM, [guess])
    text = path.read_text()
    assert "vta generate street.mp4 --cues 'my cues.toml'" in text
    assert "# looks like: racket .40 -> ball hit .60" in text
    assert '# prompt = "ball hit"' in text
    assert toml(tmp_path, text.replace("# prompt =", "prompt ="))[0].prompt == "ball hit"
    for form in ("csv", "json"):
        path = write_cues(tmp_path / f"c.{form}", [Scene(0, Span(F(0), F(30)))], FILM, [guess])
        assert "racket .40 -> ball hit .60" in path.read_text()
        assert read(path, FILM)[0].prompt is None
    with pytest.raises(OutputError, match="exists"):
        write_cues(path, [Scene(0, Span(F(0), F(30)))], FILM)


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["delete", "insert", "double", "swap", "cut"]),
        st.integers(0, 10**6),
        st.integers(0, 12),
        st.text(max_size=4)
        | st.sampled_from(['"', "'", "[", "]", "{", "\n", ",", ";", "=", "@", "9" * 5000, "1e9",
                           "-1", "00:61:00:99", "[[scene]]\n", "start", "\ufeff", "nan", "\r"]),
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@given(plan=plans(), edits=EDITS)
def test_a_damaged_sheet_is_read_or_refused_and_nothing_else(place, form, plan, edits):
    film, scenes = plan
    path = place / f"damaged.{form}"
    text = text_of_cues(path, scenes, film)
    for kind, where, length, more in edits:
        at = where % (len(text) + 1)
        part = text[at : at + length]
        after = text[at + length :]
        text = {
            "delete": text[:at] + after,
            "insert": text[:at] + more + text[at:],
            "double": text[:at] + part + part + after,
            "swap": text[:at] + more + after,
            "cut": text[: at + length],
        }[kind]
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        found = read(path, film)
    except ConfigError:
        return
    assert found[0].span.start_s == 0
    assert found[-1].span.end_s == film.duration_s
    assert all(a.span.end_s == b.span.start_s for a, b in pairwise(found))
    assert [s.index for s in found] == list(range(len(found)))
    assert all(s.span.contains(h.time_s) for s in found for h in s.hits)


@given(data=st.binary(max_size=80), form=st.sampled_from(FORMS))
def test_any_bytes_are_read_or_refused(place, data, form):
    path = place / f"bytes.{form}"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        read(path, FILM)
