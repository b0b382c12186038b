"""Two films held against each other: what is the same is proved, what differs is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from media_factory import X264, ffmpeg, moving_picture, tone

from vtacli.compare import CHANGED, MISSING, NEW, SAME, compare
from vtacli.errors import MediaError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    (folder / "c.txt").write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n"
    )
    ffmpeg(*moving_picture(2), *tone(2), *tone(2, 880), "-i", folder / "c.txt", "-map", 0,
           "-map", 1, "-map", 2, "-map_metadata", 3, *X264, "-bf", 2, "-c:a", "aac",
           "-metadata:s:a:0", "language=ita", "-metadata:s:a:1", "language=fra",
           "-timecode", "10:00:00:00", folder / "a.mp4")  # fmt: skip
    return folder


def made(folder: Path, *arguments: object, suffix: str = ".mp4") -> Path:
    """A film made from ``a.mp4`` by ffmpeg."""
    out = folder / f"b{abs(hash(arguments))}{suffix}"
    ffmpeg("-i", folder / "a.mp4", *arguments, out)
    return out


KEEP = ("-map", "0:v", "-map", "0:a", "-c", "copy")


def test_a_film_is_itself(folder: Path) -> None:
    found = compare(folder / "a.mp4", folder / "a.mp4")
    assert found.picture_kept
    assert found.sound_kept
    assert found.differences == found.serious == ()
    assert [p.state for p in found.pairs] == [SAME] * 3
    assert found.to_dict()["identical"] is True


def test_streams_are_matched_by_content_in_any_order(folder: Path) -> None:
    b = made(folder, "-map", "0:a:1", "-map", "0:a:0", "-map", "0:v", "-c", "copy")
    found = compare(folder / "a.mp4", b)
    assert [(p.before.index, p.after.index) for p in found.pairs] == [(0, 2), (1, 1), (2, 0)]
    assert found.picture_kept
    assert found.sound_kept


@pytest.mark.parametrize(
    "change",
    [
        ["-c:v", "libx264", "-crf", "40"],
        ["-c:v", "mpeg4"],
    ],
)
def test_a_picture_that_was_encoded_again_is_found(folder: Path, change: list[str]) -> None:
    found = compare(folder / "a.mp4", made(folder, *KEEP, *change))
    assert not found.picture_kept
    assert found.sound_kept
    assert found.pairs[0].state == CHANGED


def test_one_flipped_bit_is_found(folder: Path, tmp_path: Path) -> None:
    """In the middle of the largest packet of the picture, then of a sound."""
    import av

    for kind in ("video", "audio"):
        with av.open(str(folder / "a.mp4")) as film:
            packets = [p for p in film.demux(getattr(film.streams, kind)[0]) if p.size]
            largest = max(packets, key=lambda p: p.size)
            at = largest.pos + largest.size // 2
        data = bytearray((folder / "a.mp4").read_bytes())
        data[at] ^= 1
        b = tmp_path / f"{kind}.mp4"
        b.write_bytes(data)
        found = compare(folder / "a.mp4", b)
        assert found.picture_kept is (kind == "audio")
        assert found.sound_kept is (kind == "video")


def test_a_track_that_moved_is_found(folder: Path, tmp_path: Path) -> None:
    b, a = tmp_path / "b.mp4", folder / "a.mp4"
    ffmpeg("-i", a, "-itsoffset", 0.1, "-i", a, "-map", "0:v", "-map", "1:a:0", "-map", "0:a:1",
           "-c", "copy", b)  # fmt: skip
    found = compare(a, b)
    assert found.picture_kept
    assert not found.sound_kept
    assert [p.state for p in found.pairs] == [SAME] * 3
    assert found.pairs[1].moved_s == pytest.approx(0.1, abs=0.002)
    assert found.pairs[2].moved_s == 0


def test_what_is_missing_new_or_encoded_again_is_told_apart(folder: Path) -> None:
    lost = compare(folder / "a.mp4", made(folder, "-map", "0:v", "-map", "0:a:1", "-c", "copy"))
    assert [(p.kind, p.state) for p in lost.pairs] == [
        ("video", SAME), ("audio", MISSING), ("audio", SAME),
    ]  # fmt: skip
    assert not lost.sound_kept
    again = compare(folder / "a.mp4", made(folder, *KEEP, "-c:a:0", "libopus", "-b:a:0", "64k"))
    assert [p.state for p in again.pairs] == [SAME, CHANGED, SAME]
    assert any("aac is now opus" in r for r in again.pairs[1].remarks)
    more = compare(folder / "a.mp4", made(folder, *KEEP, "-map", "0:a:0", "-c:a:2", "flac"))
    assert [p.state for p in more.pairs] == [SAME, SAME, SAME, NEW]
    assert more.sound_kept


def test_a_shorter_film_is_found(folder: Path) -> None:
    found = compare(folder / "a.mp4", made(folder, *KEEP, "-t", 1))
    assert not found.picture_kept
    assert not found.sound_kept
    assert any("lasts" in s for s in found.serious)


def test_how_the_picture_is_shown_counts(folder: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", 90, "-i", folder / "a.mp4", *KEEP, turned)
    found = compare(folder / "a.mp4", turned)
    assert not found.picture_kept
    assert any("turned by 270°" in s for s in found.serious)
    assert found.pairs[0].state == SAME
    wide = compare(folder / "a.mp4", made(folder, *KEEP, "-aspect", "4:3"))
    assert any("wide" in s for s in wide.serious)


def test_language_chapters_and_timecode_are_listed_and_do_not_count(folder: Path) -> None:
    b = made(folder, *KEEP, "-map_chapters", -1, "-metadata:s:a:0", "language=deu",
             "-timecode", "11:00:00:00")  # fmt: skip
    found = compare(folder / "a.mp4", b)
    assert found.picture_kept
    assert found.sound_kept
    assert "language ita is now deu" in found.pairs[1].remarks
    said = " ".join(found.differences)
    assert "Chapters: 0, not 2." in said
    assert "Start timecode: 11:00:00:00, not 10:00:00:00." in said


def test_identical_tracks_are_told_apart_by_their_language(tmp_path: Path) -> None:
    a, b = tmp_path / "a.mkv", tmp_path / "b.mkv"
    ffmpeg(*moving_picture(1), *tone(1), "-map", 0, "-map", 1, "-map", 1, *X264, "-c:a", "flac",
           "-metadata:s:a:0", "language=ita", "-metadata:s:a:1", "language=fra", a)  # fmt: skip
    ffmpeg("-i", a, "-map", "0:v", "-map", "0:a:1", "-map", "0:a:0", "-c", "copy", b)
    found = compare(a, b)
    assert [(p.before.language, p.after.language) for p in found.pairs[1:]] == [
        ("ita", "ita"), ("fra", "fra"),
    ]  # fmt: skip


def test_another_framing_is_proved_to_be_the_same(folder: Path) -> None:
    found = compare(folder / "a.mp4", made(folder, *KEEP, suffix=".ts"))
    assert found.picture_kept
    assert found.sound_kept
    assert [p.how for p in found.pairs] == ["coded"] * 3


def test_attachments_are_compared_and_do_not_count(tmp_path: Path) -> None:
    a, b = tmp_path / "a.mkv", tmp_path / "b.mkv"
    (tmp_path / "font.ttf").write_bytes(b"\0\1\0\0 not really")
    ffmpeg(*moving_picture(1), *X264, "-attach", tmp_path / "font.ttf", "-metadata:s:t",
           "mimetype=application/x-truetype-font", a)  # fmt: skip
    ffmpeg("-i", a, "-map", 0, "-c", "copy", b)
    assert [p.state for p in compare(a, b).pairs] == [SAME, SAME]
    data = a.read_bytes()
    b.write_bytes(data.replace(b"not really", b"not neatly"))
    assert [p.state for p in compare(a, b).pairs] == [SAME, CHANGED]
    ffmpeg("-i", a, "-map", "0:v", "-c", "copy", "-y", b)
    found = compare(a, b)
    assert [p.state for p in found.pairs] == [SAME, MISSING]
    assert found.picture_kept
    assert found.sound_kept


def test_what_is_no_film_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"no film at all" * 99)
    with pytest.raises(MediaError):
        compare(folder / "a.mp4", tmp_path / "x.mp4")
