"""``vta evaluate`` as a person runs it, on a few small things."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from commands import FAKE, vta
from evaluation_models import write_prompts
from fakes import find
from toy_sounds import make_toy_sounds

from vtacli.cli.main import main

pytest.importorskip("pymunk")


@pytest.fixture(scope="module")
def place(tmp_path_factory, silent_film):
    folder = tmp_path_factory.mktemp("evaluation")
    make_toy_sounds(folder / "toys", 120)
    (folder / "clips").mkdir()
    shutil.copy(silent_film, folder / "clips" / "silent.mp4")
    (folder / "clips" / "notes.txt").write_text("no film")
    write_prompts(folder / "prompts.csv")
    return folder


def evaluate(folder, *more, out="out"):
    return vta(
        "evaluate", "--sounds", folder / "toys", "--clips", folder / "clips", "--quick",
        "--prompts", folder / "prompts.csv", "--films", 2, "--seeds", 2, "-o", folder / out,
        "--model", "fake", *more, program=FAKE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(place):
    return evaluate(place, "--json")


def test_everything_is_measured_and_what_falls_short_is_said(run, place):
    # noise on a black film is not silence, so a floor must fail
    assert run.code == 10, run.err
    assert "level on a static black film" in run.err.splitlines()[-1]
    answer = run.answer
    assert answer["holds"] is False
    figures = {f["key"]: f for f in answer["figures"]}
    assert {"hits_picture", "hits_written", "words", "distance_all_real", "silence"} <= set(figures)
    assert figures["silence"]["holds"] is False
    assert figures["hits_written"]["floor"] == 1.0
    assert figures["words"]["low"] is None or figures["words"]["low"] <= figures["words"]["value"]
    whole = json.loads((place / "out" / "scores.json").read_text())
    assert whole["figures"] == answer["figures"]
    assert set(whole["sections"]) == {
        "hits", "words", "distance", "parts", "speed", "silence", "likeness", "clips",
    }  # fmt: skip
    assert len(whole["sections"]["hits"]["films"]) == 2
    assert whole["sections"]["clips"]["clips"][0]["film"] == "silent.mp4"
    assert whole["machine"]["threads"] == 1
    assert whole["settings"]["seeds"] == 2
    used = whole["recordings"]["used"]["what real recordings get by the tagger"]
    assert all((place / "toys" / name).is_file() for name in used)


def test_the_page_needs_nothing_from_elsewhere(run, place):
    page = (place / "out" / "index.html").read_text()
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<link|<iframe", page)
    targets = re.findall(r'(?:src|href|data-sound|data-with)="([^"]+)"', page)
    assert len(targets) > 12
    for target in targets:
        assert (place / "out" / target).is_file(), target
    assert not re.search(r"\{[{%]", page)
    for text in ("rain", "a bell", "silent.mp4", "Told apart?"):
        assert text in page


@pytest.mark.slow
def test_a_second_run_finds_what_the_first_one_left(run, place):
    cache = place / "out" / "cache"
    before = {p.name: p.read_bytes() for p in cache.iterdir()}
    words = next(p for p in cache.iterdir() if p.name.startswith("words-"))
    words.write_bytes(words.read_bytes()[:-40])  # as if it was stopped while writing
    again = evaluate(place, "--json")
    assert again.answer["figures"] == run.answer["figures"]
    after = {p.name: p.read_bytes() for p in cache.iterdir()}
    assert set(after) == set(before)
    unchanged = {n for n in before if after[n] == before[n]}
    assert set(before) - unchanged == {words.name}


def here(*arguments):
    """The command in this process: starting torch again says nothing more."""
    return main(["evaluate", "--model", "fake", *map(str, arguments)], find_model=find)


def test_tables_for_people_and_for_cards(run, place, capsys):
    common = ["--sounds", place / "toys", "--quick", "--prompts", place / "prompts.csv"]
    common += ["--films", 2, "--seeds", 2, "-o", place / "out"]
    assert here(*common, "--only", "words,silence") == 10
    table = capsys.readouterr().out
    assert "level on a static black film" in table
    assert "hits, written" not in table
    assert here(*common, "--only", "silence", "--markdown") == 10
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].startswith("| figure | value |")
    assert {line.count("|") for line in lines} == {8}


@pytest.mark.parametrize(
    ("flags", "code", "told"),
    [
        (["--only", "hit"], 2, "Did you mean hits?"),
        (["--only", ","], 2, "no section"),
        (["--suite", "maxi"], 2, "no suite"),
        (["--json", "--markdown"], 2, "two answers"),
        (["--seeds", "0"], 2, "--seeds"),
        (["--sounds", "/nowhere"], 2, "manifest.csv"),
        (["--clips", "/nowhere"], 2, "folder of films"),
        (["--model", "absent"], 5, "no model"),
        (["--model", "fake-deaf"], 2, "words, motion and hits"),
        (["--tagger", "/nowhere"], 5, "tagger"),
        (["-o", "/proc/here"], 4, "/proc/here"),
    ],
)
def test_refusals(flags, code, told, tmp_path, capsys):
    assert here("-o", tmp_path / "o", *flags) == code
    said = capsys.readouterr().err
    assert told in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "o" / "scores.json").exists()


def test_without_recordings_the_rest_is_measured(tmp_path, capsys):
    prompts = write_prompts(tmp_path / "p.csv")
    only = ["--only", "words,distance,parts", "--quick", "--prompts", prompts, "--json"]
    assert here("-o", tmp_path / "o", *only) == 0
    said = capsys.readouterr()
    assert "Without --sounds" in said.err
    keys = {f["key"] for f in json.loads(said.out)["figures"]}
    assert keys >= {"words_rate", "words_false"}
    assert not keys & {"words", "distance_real"}
