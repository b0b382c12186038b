"""Dubbed films: nothing of the old film changes, the new track fits to the sample."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest
from media_factory import X264, click_wav, decoded, ffmpeg, film, moving_picture, tone

from vtacli.errors import CheckFailed, OutputError, ToolError
from vtacli.media.fingerprint import coded_hash, fingerprints
from vtacli.media.mux import NewTrack, check_container, packet_hashes, write_film
from vtacli.media.probe import Footage, probe
from vtacli.media.reordering import is_reordered
from vtacli.media.streams import NEW_TRACK_CODECS, StreamPlan
from vtacli.media.verify import verify_film
from vtacli.progress import Event, Step
from vtacli.timeline import samples_at


def dub(source: Path, output: Path, mode: str = "mix", codec: str = "auto") -> Footage:
    """``source`` with a click at sample 24 000 of a new track; the result, probed."""
    footage = probe(source)
    plan = check_container(footage, output, codec, mode)
    length = samples_at(footage.duration_s, 48_000)
    wav = click_wav(source.with_name("new.wav"), length)
    write_film(footage, plan, [NewTrack(wav, "Foley", "eng")], output)
    found = probe(output)
    assert_kept(footage, plan, output, found)
    return found


def assert_kept(footage: Footage, plan: StreamPlan, output: Path, found: Footage) -> None:
    """By another reader than the product's: payloads through PyAV, sound through ffmpeg."""
    before, after = packet_hashes(footage.path), packet_hashes(output)
    places = [i for i in range(len(plan.kept) + 1) if i != plan.position]
    for kept, place in zip(plan.kept, places, strict=True):
        if kept.copied:
            assert before[kept.info.index] == after[place], kept
    length = samples_at(footage.duration_s, 48_000)
    sound = decoded(output, found.streams[plan.position].index)
    assert np.abs(sound[:, 0]).argmax() == 24_000
    assert len(sound) == length if plan.exact else abs(len(sound) - length) < 2_400
    with av.open(str(output)) as container:
        stream = container.streams[plan.position]
        count = sum(frame.samples for frame in container.decode(stream))
    assert count == length if plan.exact else 0 <= count - length < 2_400


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """29.97 fps, B-frames, two languages, subtitles, chapters; 3.0363 s."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "s.srt").write_text("1\n00:00:00,500 --> 00:00:01,000\nHello\n")
    (folder / "c.txt").write_text(
        ";FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=3000\ntitle=Two\n"
    )
    ffmpeg(*moving_picture(91 * 1001 / 30000, "30000/1001"), *tone(3), *tone(3, 880),
           "-i", folder / "s.srt", "-i", folder / "c.txt", "-map", 0, "-map", 1, "-map", 2,
           "-map", 3, "-map_metadata", 4, "-c:v", "libx264", "-threads", 1, "-bf", 2, "-c:a", "aac",
           "-metadata:s:a:0", "language=ita", "-metadata:s:a:1", "language=fra",
           "-disposition:a:1", "comment", folder / "many.mkv")  # fmt: skip
    ffmpeg("-i", folder / "many.mkv", "-map", 0, "-c", "copy", "-c:s", "mov_text",
           "-timecode", "01:00:00;02", folder / "many.mov")  # fmt: skip
    ffmpeg("-i", folder / "many.mov", "-map", "0:v", "-map", "0:a", "-map", "0:s", "-c", "copy",
           folder / "many.mp4")  # fmt: skip
    return folder


CASES = [
    ("many.mkv", "o.mkv"), ("many.mkv", "o.mp4"), ("many.mkv", "o.mov"), ("many.mov", "o.mov"),
    ("many.mov", "o.mp4"), ("many.mov", "o.mkv"), ("many.mp4", "o.mp4"), ("many.mp4", "o.mov"),
]  # fmt: skip


@pytest.mark.parametrize("mode", ["mix", "add", "replace"])
@pytest.mark.parametrize(("source", "output"), CASES)
def test_every_stream_is_kept(
    many: Path, tmp_path: Path, source: str, output: str, mode: str
) -> None:
    found = dub(many / source, tmp_path / output, mode)
    kinds = [s.kind for s in found.streams if s.kind != "data"]
    languages = [s.language for s in found.audio]
    original = probe(many / source)
    if mode == "mix":
        assert kinds == ["video", "audio", "audio", "audio", "subtitle"]
        assert languages == ["eng", "ita", "fra"]
        assert [("default" in s.disposition) for s in found.audio] == [True, False, False]
    elif mode == "add":
        assert kinds == ["video", "audio", "audio", "audio", "subtitle"]
        assert languages == ["ita", "fra", "eng"]
        assert "default" not in found.audio[2].disposition
    else:
        assert kinds == ["video", "audio", "subtitle"]
        assert languages == ["eng"]
        assert "default" in found.audio[0].disposition
    if output.endswith("mkv"):  # MOV and MP4 have no flag for a comment
        kept = [set(s.disposition) - {"default"} for s in found.audio if s.language != "eng"]
        assert kept == [set(s.disposition) - {"default"} for s in original.audio][: len(kept)]
    assert found.chapters == 2
    if original.start_timecode and not output.endswith("mkv"):
        assert found.start_timecode == original.start_timecode
    assert abs(found.duration_s - original.duration_s) <= 0.002
    if Path(source).suffix == Path(output).suffix:
        assert found.duration_s == original.duration_s


@pytest.mark.parametrize(
    ("container", "codec"),
    [(c, k) for c, codecs in NEW_TRACK_CODECS.items() if c in ("mp4", "mov") for k in codecs]
    + [("mkv", k) for k in NEW_TRACK_CODECS["matroska"]],
)
def test_every_codec_that_is_offered_fits(tmp_path: Path, container: str, codec: str) -> None:
    source = film(tmp_path / f"in.{container}", 2, "24000/1001")
    dub(source, tmp_path / f"out.{container}", "mix", codec)


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska", "webm", "mxf"])
def test_the_default_codec_is_exact(container: str) -> None:
    from vtacli.media.streams import CODECS

    assert container in CODECS[NEW_TRACK_CODECS[container][0]].exact_in


def test_webm(tmp_path: Path) -> None:
    source = tmp_path / "in.webm"
    ffmpeg(*moving_picture(2), *tone(2), "-c:v", "libvpx-vp9", "-cpu-used", 8, "-deadline",
           "realtime", "-c:a", "libopus", source)  # fmt: skip
    for mode in ("mix", "add", "replace"):
        dub(source, tmp_path / f"{mode}.webm", mode)


def test_mxf(tmp_path: Path) -> None:
    source = tmp_path / "in.mxf"
    ffmpeg(*moving_picture(2), *tone(2), "-c:v", "mpeg2video", "-b:v", "5M", "-c:a", "pcm_s24le",
           "-timecode", "10:00:00:00", source)  # fmt: skip
    for mode in ("mix", "add", "replace"):
        found = dub(source, tmp_path / f"{mode}.mxf", mode)
        assert found.start_timecode is not None
        assert found.start_timecode.text == "10:00:00:00"


def test_rotation_and_variable_rate_survive(tmp_path: Path) -> None:
    turned, vfr = tmp_path / "turned.mp4", tmp_path / "vfr.mp4"
    ffmpeg("-display_rotation", "90", "-i", film(tmp_path / "f.mp4", 2), "-c", "copy", turned)
    assert dub(turned, tmp_path / "o1.mp4").rotation == 270
    ffmpeg(*moving_picture(2), "-vf", r"setpts='if(lt(N,20),N/25,0.8+(N-20)/10)/TB'", "-fps_mode",
           "passthrough", *X264, "-enc_time_base", "1/1000", vfr)  # fmt: skip
    before, after = probe(vfr), dub(vfr, tmp_path / "o2.mp4")
    assert after.variable_rate
    assert after.duration_s == before.duration_s
    was, now = fingerprints(vfr)[0], fingerprints(tmp_path / "o2.mp4")[0]
    np.testing.assert_allclose(now.times_s(), was.times_s(), atol=1e-6)


@pytest.mark.parametrize("container", ["mkv", "mp4", "ts"])
def test_the_new_track_starts_with_the_picture(tmp_path: Path, container: str) -> None:
    """The film's own sound starts 0.24 s before its picture."""
    plain = film(tmp_path / "f.mp4", 2, sound=True)
    source = tmp_path / f"late.{container}"
    ffmpeg("-itsoffset", "0.24", "-i", plain, "-i", plain, "-map", "0:v", "-map", "1:a",
           "-c", "copy", source)  # fmt: skip
    footage = probe(source)
    assert 0.2 < footage.start_s - footage.container_start_s < 0.28
    out = tmp_path / ("o.mkv" if container != "mp4" else "o.mp4")
    plan = check_container(footage, out)
    length = samples_at(footage.duration_s, 48_000)
    write_film(footage, plan, [NewTrack(click_wav(tmp_path / "n.wav", length))], out)
    with av.open(str(out)) as made:
        picture = min(p.pts * p.time_base for p in made.demux(made.streams[0]) if p.size)
    with av.open(str(out)) as made:
        first = next(made.decode(made.streams[plan.position]))
    assert float(first.pts * first.time_base - picture) == pytest.approx(0, abs=0.0011)
    assert np.abs(decoded(out, plan.position)[:, 0]).argmax() == 24_000


