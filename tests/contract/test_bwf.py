"""Broadcast Wave as others read it: wavinfo, libsndfile and ffmpeg."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import imageio_ffmpeg
import numpy as np
import pyloudnorm
import pytest
import soundfile
from conftest import film_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from wavinfo import WavInfoReader

from vtacli.errors import CheckFailed, OutputError, StorageError
from vtacli.media.bext import Bext, bext_chunk, coding_line
from vtacli.media.bwf import BwfWriter, write_bwf
from vtacli.media.ixml import FileSet, Ixml, ixml_chunk, speaker_names, tracks_of
from vtacli.media.probe import probe
from vtacli.media.samples import SampleWriter
from vtacli.media.start_timecode import start_timecode
from vtacli.signal.media import Audio
from vtacli.timecode import Timecode

RATE = 48_000
NTSC = Fraction(30000, 1001)
MADE = datetime(2026, 2, 3, 4, 5, 6)


def noise(channels: int, samples: int, level: float = 0.1, seed: int = 0) -> NDArray[np.float32]:
    found = np.random.default_rng(seed).normal(0, level, (channels, samples))
    return np.clip(found, -1, 1).astype(np.float32)


def cut(data: NDArray[np.float32], size: int) -> Iterator[Audio]:
    for at in range(0, data.shape[1], size):
        yield Audio(np.ascontiguousarray(data[:, at : at + size]), RATE)


def write(path: Path, data: NDArray[np.float32], bits: str = "24", **more: Any) -> Path:
    given_: dict[str, Any] = {
        "rate_hz": RATE,
        "channels": data.shape[0],
        "length": data.shape[1],
        "bits": bits,
        "bext": Bext("rain", made=MADE),
        "ixml": Ixml(tracks=tracks_of("rain", "", data.shape[0])),
        "overwrite": True,
        "size": 4096,
        **more,
    }
    write_bwf(path, cut(data, given_.pop("size")), **given_)
    return path


def of_ffmpeg(path: Path, *more: str) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), *more, "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.mark.parametrize("rf64", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("bits", ["16", "24", "32f"])
def test_every_reader_gets_the_samples(
    tmp_path: Path, bits: str, channels: int, rf64: bool
) -> None:
    data = noise(channels, 10_001)
    limit = {"limit_bytes": 1000} if rf64 else {}
    path = write(tmp_path / "a.wav", data, bits, **limit)
    step = {"16": 2**-15, "24": 2**-23, "32f": 0.0}[bits]
    # half a step of rounding, and with 16 bits a step of dither on either side
    near = {"16": 1.5 * step, "24": 0.5 * step + 1e-12, "32f": 0.0}[bits]
    info = soundfile.info(path)
    assert (info.frames, info.samplerate, info.channels) == (10_001, RATE, channels)
    assert info.format == ("RF64" if rf64 else "WAV" if channels <= 2 else "WAVEX")
    assert info.subtype == {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}[bits]
    read, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert np.abs(read.T - data).max() <= near
    heard = np.frombuffer(of_ffmpeg(path, "-f", "f32le"), "<f4").reshape(-1, channels)
    assert np.array_equal(heard, read)
    known = WavInfoReader(str(path))
    assert known.fmt.channel_count == channels
    assert known.data.frame_count == 10_001
    assert known.bext.version == 2
    assert len(known.ixml.to_dict()["track_list"]) == channels


@given(st.integers(1, 5000), st.sampled_from(["16", "24", "32f"]), st.integers(1, 3))
def test_how_the_blocks_are_cut_does_not_matter(size: int, bits: str, channels: int) -> None:
    data = noise(channels, 4001)
    whole = SampleWriter(bits, channels, seed=5).bytes_of(data)
    pieces = SampleWriter(bits, channels, seed=5)
    assert b"".join(pieces.bytes_of(block.data) for block in cut(data, size)) == whole


def test_dither_makes_the_error_noise_that_does_not_know_the_sound() -> None:
    """Triangular dither of two steps: a level between two steps is kept in the mean, and the
    error's power is a quarter of a step squared whatever the level (Lipshitz, Wannamaker,
    Vanderkooy 1992)."""
    for part in (0.0, 0.25, 0.5, 0.9):
        level = np.full((1, 200_000), (7 + part) * 2.0**-15, np.float32)
        out = np.frombuffer(SampleWriter("16", 1).bytes_of(level), "<i2").astype(float)
        assert abs(out.mean() - (7 + part)) < 0.006
        assert abs(np.mean((out - (7 + part)) ** 2) - 0.25) < 0.01
    assert SampleWriter("16", 1, 1).bytes_of(level) != SampleWriter("16", 1, 2).bytes_of(level)


def test_24_bits_are_rounded_and_nothing_else() -> None:
    ramp = np.arange(-4000, 4000, dtype=np.float64) / 8
    out = SampleWriter("24", 1).bytes_of((ramp * 2.0**-23).astype(np.float32)[None])
    padded = np.zeros((8000, 4), np.uint8)
    padded[:, 1:] = np.frombuffer(out, np.uint8).reshape(-1, 3)
    assert np.array_equal(padded.view("<i4")[:, 0] >> 8, np.rint(ramp))


@pytest.mark.parametrize("bits", ["16", "24"])
def test_what_would_clip_is_counted_and_refused(tmp_path: Path, bits: str) -> None:
    data = np.zeros((1, 1000), np.float32)
    data[0, 100:107] = 1.25
    data[0, 300] = -1.0
    data[0, 301] = 1.0
    with pytest.raises(CheckFailed, match=r"7 samples .* 1\.94 dB.*") as refused:
        write(tmp_path / "a.wav", data, bits)
    assert refused.value.exit_code == 10
    assert not list(tmp_path.iterdir())
    write(tmp_path / "a.wav", data, "32f")
    assert soundfile.read(tmp_path / "a.wav", dtype="float32")[0].max() == 1.25
    data[0, 100:107] = 0.5
    write(tmp_path / "a.wav", data, "24")
    read = soundfile.read(tmp_path / "a.wav", dtype="int32")[0] >> 8
    assert (read[300], read[301]) == (-(2**23), 2**23 - 1)


def test_no_number_is_never_written(tmp_path: Path) -> None:
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match="no numbers"):
            write(tmp_path / "a.wav", np.full((1, 10), value, np.float32), "32f")
    assert not list(tmp_path.iterdir())


def test_bext_says_what_it_was_given(tmp_path: Path) -> None:
    bext = Bext(
        description="Caf\u00e9 rain " + "x" * 400,
        originator="vta with a name beyond its field's length",
        originator_reference="0123456789abcdef0123456789abcdef",
        made=MADE,
        time_reference=2**40 + 3,
        coding_history=("A=PCM,F=16000", coding_line(RATE, "24", 1, "vta, mini")),
    )
    known = WavInfoReader(str(write(tmp_path / "a.wav", noise(1, RATE), bext=bext))).bext
    assert known.description == ("Cafe rain " + "x" * 400)[:256]
    assert known.originator == "vta with a name beyond its field's length"[:32]
    assert known.originator_ref == "0123456789abcdef0123456789abcdef"
    assert (known.originator_date, known.originator_time) == ("2026-02-03", "04:05:06")
    assert known.time_reference == 2**40 + 3
    assert known.coding_history.split("\r\n") == [
        "A=PCM,F=16000",
        "A=PCM,F=48000,W=24,M=mono,T=vta; mini",
        "",
    ]
    assert known.umid == bytes(64)
    told = of_ffmpeg(tmp_path / "a.wav", "-f", "ffmetadata").decode()
    assert f"time_reference={2**40 + 3}" in told
    assert len(bext_chunk(Bext())) == 602


def test_bext_has_the_loudness_of_what_is_in_the_file(tmp_path: Path) -> None:
    seconds = 12
    data = noise(2, seconds * RATE, 0.02)
    data[:, 3 * RATE : 7 * RATE] *= 8
    data[:, 4 * RATE : 5 * RATE] *= 1.2
    data[0, 10 * RATE] = 0.99
    known = WavInfoReader(str(write(tmp_path / "a.wav", data, size=7777))).bext
    by_another = pyloudnorm.Meter(RATE).integrated_loudness(data.T.astype(float))
    assert abs(known.loudness_value - by_another) < 0.1
    assert abs(known.max_true_peak - 20 * np.log10(0.99)) < 0.3
    assert known.max_momentary_loudness > known.max_shortterm_loudness > known.loudness_value
    assert known.loudness_range > 5


def test_silence_has_no_loudness(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.zeros((1, RATE), np.float32))
    known = WavInfoReader(str(path)).bext
    unknown = 0x7FFF / 100  # EBU Tech 3285: the value is not known
    assert known.loudness_value == unknown
    assert known.max_true_peak == unknown
    assert known.max_momentary_loudness == unknown


def test_ixml_says_what_it_was_given(tmp_path: Path) -> None:
    start = Timecode.parse("01:00:00;02", NTSC)
    ixml = Ixml(
        project='Smith & "Sons" <2>',
        scene="12",
        take="3",
        tape="7",
        note="rain \x00\x07 on a roof, \u96e8 \U0001f941",
        circled=True,
        file_uid="uid",
        start=start,
        tracks=tracks_of("rain", "stereo", 2),
        file_set=FileSet("family", "rain", 2, 1),
        aswg={"contentType": "sfx"},
        user={"generator_seed": "7"},
    )
    bext = Bext(time_reference=start.samples(RATE) + 2**33)
    path = write(tmp_path / "a.wav", noise(2, 100), bext=bext, ixml=ixml)
    known = WavInfoReader(str(path)).ixml
    assert (known.project, known.scene, known.take, known.tape) == (
        'Smith & "Sons" <2>', "12", "3", "7",
    )  # fmt: skip
    assert (known.family_uid, known.family_name) == ("family", "rain")
    assert [t._asdict() for t in known.track_list] == [
        {"channel_index": "1", "interleave_index": "1", "name": "rain L", "function": "LEFT"},
        {"channel_index": "2", "interleave_index": "2", "name": "rain R", "function": "RIGHT"},
    ]

    def said(place: str) -> str | None:
        return known.raw_xml.findtext(place)  # type: ignore[no-any-return]

    assert said("NOTE") == "rain \ufffd\ufffd on a roof, \u96e8 \U0001f941"
    assert said("CIRCLED") == "TRUE"
    assert said("SPEED/TIMECODE_RATE") == said("SPEED/MASTER_SPEED") == "30000/1001"
    assert said("SPEED/TIMECODE_FLAG") == "DF"
    assert said("SPEED/FILE_SAMPLE_RATE") == said("SPEED/TIMESTAMP_SAMPLE_RATE") == "48000"
    assert said("SPEED/AUDIO_BIT_DEPTH") == "24"
    high = int(said("SPEED/TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI") or "")
    low = int(said("SPEED/TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO") or "")
    assert (high << 32) + low == bext.time_reference
    assert said("ASWG/contentType") == "sfx"
    assert said("USER/GENERATOR_SEED") == "7"


@given(st.text(st.characters(codec=None), max_size=60), st.integers(0, 2**63))
def test_whatever_is_said_can_be_read_again(said: str, reference: int) -> None:
    ixml = Ixml(project=said, note=said, tracks=tracks_of(said, "", 2), user={"prompt": said})
    chunk = ixml_chunk(ixml, RATE, "24", reference)
    found = ElementTree.fromstring(chunk)
    heard = found.findtext("NOTE") or ""
    assert heard == found.findtext("PROJECT", "") == found.findtext("USER/PROMPT", "")
    assert len(heard) == len(said)
    assert all(a in (b, "\ufffd") or b in "\r" for a, b in zip(heard, said, strict=True))
    assert len(chunk) % 2 == 0
    fixed = bext_chunk(Bext(said, said, said, None, reference, (said,)))
    assert fixed[:256].rstrip(b"\0").isascii()
    assert struct.unpack_from("<Q", fixed, 338)[0] == reference
    assert len(fixed) % 2 == 0


def test_what_is_not_known_is_left_out_of_ixml() -> None:
    text = ixml_chunk(Ixml(tracks=tracks_of("rain", "", 1)), RATE, "32f", 0).decode()
    for name in ("PROJECT", "SCENE", "TAKE", "NOTE", "CIRCLED", "TIMECODE", "FILE_SET", "USER"):
        assert f"<{name}" not in text
    assert "<AUDIO_BIT_DEPTH>32</AUDIO_BIT_DEPTH>" in text
    with pytest.raises(ValueError, match="no name"):
        ixml_chunk(Ixml(user={"two words": "x"}), RATE, "24", 0)


@pytest.mark.parametrize(
    ("layout", "channels", "names"),
    [
        ("mono", 1, ["mono"]),
        ("stereo", 2, ["L", "R"]),
        ("5.1", 6, ["L", "R", "C", "LFE", "Ls", "Rs"]),
        ("5.1(side)", 6, ["L", "R", "C", "LFE", "Ls", "Rs"]),
        ("7.1", 8, ["L", "R", "C", "LFE", "Lsr", "Rsr", "Lss", "Rss"]),
        ("", 12, [str(i) for i in range(1, 13)]),
    ],
)
def test_loudspeakers_by_their_names(layout: str, channels: int, names: list[str]) -> None:
    assert list(speaker_names(layout, channels)) == names


@pytest.mark.parametrize("layout", ["5.1", "5.1(side)", "quad", "7.1"])
def test_the_layout_is_in_the_file(tmp_path: Path, layout: str) -> None:
    channels = {"quad": 4, "7.1": 8}.get(layout, 6)
    path = write(tmp_path / "a.wav", noise(channels, 100), layout=layout)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert f", {layout}, " in told


@pytest.mark.parametrize(
    ("label", "reference"),
    [("01:00:00;02", 172_803_030), ("10:00:00;00", 1_727_998_272), ("00:00:00;00", 0)],
)
def test_a_drop_frame_film_s_time_reference_is_right_to_the_sample(
    tmp_path: Path, label: str, reference: int
) -> None:
    """Frames counted by hand: 107 894 and 1 078 920 of 1001/30000 s are 172 803 030.4 and
    1 727 998 272.0 samples."""
    film = film_of(tmp_path / "a.mov", seconds=0.5, rate="30000/1001")
    coded = tmp_path / "b.mov"
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(film), "-c", "copy",
         "-timecode", label, str(coded)],
        check=True,
    )  # fmt: skip
    start = start_timecode(probe(coded))
    assert start is not None
    assert start.text == label
    bext = Bext(time_reference=start.samples(RATE))
    known = WavInfoReader(str(write(tmp_path / "a.wav", noise(1, 100), bext=bext)))
    assert known.bext.time_reference == reference


def test_past_4_gib_it_is_rf64_and_the_end_can_be_read(tmp_path: Path) -> None:
    """A real size on a sparse file: what was not written reads as silence."""
    length, tail = 750_000_000, noise(2, 1000, seed=3)
    path = tmp_path / "long.wav"
    with BwfWriter(
        path,
        rate_hz=RATE,
        channels=2,
        length=length,
        bits="24",
        bext=Bext(time_reference=77),
        ixml=Ixml(tracks=tracks_of("rain", "stereo", 2)),
    ) as writer:
        assert writer.rf64
    header = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(header + length * 6)
        file.seek(header + (length - 1000) * 6)
        file.write(SampleWriter("24", 2).bytes_of(tail))
    assert path.stat().st_size > 2**32
    with soundfile.SoundFile(path) as read:
        assert (read.format, read.frames) == ("RF64", length)
        read.seek(length - 1000)
        assert np.abs(read.read(dtype="float32").T - tail).max() <= 2.0**-24
    known = WavInfoReader(str(path))
    assert known.data.frame_count == length
    assert known.bext.time_reference == 77
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert "Duration: 04:20:25.00" in told


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_more_than_4_gib_written_in_full(tmp_path: Path) -> None:
    length, block = 183_000_000, noise(6, 1_000_000, 0.01)
    blocks = (Audio(block, RATE) for _ in range(length // 1_000_000))
    written = write_bwf(
        tmp_path / "long.wav",
        blocks,
        rate_hz=RATE,
        channels=6,
        length=length,
        bits="32f",
        bext=Bext(),
        ixml=Ixml(tracks=tracks_of("rain", "5.1", 6)),
        layout="5.1",
    )
    assert written.path.stat().st_size > 2**32
    with soundfile.SoundFile(written.path) as read:
        assert (read.format, read.frames) == ("RF64", length)
        read.seek(length - 1_000_000)
        assert np.array_equal(read.read(dtype="float32").T, block)
    known = WavInfoReader(str(written.path)).bext
    assert known.loudness_value == round(written.loudness.integrated_lufs, 2)


def test_nothing_is_there_until_all_of_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    seen: list[list[str]] = []

    def watched() -> Iterator[Audio]:
        for block in cut(noise(1, 8000), 1000):
            seen.append(sorted(p.name for p in tmp_path.iterdir()))
            yield block

    write_bwf(
        path, watched(), rate_hz=RATE, channels=1, length=8000, bits="24", bext=Bext(), ixml=Ixml()
    )
    assert all(len(names) == 1 and names[0].startswith(".vta-") for names in seen)
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_a_stop_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, stop: type[BaseException]
) -> None:
    path = write(tmp_path / "a.wav", noise(1, 100))
    before = path.read_bytes()

    def stopped() -> Iterator[Audio]:
        yield Audio(noise(1, 500), RATE)
        raise stop

    with pytest.raises(stop):
        write_bwf(
            path, stopped(), rate_hz=RATE, channels=1, length=8000, bits="24",
            bext=Bext(), ixml=Ixml(), overwrite=True,
        )  # fmt: skip
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_an_existing_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(1, 100))
    with pytest.raises(OutputError, match="exists"):
        write(path, noise(1, 100), overwrite=False)


def test_blocks_must_be_what_was_announced(tmp_path: Path) -> None:
    for wrong in ({"length": 99}, {"length": 101}, {"rate_hz": 44_100}, {"channels": 2}):
        with pytest.raises(ValueError, match=r"announced|the file is"):
            write(tmp_path / "a.wav", noise(1, 100), **wrong)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_to_be_full() -> None:
    writer = BwfWriter(
        Path("/dev/full"), rate_hz=RATE, channels=1, length=10**6, bits="24",
        bext=Bext(), ixml=Ixml(),
    )  # fmt: skip
    with writer, pytest.raises(StorageError, match="no space left") as failed:
        writer.add(Audio(noise(1, 10**6), RATE))
    assert failed.value.exit_code == 8


def test_the_chunks_lie_as_ebu_tech_3306_says(tmp_path: Path) -> None:
    """ds64 comes first, says the true sizes, and the 32-bit ones are all ones."""
    path = write(tmp_path / "a.wav", noise(1, 1001), "24", limit_bytes=0)
    raw = path.read_bytes()
    assert raw[:4] + raw[8:16] == b"RF64" + b"WAVE" + b"ds64"
    assert raw[4:8] == b"\xff" * 4
    riff, data, samples, table = struct.unpack("<QQQI", raw[20:48])
    assert (riff, data, samples, table) == (len(raw) - 8, 3003, 1001, 0)
    plain = write(tmp_path / "b.wav", noise(1, 1001), "24").read_bytes()
    assert (
        struct.unpack("<I", plain[4:8])[0]
        == len(plain) - 8
        == (tmp_path / "b.wav").stat().st_size - 8
    )
    assert len(plain) % 2 == len(raw) % 2 == 0
