"""Every container with everything that it can hold: nothing of the film changes in any mode.

What a container cannot hold is left out of its film: MXF has no chapters, languages, subtitles,
rotation or variable rate. A film of variable rate has no timecode, which counts pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from fakes import handle
from media_factory import click_wav, decoded, ffmpeg, moving_picture, tone

from vtacli.compare import MISSING, NEW, SAME, Comparison, compare
from vtacli.dub import dub
from vtacli.errors import CheckFailed, OutputError
from vtacli.media.chapters import chapters_of
from vtacli.media.mastering import hdr_metadata
from vtacli.media.mux import NewTrack, check_container, write_film
from vtacli.media.probe import probe
from vtacli.media.sound_length import pcm_samples
from vtacli.media.streams import NEW_TRACK_CODECS
from vtacli.media.verify import verify_film
from vtacli.options import GenerateOptions, MixOptions
from vtacli.timeline import samples_at

MODES = ("mix", "add", "replace")
TIMECODE = "01:00:00;02"
CLICK = 24_000
HDR = {"primaries": "bt2020", "transfer": "smpte2084", "matrix": "bt2020", "range": "limited"}
PQ = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
SCREEN = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
UNEVEN = "setpts='if(lt(N,40),N/30,40/30+(N-40)/11)/TB'"
X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
        f"log-level=error:pools=none:frame-threads=1:hdr10=1:master-display={SCREEN}"]  # fmt: skip
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2"]
VP9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-profile:v", "2",
       "-pix_fmt", "yuv420p10le"]  # fmt: skip
DNX = ["-c:v", "dnxhd", "-profile:v", "dnxhr_hqx", "-pix_fmt", "yuv422p10le"]


@dataclass(frozen=True)
class Kind:
    """How a container's film is made. ``variable``: another picture codec, for that film."""

    picture: list[str]
    sound: list[str]
    subtitles: str = ""
    variable: tuple[str, ...] = ()
    size: str = "320x180"


KINDS = {
    "mp4": Kind([*X265, "-tag:v", "hvc1"], ["-c:a", "aac"], "mov_text", tuple(X264)),
    "mov": Kind([*X265, "-tag:v", "hvc1"], ["-c:a", "pcm_s24le"], "mov_text", tuple(X264)),
    "mkv": Kind(X265, ["-c:a:0", "flac", "-c:a:1", "aac"], "srt", tuple(X264)),
    "webm": Kind(VP9, ["-c:a", "libopus"], "webvtt", tuple(VP9)),
    "mxf": Kind(DNX, ["-c:a", "pcm_s24le"], size="640x360"),
}
CASES = [(k, "hdr") for k in KINDS] + [(k, "vfr") for k in KINDS if KINDS[k].variable]


def make(folder: Path, container: str, variable: bool) -> Path:
    """3.04 s at 29.97: 10-bit HDR with timecode, or of variable rate; two languages, and subtitles,
    chapters and rotation where the container has them."""
    kind = KINDS[container]
    (folder / "s.srt").write_text("1\n00:00:00,500 --> 00:00:01,000\nHello\n")
    (folder / "c.txt").write_text(
        ";FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=3000\ntitle=Two\n"
    )
    seconds = 91 * 1001 / 30000
    inputs = [*moving_picture(seconds, "30000/1001", kind.size), *tone(seconds)]
    inputs += [*tone(seconds, 880), "-i", folder / "c.txt"]
    maps = ["-map", 0, "-map", 1, "-map", 2]
    extra: list[object] = ["-metadata:s:a:0", "language=ita", "-metadata:s:a:1", "language=fra"]
    if kind.subtitles:
        inputs += ["-i", folder / "s.srt"]
        maps += ["-map", 4]
        extra += ["-map_metadata", 3, "-map_chapters", 3, "-c:s", kind.subtitles]
    if variable:
        look = ["-vf", UNEVEN, "-fps_mode", "passthrough", "-enc_time_base", "1/1000"]
        picture = [*look, *kind.variable]
    else:
        picture = ["-vf", PQ, *kind.picture]
        extra += ["-timecode", TIMECODE]
    out = folder / f"{'vfr' if variable else 'hdr'}.{container}"
    if container == "mxf":
        ffmpeg(*inputs, *maps, *picture, *kind.sound, *extra, out)
        return out
    upright = folder / f"upright.{container}"
    ffmpeg(*inputs, *maps, *picture, *kind.sound, *extra, upright)
    label = [] if variable else ["-timecode", TIMECODE]
    ffmpeg("-display_rotation", "90", "-i", upright, "-map", 0, "-map", "-0:d", "-c", "copy",
           *label, out)  # fmt: skip
    return out


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory):
    """Films by (container, kind), each made when it is first asked for."""
    made: dict[tuple[str, str], Path] = {}

    def film(container: str, kind: str) -> Path:
        if (container, kind) not in made:
            folder = tmp_path_factory.mktemp(f"{kind}-{container}")
            made[container, kind] = make(folder, container, kind == "vfr")
        return made[container, kind]

    return film