def test_a_language_is_written_as_quicktime_knows_it(tmp_path: Path) -> None:
    source = tmp_path / "de.mkv"
    ffmpeg(*moving_picture(1), *tone(1), *X264, "-c:a", "aac", "-metadata:s:a", "language=deu",
           source)  # fmt: skip
    assert [s.language for s in dub(source, tmp_path / "o.mov", "add").audio] == ["ger", "eng"]


def test_another_framing_is_the_same_picture(tmp_path: Path) -> None:
    plain = film(tmp_path / "f.mp4", 2)
    source, out = tmp_path / "f.ts", tmp_path / "o.mp4"
    ffmpeg("-i", plain, "-c", "copy", source)
    footage = probe(source)
    plan = check_container(footage, out)
    wav = click_wav(tmp_path / "n.wav", samples_at(footage.duration_s, 48_000))
    write_film(footage, plan, [NewTrack(wav)], out)
    assert packet_hashes(source)[0] != packet_hashes(out)[0]
    assert coded_hash(source, 0) == coded_hash(out, 0)
    assert coded_hash(film(tmp_path / "g.mp4", 1), 0) != coded_hash(out, 0)


@pytest.mark.parametrize(
    ("output", "codec", "mode", "reason"),
    [
        ("o.webm", "auto", "mix", "h264 picture"),
        ("o.mov", "flac", "mix", "takes no flac"),
        ("o.mxf", "aac", "mix", "takes no aac"),
        ("o.webm", "pcm", "mix", "takes no pcm"),
        ("o.mxf", "auto", "add", "own aac sound"),
    ],
)
def test_an_impossible_pair_is_refused_before_any_work(
    many: Path, tmp_path: Path, output: str, codec: str, mode: str, reason: str
) -> None:
    with pytest.raises(OutputError, match=reason):
        check_container(probe(many / "many.mp4"), tmp_path / output, codec, mode)
    assert list(tmp_path.iterdir()) == []


