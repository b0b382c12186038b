"""Probing films whose every property is known."""

from __future__ import annotations

import os
import resource
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from media_factory import FFMPEG, X264, ffmpeg, film, moving_picture, tone

from vtacli.errors import MediaError
from vtacli.media.probe import Footage, probe


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one 2 s film of 60 frames at 29.97 in every container."""
    folder = tmp_path_factory.mktemp("films")
    film(folder / "a.mov", 2, "30000/1001")
    for name in ("a.mp4", "a.mkv", "a.ts", "a.mxf"):
        ffmpeg("-i", folder / "a.mov", "-c", "copy", folder / name)
    ffmpeg("-i", folder / "a.mov", "-c", "copy", "-movflags", "frag_keyframe+empty_moov",
           folder / "fragments.mp4")  # fmt: skip
    film(folder / "sound.mp4", 2, sound=True)
    return folder


@pytest.mark.parametrize("name", ["a.mov", "a.mp4", "a.mkv", "a.ts", "a.mxf", "fragments.mp4"])
def test_duration_and_rate_are_exact_in_every_container(made: Path, name: str) -> None:
    found = probe(made / name)
    assert found.duration_s == Fraction(60 * 1001, 30000)
    assert found.frame_rate == Fraction(30000, 1001)
    assert (found.frames, found.variable_rate) == (60, False)
    assert found.display_size == (320, 180)


def test_b_frames_and_edit_lists_do_not_change_the_length(tmp_path: Path) -> None:
    path = tmp_path / "b.mp4"
    ffmpeg(*moving_picture(3, "24"), "-c:v", "libx264", "-bf", "3", "-threads", "1", path)
    found = probe(path)
    assert (found.duration_s, found.start_s, found.frames) == (3, 0, 72)


def test_a_picture_that_starts_late_keeps_its_length(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    source = made / "sound.mp4"
    ffmpeg("-itsoffset", "0.2", "-i", source, "-i", source, "-map", "0:v", "-map", "1:a",
           "-c", "copy", path)  # fmt: skip
    found = probe(path)
    assert found.duration_s == 2
    assert found.start_s - found.container_start_s == pytest.approx(Fraction(1, 5), abs=0.03)


def test_a_variable_rate_is_seen_and_measured_by_time(tmp_path: Path) -> None:
    path = tmp_path / "vfr.mp4"
    times = r"setpts='if(lt(N,20),N/25,0.8+(N-20)/10)/TB'"
    ffmpeg(*moving_picture(2), "-vf", times, "-fps_mode", "passthrough", *X264,
           "-enc_time_base", "1/1000", "-video_track_timescale", "1000", path)  # fmt: skip
    found = probe(path)
    assert found.variable_rate
    assert found.frames == 50
    assert found.duration_s == pytest.approx(Fraction(38, 10), abs=0.11)
    assert found.frame_rate == Fraction(50) / found.duration_s


@pytest.mark.parametrize(("turn", "clockwise"), [(90, 270), (-90, 90), (180, 180)])
def test_rotation_and_shape(made: Path, tmp_path: Path, turn: int, clockwise: int) -> None:
    path = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", turn, "-i", made / "a.mp4", "-c", "copy", path)
    found = probe(path)
    assert found.rotation == clockwise
    assert found.display_size == ((180, 320) if clockwise != 180 else (320, 180))


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    path = tmp_path / "dv.mp4"
    ffmpeg(*moving_picture(1, "25", "360x288"), "-vf", "setsar=64/45", *X264, path)
    assert probe(path).sample_aspect == Fraction(64, 45)
    assert probe(path).display_size == (512, 288)


def test_bit_depth_and_colour(tmp_path: Path) -> None:
    path = tmp_path / "hdr.mkv"
    colours = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    ffmpeg(*moving_picture(1), "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt",
           "yuv420p10le", "-x265-params", f"log-level=error:pools=1:{colours}", path)  # fmt: skip
    found = probe(path)
    assert (found.bit_depth, found.pixel_format) == (10, "yuv420p10le")
    assert found.colour["primaries"] == "bt2020"
    assert found.colour["transfer"] == "smpte2084"


@pytest.mark.parametrize("container", ["mov", "mp4", "mxf"])
def test_drop_frame_timecode_is_kept_apart(made: Path, tmp_path: Path, container: str) -> None:
    for text, drop in (("01:00:00;02", True), ("10:00:00:02", False)):
        path = tmp_path / f"tc.{container}"
        ffmpeg("-i", made / "a.mov", "-c", "copy", "-timecode", text, path)
        found = probe(path).start_timecode
        assert found is not None
        assert (found.text, found.drop_frame) == (text, drop)


def test_every_stream_is_listed(made: Path, tmp_path: Path) -> None:
    subtitles = tmp_path / "s.srt"
    subtitles.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    path = tmp_path / "many.mkv"
    ffmpeg("-i", made / "a.mp4", *tone(2), *tone(2, 880, 44_100), "-i", subtitles,
           "-map", 0, "-map", 1, "-map", 2, "-map", 3, "-c:v", "copy", "-c:a", "flac",
           "-ac:a:1", 6, "-metadata:s:a:0", "language=deu", "-metadata:s:a:1", "title=Comment",
           "-disposition:a:1", "comment", path)  # fmt: skip
    found = probe(path)
    assert [s.kind for s in found.streams] == ["video", "audio", "audio", "subtitle"]
    first, second = found.audio
    assert (first.language, first.channels, first.rate_hz) == ("deu", 1, 48_000)
    assert (second.title, second.layout, second.rate_hz) == ("Comment", "5.1", 44_100)
    assert "comment" in second.disposition


def test_a_cover_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "song.m4v"
    ffmpeg(*tone(1), *moving_picture(1, "1"), "-map", 0, "-map", 1, "-frames:v", 1, "-c:a", "aac",
           "-c:v", "mjpeg", "-disposition:v", "attached_pic", "-f", "mp4", path)  # fmt: skip
    with pytest.raises(MediaError, match="sound only"):
        probe(path)


def bad_films(made: Path, folder: Path) -> dict[str, Path]:
    whole = (made / "sound.mp4").read_bytes()
    front = folder / "front.mp4"
    ffmpeg("-i", made / "sound.mp4", "-c", "copy", "-movflags", "+faststart", front)
    other = made / "a.ts"
    files = {
        "text": b"This is a letter.\n",
        "no_end": whole[: len(whole) // 2],
        "no_data": front.read_bytes()[: front.stat().st_size // 2],
        "no_tail": (made / "a.mkv").read_bytes()[:20_000],
        "concat": f"ffconcat version 1.0\nfile {other}\n".encode(),
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{other}\n#EXT-X-ENDLIST\n".encode(),
    }
    paths = {}
    for name, data in files.items():
        paths[name] = folder / f"{name}.mp4"
        paths[name].write_bytes(data)
    ffmpeg("-i", made / "sound.mp4", "-map", "0:a", "-c", "copy", folder / "audio.mp4")
    paths["audio"] = folder / "audio.mp4"
    return paths


def test_what_is_no_film_is_refused_with_a_sentence(made: Path, tmp_path: Path) -> None:
    for name, path in bad_films(made, tmp_path).items():
        with pytest.raises(MediaError) as refused:
            probe(path)
        told = str(refused.value)
        assert "\n" not in told, name
        assert "Traceback" not in told
        assert refused.value.path == path


def test_a_truncated_film_says_how_much_is_there(made: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"truncated: \d+%"):
        probe(bad_films(made, tmp_path)["no_data"])


def test_a_film_without_frames(tmp_path: Path) -> None:
    path = tmp_path / "none.mp4"
    subprocess.run(
        [FFMPEG, "-v", "quiet", *moving_picture(1), *X264, "-frames:v", "0", str(path)], check=False
    )
    with pytest.raises(MediaError):
        probe(path)


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_bomb_of_pixels_does_not_fill_the_memory(tmp_path: Path, container: str) -> None:
    path = tmp_path / f"bomb.{container}"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=8192x8192:r=1:d=1", *X264, path)
    assert path.stat().st_size < 200_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MediaError, match="8192×8192"):
        probe(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KB


@pytest.mark.parametrize("name", ["-f.mp4", "http:x.mp4", "a.b.mp4", "new\nline.mp4", "🎬 é.mp4"])
def test_names_that_look_like_something_else(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_bytes((made / "a.mp4").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert probe(name).frames == 60


@pytest.mark.skipif("VTA_CLIPS" not in os.environ, reason="VTA_CLIPS names a folder of films")
def test_real_clips_agree_with_their_own_packets() -> None:
    import av

    for path in sorted(Path(os.environ["VTA_CLIPS"]).iterdir()):
        if path.suffix not in (".mp4", ".webm", ".mov", ".mkv"):
            continue
        found: Footage = probe(path)
        with av.open(str(path)) as container:
            stream = container.streams[found.picture]
            packets = [p for p in container.demux(stream) if p.size]
        base = stream.time_base
        end = max((p.pts + p.duration) * base for p in packets)
        assert found.duration_s == end - min(p.pts * base for p in packets), path
        assert found.frames == len(packets), path
