"""Names of stems: safe whatever the prompt, sorting, and never two the same."""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import replace
from fractions import Fraction
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vtacli.errors import ConfigError
from vtacli.naming import FIELDS, PRESETS, Naming, StemFacts, safe_name
from vtacli.ucs import category

EPISODE = StemFacts(
    "Chefs Table S02E02",
    "rain on a tin roof",
    take=3,
    channels=2,
    fps=Fraction(24000, 1001),
    index=1,
    stems=3,
)

texts = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            "../../etc/passwd", "/etc/passwd", "C:\\con", "con", "NUL", "com1.wav", "lpt¹",
            "..", ".", "", "a/b\\c", "line\nbreak", "\x00", "-rf", "~root", "$(rm)", "tab\there",
            "🥁" * 200, "é" * 400, "雨", "\u202egpj.exe", "a. ", "x" * 999, "\ud800",
        ]
    ),
)  # fmt: skip
ways = st.sampled_from(
    [*PRESETS, "{prompt}", "{title}{prompt}", "{scene}-{kind}.{take}", "{index} {bits}@{fps}"]
)


@st.composite
def facts(draw: st.DrawFn) -> StemFacts:
    scene = draw(st.none() | st.integers(1, 4000))
    return StemFacts(
        title=draw(texts),
        prompt=draw(texts),
        kind=draw(st.sampled_from(["stem", "hits", "beds", "mix"])),
        scene=scene,
        take=draw(st.integers(1, 120)),
        channels=draw(st.integers(1, 8)),
        rate_hz=draw(st.sampled_from([16_000, 44_100, 48_000, 96_000])),
        bits=draw(st.sampled_from(["16", "24", "32f", ""])),
        fps=draw(st.none() | st.sampled_from([Fraction(25), Fraction(30000, 1001)])),
        index=draw(st.integers(0, 300)),
        stems=300,
        scenes=4000,
    )


RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\.|$)", re.IGNORECASE)


def assert_safe(name: str) -> None:
    folder = Path("/stems")
    path = folder / f"{name}.Rss.flac"
    assert path.parent == folder
    assert path.resolve().parent == folder
    assert name
    assert name[0] not in ".- "
    assert name[-1] not in ". "
    assert not set(name) & set('<>:"/\\|?*')
    assert all(unicodedata.category(c)[0] != "C" for c in name)
    assert not RESERVED.match(unicodedata.normalize("NFKC", name))
    assert len(path.name.encode()) <= 240
    assert name == unicodedata.normalize("NFC", name)


@given(ways, facts())
def test_whatever_the_words_the_file_stays_in_its_folder(way: str, stem: StemFacts) -> None:
    assert_safe(Naming(way).name(stem))


@given(texts)
@example("con")
@example("Lpt³.x")
def test_a_name_is_made_safe_once(text: str) -> None:
    name = safe_name(text)
    if name:
        assert_safe(name)
    assert safe_name(name) in (name, f"_{name}", name.lstrip("_"))


@given(ways, st.lists(facts(), max_size=8))
def test_a_set_has_no_name_twice(way: str, stems: list[StemFacts]) -> None:
    names = Naming(way).names(stems + stems)
    keys = [unicodedata.normalize("NFKC", n.casefold()) for n in names]
    assert len(set(keys)) == len(names) == 2 * len(stems)
    for name in names:
        assert_safe(name)


def test_names_that_differ_in_capitals_alone_are_one_name() -> None:
    naming = Naming("{prompt}")
    same = [replace(EPISODE, prompt=p) for p in ("Rain", "rain", "RAIN", "ﬁre", "fire")]
    assert naming.names(same) == ["Rain", "rain_2", "RAIN_3", "ﬁre", "fire_2"]


def test_names_sort_as_the_timeline_does() -> None:
    stems = [
        replace(EPISODE, index=i, stems=120, scene=s, scenes=2000)
        for i in (1, 2, 10, 111)
        for s in (1, 9, 10, 1500)
    ]
    for way in ("plain", "{index}_{scene}"):
        names = Naming(way).names(stems)
        assert names == sorted(names)