@pytest.mark.parametrize(("container", "kind"), CASES)
def test_the_films_are_what_they_are_said_to_be(full, container: str, kind: str) -> None:
    """Else the tests below would prove nothing."""
    film = probe(full(container, kind))
    rich = container != "mxf"
    assert film.variable_rate is (kind == "vfr")
    assert film.rotation == (270 if rich else 0)
    assert film.chapters == (2 if rich else 0)
    assert [s.language for s in film.audio] == (["ita", "fra"] if rich else ["", ""])
    assert any(s.kind == "subtitle" for s in film.streams) is rich
    if kind == "hdr":
        assert film.bit_depth == 10
        assert film.colour == HDR
        assert film.start_timecode is not None
        assert film.start_timecode.text == TIMECODE


def with_click(source: Path, output: Path, mode: str, codec: str = "auto") -> Comparison:
    """``source`` with a new track that is silent but for a click, held against it."""
    footage = probe(source)
    plan = check_container(footage, output, codec, mode)
    wav = click_wav(output.with_name("new.wav"), samples_at(footage.duration_s, 48_000))
    write_film(footage, plan, [NewTrack(wav, "Foley", "eng")], output)
    found = compare(source, output)
    index = found.after.streams[plan.position].index
    sound = decoded(output, index)
    assert np.abs(sound[:, 0]).argmax() == CLICK
    assert not np.any(np.abs(sound[: CLICK - 480, 0]) > 0.05)
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("container", "kind"), CASES)
def test_nothing_of_the_film_changes(
    full, tmp_path: Path, container: str, kind: str, mode: str
) -> None:
    found = with_click(full(container, kind), tmp_path / f"out.{container}", mode)
    assert found.picture_kept
    assert found.differences == found.serious == ()
    sounds = [p for p in found.pairs if p.kind == "audio"]
    if mode == "replace":
        assert [p.state for p in sounds] == [MISSING, MISSING, NEW]
        assert not found.sound_kept
    else:
        assert [p.state for p in sounds] == [SAME, SAME, NEW]
        assert found.sound_kept
    assert {p.state for p in found.pairs if p.kind in ("video", "subtitle")} == {SAME}
    assert found.after.start_timecode == found.before.start_timecode
    assert found.after.colour == found.before.colour
    assert chapters_of(found.after.path) == chapters_of(found.before.path)


@pytest.mark.parametrize(
    ("container", "codec"),
    [(c, k) for c in KINDS for k in NEW_TRACK_CODECS["matroska" if c == "mkv" else c][1:]],
)
def test_every_other_codec_keeps_the_click_beside_a_full_film(
    full, tmp_path: Path, container: str, codec: str
) -> None:
    found = with_click(full(container, "hdr"), tmp_path / f"out.{container}", "mix", codec)
    assert found.picture_kept
    assert found.sound_kept


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("container", KINDS)
def test_a_whole_dub_leaves_the_film_as_it_was(
    full, tmp_path: Path, container: str, mode: str
) -> None:
    source, output = full(container, "hdr"), tmp_path / f"dubbed.{container}"
    dub(source, output, GenerateOptions(seed=1, mix=MixOptions(mode=mode)), handle())
    found = compare(source, output)
    assert found.picture_kept
    assert found.sound_kept is (mode != "replace")
    assert found.after.start_timecode == found.before.start_timecode


def test_hdr_metadata_that_only_the_container_holds_is_kept(full, tmp_path: Path) -> None:
    """VP9 has no place for it among its pictures."""
    source, out = tmp_path / "in.webm", tmp_path / "out.webm"
    ffmpeg("-i", full("mov", "hdr"), "-map", "0:v", "-t", 1, *VP9, source)
    graded = hdr_metadata(source, 0)
    assert graded["red x"] == pytest.approx(0.68, abs=1e-4)
    assert graded["brightest"] == pytest.approx(1000, abs=0.1)
    assert (graded["MaxCLL"], graded["MaxFALL"]) == (1000, 400)
    assert with_click(source, out, "add").picture_kept
    assert hdr_metadata(out, 0) == graded
    assert hdr_metadata(full("webm", "hdr"), 0) == {}
    # without it the very same packets are another picture
    data = out.read_bytes()
    bare = tmp_path / "bare.webm"
    at = data.index(b"\x55\xd0")  # Matroska's MasteringMetadata: its name made Void of
    size = data[at + 2] & 0x7F
    bare.write_bytes(data[:at] + bytes([0xEC, 0x80 | (size + 1), 0]) + data[at + 3 :])
    found = compare(source, bare)
    assert not found.picture_kept
    assert any("red x: none" in s for s in found.serious)