def test_what_the_muxer_alone_knows_is_found_out_before_too(tmp_path: Path) -> None:
    source = film(tmp_path / "f.mp4", 1, "12")
    with pytest.raises(OutputError, match="frame rate"):
        check_container(probe(source), tmp_path / "o.mxf")


def test_b_frames_are_kept_from_a_container_that_forgets_their_times(tmp_path: Path) -> None:
    size = ["-f", "lavfi", "-t", "1", "-i", "testsrc2=s=160x90:r=25", "-c:v", "mpeg2video"]
    with_b, without = tmp_path / "b.mov", tmp_path / "plain.mov"
    ffmpeg(*size, "-bf", "2", "-g", "12", with_b)
    ffmpeg(*size, "-bf", "0", "-g", "1", without)
    assert is_reordered(with_b, 0)
    assert not is_reordered(without, 0)
    with pytest.raises(OutputError, match="B-frames"):
        check_container(probe(with_b), tmp_path / "o.mxf", mode="replace")
    assert check_container(probe(without), tmp_path / "o.mxf", mode="replace").muxer == "mxf"


def test_lost_data_is_named(tmp_path: Path, many: Path) -> None:
    assert check_container(probe(many / "many.mov"), tmp_path / "o.mov").warnings == ()
    to_mkv = check_container(probe(many / "many.mov"), tmp_path / "o.mkv")
    assert any("subrip" in w for w in to_mkv.warnings)
    source = tmp_path / "telemetry.ts"
    ffmpeg("-i", film(tmp_path / "f.mp4", 1), "-f", "data", "-i", __file__, "-map", "0:v", "-map",
           "1", "-c", "copy", "-t", "1", source)  # fmt: skip
    plan = check_container(probe(source), tmp_path / "o.mp4")
    assert [s.kind for s in plan.lost] == ["data"]
    assert any("lost" in w for w in plan.warnings)


