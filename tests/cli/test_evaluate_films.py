"""``vta evaluate FILMS`` and the blind test, as people run them; the pages in a real browser."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest
import soundfile
from chromium import chromium
from commands import Said, vta
from fakes import find
from media_factory import film
from tiny_encoders import tiny_imagebind

from vtacli.cli.main import main
from vtacli.evaluation.films.binding import NOT_BOUND, Binder
from vtacli.evaluation.films.reading import made_sound, own_sound
from vtacli.media.probe import probe


def here(*arguments) -> Said:
    """The command in this process: what it imports is imported once."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(a) for a in arguments], find_model=find)
    return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(0)
    for name in ("films", "ours", "theirs", "hits"):
        (folder / name).mkdir()
    for number, name in enumerate(("zebra", "okapi & gnu", "silent gnu")):
        film(folder / "films" / f"{name}.mp4", seconds=1.5 + 0.2 * number, sound=number < 2)
        for system in ("ours", "theirs"):
            wave = rng.normal(0, 0.02, 24_000).astype(np.float32)
            wave[8_000:8_400] += 0.5
            soundfile.write(folder / system / f"{name}.wav", wave, 16_000)
    (folder / "hits" / "zebra.csv").write_text("0\n0.5\n")
    (folder / "captions.csv").write_text("film,caption\nzebra.mp4,noise\nsilent gnu,a click\n")
    return folder