def test_the_presets() -> None:
    assert Naming().name(EPISODE) == "Chefs-Table-S02E02_01_rain-on-a-tin-roof_t03"
    mix = replace(EPISODE, prompt="", kind="mix", index=0)
    assert Naming("netflix").name(mix) == "chefs_table_s02e02_v03_FXSTEM_2ch_48k_24b_23976"
    assert (
        Naming("netflix").name(replace(EPISODE, scene=4, scenes=12))
        == "chefs_table_s02e02_v03_FXSTEM-RainOnATinRoof-sc004_2ch_48k_24b_23976"
    )
    film = replace(mix, title="Été", channels=1, fps=Fraction(30000, 1001), bits="")
    assert Naming("netflix").name(film) == "ete_lp_v03_FXSTEM_mono_48k_2997"
    assert Naming("ucs").name(EPISODE) == "RAINMetl_Rain On A Tin Roof_VTA_ChefsTableS02E02_01 t03"
    assert Naming("ucs").name(mix).startswith("MIX_Mix_VTA_")
    assert Naming("plain").name(replace(EPISODE, prompt="雨の音", take=1)).endswith("_01_雨の音")


def test_a_ucs_name_has_five_fields_and_no_mark_within_them() -> None:
    stem = replace(EPISODE, prompt="slow_drip - in a very_long and winding cave", scene=2)
    fields = Naming("ucs").name(stem).split("_")
    assert len(fields) == 5
    assert all("-" not in f for f in fields)
    assert len(fields[1]) < 25


def test_a_template_fills_its_fields() -> None:
    stem = replace(EPISODE, scene=7, scenes=20)
    said = Naming("{title}.{scene} {prompt} {take} {channels} {rate} {bits} {fps} {index} {kind}")
    assert (
        said.name(stem) == "Chefs-Table-S02E02.s007 rain-on-a-tin-roof 03 2ch 48k 24b 23976 01 stem"
    )
    # a field without a value takes the mark before it along
    assert Naming("{title}_{scene}_{index}").name(EPISODE) == "Chefs-Table-S02E02_01"
    assert Naming("{rate}").name(replace(EPISODE, rate_hz=44_100)) == "44k1"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{titel}", "Did you mean {title}"),
        ("{promt}_{title}", "Did you mean {prompt}"),
        ("nettflix", "Did you mean netflix"),
        ("stem07", "plain, netflix, ucs"),
        ("{title.__class__}", "no field"),
        ("{title[0]}", "no field"),
        ("{title!r}", "no field"),
        ("{index:>09}", "no field"),
        ("{}", "Fields are"),
        ("{0}", "Fields are"),
        ("{title", "cannot be read"),
        ("a/{title}", "'/'"),
        ("a\\{title}", r"'\\"),
        ("..{title}", "'..'"),
        ("{title}\n", "cannot have"),
        ("C:{title}", "':'"),
        ("{title}.wav", "--format"),
        ("{{title}}", "has no field"),
    ],
)
def test_a_template_that_cannot_be_is_refused_with_advice(template: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says) if "\\" not in says else says):
        Naming(template)


def test_every_field_can_be_used_alone() -> None:
    for field in FIELDS:
        assert_safe(Naming(f"{{{field}}}").name(EPISODE))


@pytest.mark.parametrize(
    ("prompt", "catid"),
    [
        ("rain", "RAIN"),
        ("heavy rain on a window", "RAINGlas"),
        ("footsteps on gravel", "FEETHmn"),
        ("horse hooves on a road", "FEETHors"),
        ("leaves in the wind", "WINDVege"),
        ("a wooden door slams", "DOORWood"),
        ("a door creaks", "DOORCreak"),
        ("glasses shattering", "GLASBrk"),
        ("a sliding door", "DOORSlid"),
        ("a thing without a name", "FOLYMisc"),
    ],
)
def test_categories_are_guessed_from_words(prompt: str, catid: str) -> None:
    assert category(prompt) == catid


def test_where_no_word_is_known_the_kind_decides() -> None:
    assert category("", "mix") == "MIX"
    assert category("humpf", "beds") == "AMBMisc"
    assert category("humpf", "hits") == "FOLYMisc"


def test_the_table_of_categories_is_well_formed() -> None:
    rows = list(
        csv.DictReader((resources.files("vtacli") / "ucs_words.csv").open(encoding="utf-8"))
    )
    assert len({r["words"] for r in rows}) == len(rows) > 200
    # four or five capitals for the category, then the subcategory: as UCS writes them
    assert all(re.fullmatch(r"[A-Z]{2,6}([A-Z]?[a-z]+)?", r["catid"]) for r in rows)