def files_in(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


@pytest.fixture
def ready(tmp_path: Path) -> tuple[Footage, StreamPlan, NewTrack, Path]:
    footage = probe(film(tmp_path / "in.mp4", 2, sound=True))
    out = tmp_path / "out.mp4"
    wav = click_wav(tmp_path / "new.wav", samples_at(footage.duration_s, 48_000))
    return footage, check_container(footage, out), NewTrack(wav), out


@pytest.mark.parametrize("stage", ["write", "verify"])
def test_an_interrupt_leaves_nothing(
    ready: tuple[Footage, StreamPlan, NewTrack, Path], stage: str
) -> None:
    footage, plan, track, out = ready
    out.write_bytes(b"an older film")
    before = files_in(out.parent)

    def stop(event: Event) -> None:
        if isinstance(event, Step) and event.stage == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_film(footage, plan, [track], out, overwrite=True, report=stop)
    assert files_in(out.parent) == before
    assert out.read_bytes() == b"an older film"


def test_a_failure_leaves_nothing(ready: tuple[Footage, StreamPlan, NewTrack, Path]) -> None:
    footage, plan, track, out = ready
    before = files_in(out.parent)
    track.path.write_bytes(track.path.read_bytes()[:60] + b"\0" * 100)
    short = track.path.with_name("short.wav")
    click_wav(short, 40_000)
    with pytest.raises((CheckFailed, ToolError)):
        write_film(footage, plan, [NewTrack(short), NewTrack(track.path, layout="no")], out)
    assert files_in(out.parent) == before | {"short.wav"}


def test_an_output_that_appeared_meanwhile_is_not_overwritten(
    ready: tuple[Footage, StreamPlan, NewTrack, Path],
) -> None:
    footage, plan, track, out = ready

    def appear(event: Event) -> None:
        if isinstance(event, Step) and event.stage == "verify":
            out.write_bytes(b"someone else's")

    with pytest.raises(OutputError, match="exists"):
        write_film(footage, plan, [track], out, report=appear)
    assert out.read_bytes() == b"someone else's"


def test_verification_sees_what_is_wrong(
    ready: tuple[Footage, StreamPlan, NewTrack, Path], tmp_path: Path
) -> None:
    footage, plan, track, out = ready
    length = samples_at(footage.duration_s, 48_000)
    write_film(footage, plan, [track], out)
    verify_film(footage, plan, [length], out)
    with pytest.raises(CheckFailed, match="samples instead of"):
        verify_film(footage, plan, [length - 1], out)
    wrong = tmp_path / "wrong.mp4"
    ffmpeg("-i", out, "-map", 0, "-c", "copy", "-c:v", "libx264", wrong)
    with pytest.raises(CheckFailed, match="stream 0 was not copied"):
        verify_film(footage, plan, [length], wrong)
    ffmpeg("-i", out, "-map", 0, "-c", "copy", "-t", "1", wrong)
    with pytest.raises(CheckFailed):
        verify_film(footage, plan, [length], wrong)
    ffmpeg("-i", out, "-map", "0:v", "-map", "0:a:0", "-c", "copy", wrong)
    with pytest.raises(CheckFailed, match="streams were to be written"):
        verify_film(footage, plan, [length], wrong)
    ffmpeg("-i", out, "-itsoffset", "0.1", "-i", out, "-map", "0:v", "-map", "0:a:0", "-map",
           "1:a:1", "-c", "copy", wrong)  # fmt: skip
    with pytest.raises(CheckFailed, match="moved against the picture"):
        verify_film(footage, plan, [length], wrong)


def test_strange_names_are_written(
    ready: tuple[Footage, StreamPlan, NewTrack, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    footage, plan, track, out = ready
    monkeypatch.chdir(out.parent)
    for name in ("-y.mp4", "http:o.mp4", "a\nb.mp4", "🎬.mp4", "%d.mp4"):
        write_film(footage, plan, [track], name)
        assert probe(name).duration_s == footage.duration_s
    assert not any(n.startswith(".") for n in files_in(out.parent))


@pytest.mark.skipif("VTA_CLIPS" not in os.environ, reason="VTA_CLIPS names a folder of films")
def test_real_clips(tmp_path: Path) -> None:
    for path in sorted(Path(os.environ["VTA_CLIPS"]).iterdir()):
        if path.suffix not in (".mp4", ".webm", ".mov", ".mkv"):
            continue
        for mode in ("mix", "add", "replace"):
            copy = tmp_path / path.name
            copy.write_bytes(path.read_bytes())
            dub(copy, tmp_path / f"{mode}-{path.name}", mode)
