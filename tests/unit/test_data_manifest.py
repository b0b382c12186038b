"""Manifests: every published form is read, what is written reads back; splits tear no video."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtacli.errors import ConfigError, OutputError
from vtacli.training.data.clip import SPLITS, Clip, source_of
from vtacli.training.data.manifest import read_manifest, write_manifest, write_splits
from vtacli.training.data.splits import place_of, split_of, splits


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def clip(name: str, **more) -> Clip:
    given = {"film": Path(f"/films/{name}.mp4"), "sound": None, "caption": None}
    times = {"start_s": Fraction(0), "end_s": None, "source": source_of(name)}
    return Clip(**{"id": name, **given, **times, **more})


def test_the_published_form(tmp_path: Path) -> None:
    """Keys of VTA-LDM's README; feature_file is left aside, relative paths are the manifest's."""
    touch(tmp_path, "v/a_000030.mp4", "w/a_000030.wav", "v/b.mp4")
    lines = [
        {
            "video_path": "v/a_000030.mp4",
            "feature_file": "f/a.pt",
            "audio_file": "w/a_000030.wav",
            "description": "a dog barks",
        },
        {"video_path": "v/b.mp4", "feature_file": None, "audio_file": None, "description": None},
    ]
    file = tmp_path / "train.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    one, two = read_manifest(file)
    assert one.film == tmp_path / "v/a_000030.mp4"
    assert one.sound == tmp_path / "w/a_000030.wav"
    assert (one.id, one.source, one.caption) == ("a_000030", "a", "a dog barks")
    assert (two.sound, two.caption, two.end_s) == (None, None, None)
    array = tmp_path / "train.json"  # the trainer's loader takes both
    array.write_text(json.dumps(lines))
    assert read_manifest(array) == [one, two]


def test_tangos_form_is_sound_and_words_alone(tmp_path: Path) -> None:
    file = tmp_path / "audiocaps.json"
    file.write_text(json.dumps({"location": "x.wav", "captions": ["rain falls", "it rains"]}))
    (found,) = read_manifest(file)
    assert found.film is None
    assert found.sound == tmp_path / "x.wav"
    assert found.caption == "rain falls"


def test_csv_with_times_and_splits(tmp_path: Path) -> None:
    file = tmp_path / "cues.csv"
    file.write_text(
        "video_path,start_s,end_s,label,split\nfilm.mov,12.5,20,door,valid\nfilm.mov,20,31/2.5,,\n"
    )
    with pytest.raises(ConfigError, match="Line 3"):
        read_manifest(file)
    file.write_text(
        "video_path,start_s,end_s,label,split\nfilm.mov,12.5,20,door,valid\nfilm.mov,20,61/2,,\n"
    )
    one, two = read_manifest(file)
    assert (one.start_s, one.end_s, one.split) == (Fraction(25, 2), Fraction(20), "validation")
    assert (two.end_s, two.caption, two.split) == (Fraction(61, 2), None, None)
    assert one.id != two.id
    assert one.source == two.source == "film"


def test_vggsound_as_published_against_a_folder(tmp_path: Path) -> None:
    """No header; labels with commas are quoted; clips are called ID_000030, or are whole videos."""
    clips = tmp_path / "video"
    touch(clips, "---g-f_I2yQ_000001.mp4", "whole.mp4", "ms_30000_40000.mp4")
    file = tmp_path / "vggsound.csv"
    file.write_text(
        "---g-f_I2yQ,1,people marching,test\n"
        'whole,30,"bird chirping, tweeting",train\n'
        "ms,30,rope skipping,train\n"
        "gone_away,7,zebra braying,train\n"
    )
    cut, whole, named, gone = read_manifest(file, clips)
    assert (cut.film, cut.start_s, cut.end_s) == (clips / "---g-f_I2yQ_000001.mp4", 0, None)
    assert (cut.source, cut.split, cut.caption) == ("---g-f_I2yQ", "test", "people marching")
    assert (whole.film, whole.start_s, whole.end_s) == (clips / "whole.mp4", 30, 40)
    assert whole.caption == "bird chirping, tweeting"
    assert (named.film, named.start_s) == (clips / "ms_30000_40000.mp4", 0)
    assert gone.film == clips / "gone_away_000007.mp4"
    assert not gone.film.exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="none of the clips"):
        read_manifest(file, tmp_path / "empty")


def test_a_folder_with_words_and_sounds_beside(tmp_path: Path) -> None:
    touch(tmp_path, "b.mp4", "a/x_000003.mov", "a/x_000003.wav", "lone.wav", "said.flac", ".h.mp4")
    (tmp_path / "b.txt").write_text("a  door\nslams\n")
    (tmp_path / "said.txt").write_text("wind")
    first, second, third = read_manifest(tmp_path)
    assert (first.id, first.source) == ("a/x_000003", "a/x")
    assert first.sound == tmp_path / "a/x_000003.wav"
    assert (second.id, second.caption, second.sound) == ("b", "a door slams", None)
    assert (third.id, third.film, third.caption) == ("said", None, "wind")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.jsonl", '{"video_path": "a.mp4"}\n{"video_path": \n', "Line 2 is not JSON"),
        ("a.jsonl", "[1]", "Line 1 is not an object"),
        ("a.jsonl", '{"feature_file": "a.pt"}', "Line 1 names no film but a feature_file"),
        ("a.jsonl", '{"video_path": "a.mp4"}\n\n{"video_path": "a.mp4"}', "Lines 1 and 3"),
        ("a.jsonl", '{"video_path": "a.mp4", "start_s": 3, "end_s": 3}', "before it starts"),
        ("a.jsonl", '{"video_path": "a.mp4", "split": "exam"}', "the split 'exam'"),
        ("a.jsonl", "", "lists no clip"),
        ("a.csv", "name,label\na,b\n", "no column of films"),
        ("a.csv", "x,1,dog,train\nx,one,dog,train\n", "Line 2 is not as VGGSound"),
        ("a.csv", "x,1,dog,train\nx,1,cat,train\n", "Line 2 repeats"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_manifest(tmp_path / name)


names = st.text("abcXYZ019-_ü", min_size=1, max_size=12)
times = st.fractions(0, 100)
clips = st.lists(
    st.builds(
        lambda name, caption, start, length, sound, split, film: clip(
            name,
            film=Path(f"/films/{name}.mp4") if film else None,
            sound=Path(f"/sounds/{name}.wav") if sound or not film else None,
            caption=caption,
            start_s=start,
            end_s=None if length is None else start + length,
            split=split,
        ),
        names,
        st.none() | st.text("ab, \"'\\ü\u2028\x85\n", min_size=1).map(str.strip).filter(bool),
        times,
        st.none() | st.fractions(Fraction(1, 1000), 100),
        st.booleans(),
        st.none() | st.sampled_from(SPLITS),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda c: c.id,
)


@settings(max_examples=40)
@given(clips)
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, made: list[Clip]
) -> None:
    file = tmp_path_factory.mktemp("written") / "m.jsonl"
    write_manifest(file, made)
    assert read_manifest(file) == made
    with pytest.raises(OutputError):
        write_manifest(file, made)


def test_files_beneath_a_manifest_are_named_relative_to_it(tmp_path: Path) -> None:
    touch(tmp_path, "v/a.mp4")
    write_manifest(tmp_path / "m.jsonl", [clip("a", film=tmp_path / "v/a.mp4")])
    assert json.loads((tmp_path / "m.jsonl").read_text())["video_path"] == "v/a.mp4"
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert read_manifest(moved / "m.jsonl")[0].film == moved / "v/a.mp4"


def test_sources_of_published_names() -> None:
    assert source_of("---g-f_I2yQ_000001") == "---g-f_I2yQ"
    assert source_of("abc_30000_40000") == "abc"
    assert source_of("take_12") == "take_12"
    assert source_of("abc_40000_30000") == "abc_40000_30000"


SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def test_splits_are_disjoint_by_source_and_stay() -> None:
    made = [clip(f"v{n // 3}_{n % 3:06d}") for n in range(3000)]
    found = splits(made, SHARES)
    sources = {name: {c.source for c in rows} for name, rows in found.items()}
    assert not sources["train"] & sources["validation"]
    assert not sources["train"] & sources["test"]
    assert not sources["validation"] & sources["test"]
    assert sum(map(len, found.values())) == 3000
    # 1000 sources: three standard deviations of a binomial
    assert abs(len(sources["train"]) - 800) < 3 * (1000 * 0.8 * 0.2) ** 0.5
    assert abs(len(sources["test"]) - 100) < 3 * (1000 * 0.1 * 0.9) ** 0.5
    more = splits([*made, clip("new_000001"), clip("new_000002")][::-1], SHARES)
    for name in SPLITS:
        assert {c.id for c in found[name]} <= {c.id for c in more[name]}


def test_another_word_is_another_split_and_hashes_are_for_ever() -> None:
    sources = [f"s{n}" for n in range(200)]
    assert [split_of(s, SHARES) for s in sources] != [split_of(s, SHARES, "b") for s in sources]
    # written down: nobody's split may change with a release
    assert place_of("---g-f_I2yQ") == pytest.approx(0.4269620455, abs=1e-9)


def test_what_a_list_says_is_kept_and_validation_is_taken_from_training() -> None:
    made = [clip(f"v{n}", split="test" if n % 5 == 0 else "train") for n in range(1000)]
    made.append(clip("v0_000001", source="v1", split="test"))  # torn by its list
    found = splits(made, SHARES)
    assert {c.id for c in made if c.split == "test"} <= {c.id for c in found["test"]}
    assert next(c for c in made if c.id == "v1") in found["test"]
    assert {c.split for c in found["validation"]} == {"train"}
    assert 50 < len(found["validation"]) < 130
    anew = splits(made, SHARES, keep=False)
    assert [c.id for c in anew["test"]] != [c.id for c in found["test"]]


def test_shares_that_are_none_are_refused() -> None:
    for shares in ({"train": 0.5}, {"train": 1.5, "test": -0.5}, {"exam": 1.0}):
        with pytest.raises(ConfigError):
            split_of("a", shares)
    assert {split_of(f"s{n}", {"train": 1.0}) for n in range(100)} == {"train"}


def test_lists_of_splits_have_the_published_names(tmp_path: Path) -> None:
    made = [clip(f"v{n}") for n in range(60)]
    files = write_splits(tmp_path, splits(made, SHARES))
    assert sorted(f.name for f in files.values()) == ["test.jsonl", "train.jsonl", "valid.jsonl"]
    back = [c for name in SPLITS if files[name].read_text() for c in read_manifest(files[name])]
    assert sorted(replace(c, split=None).id for c in back) == sorted(c.id for c in made)
    assert {c.split for c in read_manifest(files["train"])} == {"train"}


def test_a_caption_of_several_lines_is_one_caption(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('video_path,caption\na.mp4,"a door\nslams"\nb.mp4,"wind\u2028blows"\n')
    assert [c.caption for c in read_manifest(file)] == ["a door\nslams", "wind\u2028blows"]