@pytest.mark.parametrize(
    ("source", "output"),
    [("mov", "mkv"), ("mov", "mp4"), ("mkv", "mp4"), ("mp4", "mov"), ("mp4", "mkv"),
     ("webm", "mkv"), ("mxf", "mov"), ("mxf", "mkv")],
)  # fmt: skip
def test_another_container_keeps_it_too(full, tmp_path: Path, source: str, output: str) -> None:
    found = with_click(full(source, "hdr"), tmp_path / f"out.{output}", "mix")
    assert found.picture_kept
    assert found.sound_kept
    assert found.after.start_timecode == found.before.start_timecode
    assert not any("hapter" in d or "imecode" in d for d in found.differences)
    changed = [p for p in found.pairs if p.kind == "subtitle" and p.state != SAME]
    converted = {source, output} == {"mkv", "mov"} or {source, output} == {"mkv", "mp4"}
    assert bool(changed) is converted


def mpeg2(path: Path, seconds: float, rate: int = 48_000) -> Path:
    picture = moving_picture(90 * 1001 / 30000, "30000/1001")
    ffmpeg(*picture, *tone(seconds, 440, rate), "-c:v", "mpeg2video", "-bf", 0, "-c:a",
           "pcm_s16le", path)  # fmt: skip
    return path


def test_mxf_takes_sound_as_long_as_the_picture(tmp_path: Path) -> None:
    source = mpeg2(tmp_path / "in.mov", 3.003)
    assert pcm_samples(source, 1) == 144_144
    found = with_click(source, tmp_path / "out.mxf", "add")
    assert found.picture_kept
    assert found.sound_kept
    # MXF divides sound by pictures, MOV does not: other packets, the same bytes
    assert [p.how for p in found.pairs if p.kind == "audio"] == ["payload", None]
    back = with_click(tmp_path / "out.mxf", tmp_path / "back.mov", "replace")
    assert back.picture_kept


@pytest.mark.parametrize(("seconds", "rate"), [(2.5, 48_000), (3.5, 48_000), (3.003, 44_100)])
def test_mxf_is_not_begun_with_sound_that_would_be_cut(
    tmp_path: Path, seconds: float, rate: int
) -> None:
    source = mpeg2(tmp_path / "in.mov", seconds, rate)
    plan = check_container(probe(source), tmp_path / "out.mxf", mode="mix")
    assert [s.index for s in plan.lost] == [1]
    assert "not exactly as long" in " ".join(plan.warnings)
    assert with_click(source, tmp_path / "out.mxf", "mix").picture_kept
    with pytest.raises(OutputError, match="exactly as long"):
        check_container(probe(source), tmp_path / "o.mxf", mode="add")


def test_mxf_says_what_it_cannot_hold(tmp_path: Path) -> None:
    plain, turned = mpeg2(tmp_path / "in.mov", 3.003), tmp_path / "turned.mov"
    ffmpeg("-display_rotation", 90, "-i", plain, "-c", "copy", turned)
    with pytest.raises(OutputError, match="turned by 270"):
        check_container(probe(turned), tmp_path / "o.mxf")
    (tmp_path / "c.txt").write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n"
    )
    ffmpeg("-i", plain, "-i", tmp_path / "c.txt", "-map", 0, "-map_chapters", 1,
           "-metadata:s:a:0", "language=ita", "-c", "copy", tmp_path / "said.mov")  # fmt: skip
    warnings = " ".join(check_container(probe(tmp_path / "said.mov"), tmp_path / "o.mxf").warnings)
    assert "chapters" in warnings
    assert "languages" in warnings


def test_a_lost_timecode_or_rotation_is_found_out_after_writing(full, tmp_path: Path) -> None:
    footage = probe(full("mov", "hdr"))
    plan = check_container(footage, tmp_path / "o.mov")
    length = samples_at(footage.duration_s, 48_000)
    out, wrong = tmp_path / "o.mov", tmp_path / "wrong.mov"
    write_film(footage, plan, [NewTrack(click_wav(tmp_path / "n.wav", length))], out)
    verify_film(footage, plan, [length], out)
    ffmpeg("-i", out, "-map", 0, "-map", "-0:d", "-c", "copy", "-timecode", "01:00:00:02",
           "-movie_timescale", 48_000, wrong)  # fmt: skip
    with pytest.raises(CheckFailed, match="starts at 01:00:00:02 instead of 01:00:00;02"):
        verify_film(footage, plan, [length], wrong)
    ffmpeg("-display_rotation", 0, "-i", out, "-map", 0, "-map", "-0:d", "-c", "copy",
           "-movie_timescale", 48_000, wrong)  # fmt: skip
    with pytest.raises(CheckFailed, match="turned by 0"):
        verify_film(footage, plan, [length], wrong)