def evaluate(place, *more, out="out"):
    return here(
        "evaluate", place / "films", "--hits", place / "hits", "--captions",
        place / "captions.csv", "--flow-side", 90, "-o", place / out, *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(place):
    done = evaluate(place, "--generated", place / "ours", "--json")
    assert done.code == 0, done.err
    return done


def test_the_field_s_measures_of_what_was_made(run, place):
    answer = run.answer
    figures = {f["key"]: f for f in answer["figures"]}
    assert {
        "fad", "kid", "is", "kl", "embedding_distance", "av_align_vta", "av_align_paper",
        "av_align_tempotokens_2023", "av_align_tempotokens_2025", "onset_f1_hits",
        "onset_f1_true", "tags_to_words", "loudness", "true_peak", "silent_share",
    } <= set(figures)  # fmt: skip
    assert figures["fad"]["units"] == 2
    assert figures["fad"]["ceiling"]["how"] == "white noise as loud"
    assert figures["onset_f1_hits"]["value"] == 1.0
    assert figures["tags_to_words"]["units"] == 2
    assert figures["loudness"]["units"] == 3
    assert figures["loudness"]["floor"]["units"] == 2
    assert answer["few"] is True
    assert answer["listener"]["name"] == "yamnet"
    assert "short" in run.err  # 1.5 s were made for longer films

    out = place / "out"
    assert json.loads((out / "scores.json").read_text())["figures"] == answer["figures"]
    assert len((out / "table.md").read_text().splitlines()) == len(figures) + 2
    clips = list(csv.DictReader((out / "clips.csv").open()))
    assert [c["clip"] for c in clips] == ["okapi & gnu", "silent gnu", "zebra"]
    assert clips[1]["kl"] == ""
    rows = csv.DictReader((out / "figures.csv").open())
    assert [r["key"] for r in rows] == list(figures)


def test_a_second_run_says_the_same_in_other_words(run, place):
    again = evaluate(place, "--generated", place / "ours", "--csv")
    assert again.code == 0, again.err
    rows = {r["key"]: r for r in csv.DictReader(io.StringIO(again.out))}
    for figure in run.answer["figures"]:
        assert float(rows[figure["key"]]["value"]) == figure["value"]
    table = evaluate(place, "--generated", place / "ours")
    assert "FAD (yamnet)" in table.out
    assert "few clips" in table.out


def test_the_ib_score_where_imagebind_lies_on_a_shelf(run, place, tmp_path, monkeypatch):
    assert NOT_BOUND in run.answer["not_measured"]
    assert "CC-BY-NC-SA" in NOT_BOUND
    assert "ib_score" not in {f["key"] for f in run.answer["figures"]}

    folder = tiny_imagebind(tmp_path)
    more = ("--generated", place / "ours", "--weights-dir", tmp_path, "--json")
    done = evaluate(place, *more, out="bound")
    assert done.code == 0, done.err
    figure = {f["key"]: f for f in done.answer["figures"]}["ib_score"]
    assert done.answer["imagebind"]["licence"] == "CC-BY-NC-SA-4.0"
    assert NOT_BOUND not in done.answer["not_measured"]
    assert figure["units"] == 3
    assert figure["floor"]["units"] == 2  # one film is silent
    assert figure["ceiling"]["how"] == "sounds made for other films"

    # the same by hand, of the films' own order
    binder = Binder(folder)
    own, true, wrong = [], [], []
    names = ("zebra", "okapi & gnu", "silent gnu")
    footages = [probe(place / "films" / f"{n}.mp4") for n in names]
    made = [
        made_sound(place / "ours" / f"{n}.wav", f.duration_s)[0]
        for n, f in zip(names, footages, strict=True)
    ]
    for footage, sound in zip(footages, made, strict=True):
        seen = binder.picture(footage, footage.duration_s)
        own.append(cosine(seen, binder.sound(sound)))
        wrong.append(np.mean([cosine(seen, binder.sound(m)) for m in made if m is not sound]))
        if footage.audio:
            true.append(cosine(seen, binder.sound(own_sound(footage, footage.duration_s))))
    assert figure["value"] == pytest.approx(np.mean(own), abs=1e-4)
    assert figure["floor"]["value"] == pytest.approx(np.mean(true), abs=1e-4)
    assert figure["ceiling"]["value"] == pytest.approx(np.mean(wrong), abs=1e-4)
    assert np.mean(true) != pytest.approx(np.mean(own), abs=1e-3)
    assert "CC-BY-NC-SA" in (place / "bound" / "table.md").read_text()

    # what was embedded is kept: the weights are not opened again
    monkeypatch.setattr("vtacli.model.imagebind.ImageBindPair", None)
    again = evaluate(place, *more, out="bound")
    assert again.answer["figures"] == done.answer["figures"]
    (folder / "imagebind_huge.pth").unlink()
    assert evaluate(place, *more, out="bound").code == 5


def cosine(one, other):
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_a_model_makes_what_is_not_there(place):
    done = evaluate(place, "--model", "fake", "--tell", "captions,hits", "--json", out="made")
    assert done.code == 0, done.err
    assert done.answer["made_by"]["model"] == "fake"
    figures = {f["key"]: f for f in done.answer["figures"]}
    assert figures["onset_f1_hits"]["units"] == 1
    made = sorted((place / "made" / "generated").glob("*.wav"))
    assert len(made) == 3
    before = [m.stat().st_mtime_ns for m in made]
    assert evaluate(place, "--model", "fake", "--tell", "captions,hits", out="made").code == 0
    assert [m.stat().st_mtime_ns for m in made] == before


def test_the_page_in_a_browser(run, place):
    page = (place / "out" / "index.html").read_text()
    assert not re.search(r"https?:|@import|url\(|<link|<iframe", page)
    with chromium() as browser:
        view = browser.new_page()
        said, asked = [], []
        view.on("console", lambda m: said.append(m.text))
        view.on("pageerror", lambda e: said.append(str(e)))
        view.on("request", lambda r: asked.append(r.url))
        view.goto((place / "out" / "index.html").as_uri())
        assert view.locator("section.film").count() == 3
        assert view.locator("section.film h3").nth(0).inner_text() == "okapi & gnu"
        film_ = view.locator("section.film").first
        film_.locator("button", has_text="true").click()
        view.wait_for_function("document.querySelector('video').currentTime > 0.2")
        assert film_.locator("video").get_attribute("data-with").endswith("-true.flac")
        assert said == []
        assert all(u.startswith("file:") for u in asked)


@pytest.mark.slow
def test_a_blind_test_from_page_to_table(place, tmp_path):
    made = here(
        "evaluate", place / "films", "--generated", place / "ours", "--generated",
        place / "theirs", "--listen", "-o", tmp_path / "t", "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    assert made.answer["systems"] == ["ours", "theirs", "true sound"]
    assert made.answer["trials"] == (3 + 3 + 1) + (3 + 3 + 2)
    folder = tmp_path / "t" / "listen"
    names = [f.name for f in folder.rglob("*") if f.is_file()]
    assert len(names) == 9
    for told in ("theirs", "zebra", "okapi", "gnu"):
        assert not any(told in n for n in names)
        assert told.encode() not in b"".join(f.read_bytes() for f in folder.glob("files/*"))

    with chromium() as browser:
        view = browser.new_context(accept_downloads=True).new_page()
        failed, asked = [], []
        view.on("pageerror", lambda e: failed.append(str(e)))
        view.on("request", lambda r: asked.append(r.url))
        view.goto((folder / "index.html").as_uri())
        view.fill("#who", 'Anna, "A"')
        view.click("#begin")
        order = []
        while view.locator("#trial").is_visible():
            assert view.locator("#next").is_disabled()
            films = view.locator("video")
            order.append(films.first.get_attribute("src"))
            assert view.locator("#questions input:enabled").count() == 0  # not before it was heard
            for n in range(films.count()):
                films.nth(n).evaluate(
                    "v => new Promise(done => { v.addEventListener('ended', done);"
                    " const go = () => { v.currentTime = v.duration - 0.1; v.play(); };"
                    " v.readyState ? go() : v.addEventListener('loadedmetadata', go); })"
                )
            if films.count() == 2:
                view.check("input[value=right]")
            else:
                for question in ("quality", "meaning", "timing"):
                    view.check(f"input[name={question}][value='4']")
            view.click("#next")
        assert len(order) == made.answer["trials"]
        files = []
        for form in ("json", "csv"):
            with view.expect_download() as download:
                view.click(f"#save-{form}")
            files.append(tmp_path / f"answers.{form}")
            download.value.save_as(files[-1])
        # who comes back finds what was answered
        view.reload()
        view.fill("#who", 'Anna, "A"')
        assert "31 answers" in view.locator("#known").inner_text()
        assert failed == []
        assert all(u.startswith(("file:", "blob:")) for u in asked)

    tables = [here("evaluate", "--answers", f, "-o", tmp_path / "t", "--json") for f in files]
    assert tables[0].code == 0, tables[0].err
    assert tables[0].answer == tables[1].answer
    answer = tables[0].answer
    assert answer["listeners"] == 1
    assert answer["answers"] == answer["expected"] == 31
    assert {o["value"] for o in answer["opinions"]} == {4.0}
    assert sum(p["one_wins"] + p["other_wins"] for p in answer["preferences"]) == 7
    text = vta("evaluate", "--answers", files[0], "-o", tmp_path / "t")
    assert "p (Holm)" in text.out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["nowhere"], "no such folder"),
        (["films", "--generated", "nowhere"], "no such folder"),
        (["films", "--generated", "ours", "--generated", "theirs"], "One folder"),
        (["films", "--generated", "ours", "--tell", "captions"], "told nothing"),
        (["films", "--tell", "hits"], "no hits to tell"),
        (["films", "--tell", "jokes"], "jokes"),
        (["films", "--listen"], "nothing to listen to"),
        (["films", "--listener", "bat"], "There is no listener"),
        (["films", "--seconds", "0"], "1 to 3600"),
        (["films", "--tolerance", "2"], "tolerance"),
        (["films", "--seed", "-1"], "--seed"),
        (["films", "--json", "--csv"], "two answers"),
        (["--generated", "ours"], "folder of films"),
        (["--answers", "nowhere.json"], "key"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(place, more, said, monkeypatch, capsys):
    monkeypatch.chdir(place)
    assert main(["evaluate", *more, "--model", "fake"], find_model=find) == 2
    assert said in capsys.readouterr().err


def test_a_film_of_several_windows_is_made_whole_on_the_spot(tmp_path):
    """As long as is looked at, in several windows, with sound to its end."""
    (tmp_path / "films").mkdir()
    film(tmp_path / "films" / "long.mp4", seconds=23.0, size="64x48", sound=True)
    out = tmp_path / "out"
    more = ("--model", "fake", "--flow-side", 48, "-o", out, "--json")
    done = here("evaluate", tmp_path / "films", "--seconds", 21.5, *more)
    assert done.code == 0, done.err
    assert "short" not in done.err
    (made,) = out.rglob("long-*.wav")
    wave, rate = soundfile.read(made)
    assert len(wave) == round(21.5 * rate)
    assert np.abs(wave[-rate // 2 : -rate // 10]).max() > 1e-3
    once = made.read_bytes()
    again = here("evaluate", tmp_path / "films", "--seconds", 21.5, *more)
    assert again.code == 0
    assert made.read_bytes() == once
