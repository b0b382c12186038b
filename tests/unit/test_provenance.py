"""What a file says of its sound can be read again, by people and programs."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtacli.provenance import COMPOSITE, GENERATED, Provenance, read_note

RAIN = Provenance("vta-mini", "0.1.0", 7, "rain on a tin roof", "Apache-2.0", 8000)

texts = st.text(min_size=1, max_size=60)
sources = st.builds(
    Provenance,
    model=texts,
    version=texts,
    seed=st.integers(0, 2**63 - 1),
    prompt=st.none() | texts,
    licence=texts,
    bandwidth_hz=st.integers(1, 192_000),
    references=st.lists(texts, max_size=3).map(tuple),
    composite=st.booleans(),
)


@given(sources)
def test_a_note_is_one_line_that_is_read_again(source):
    note = source.note()
    assert len(note.splitlines()) == 1
    assert note.isprintable()
    assert read_note(note) == source
    assert read_note(f"A film of mine; seed 3\n{note}") == source


@given(sources, st.integers(0, 400))
def test_a_note_with_a_limit_is_short_ascii(source, limit):
    note = source.note(limit)
    assert len(note) <= limit
    assert note.isascii()
    assert note.isprintable()
    if len(source.note(10_000)) <= limit:
        assert read_note(note) == source


def test_a_long_prompt_is_cut_and_all_else_is_kept():
    long = Provenance("vta-mini", "0.1.0", 7, "rain " * 200, "Apache-2.0", 8000)
    note = long.note(256)
    assert 250 < len(note) <= 256
    again = read_note(note)
    assert again is not None
    assert again.prompt is not None
    assert again.prompt.startswith("rain rain")
    assert again.prompt.endswith("...")
    assert (again.seed, again.bandwidth_hz) == (7, 8000)


def test_the_words_that_people_look_for():
    assert "Generated sound" in RAIN.note()
    assert "bandwidth 8 kHz" in RAIN.note()
    assert "seed 7" in RAIN.note()
    assert '"rain on a tin roof"' in RAIN.note()
    assert "22.05 kHz" in Provenance("m", "1", 0, None, "MIT", 22_050).note()


def test_a_composite_says_so():
    assert RAIN.source_type == GENERATED
    assert RAIN.of_composite().source_type == COMPOSITE
    assert RAIN.tags()["digital_source_type"] == GENERATED
    assert RAIN.of_composite().tags()["digital_source_type"] == COMPOSITE


@given(sources)
def test_tags_are_single_lines(source):
    assert all(value.isprintable() for value in source.tags().values())
    assert read_note(source.tags()["comment"]) == source


@given(sources)
def test_xmp_is_xml_with_the_iptcs_term(source):
    packet = source.xmp()
    root = ElementTree.fromstring(packet)
    term = root.find(".//{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert term is not None
    assert term.text == source.source_type
    description = root.find(".//{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li")
    assert description is not None
    assert description.text == source.note()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a film",
        "Generated sound",
        "Generated sound; model x",
        'Generated sound; prompt "unended',
    ],
)
def test_what_is_no_note_is_not_read(text):
    assert read_note(text) is None
