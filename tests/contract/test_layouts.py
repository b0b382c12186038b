"""No channel of a new track is mixed into another, moved or lost, in any container and codec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ffmpeg

from vtacli.errors import OutputError
from vtacli.media.audio import write_wav
from vtacli.media.channels import codec_for, written_layout
from vtacli.media.mux import NewTrack, check_container, write_film
from vtacli.media.probe import probe
from vtacli.media.streams import NEW_TRACK_CODECS
from vtacli.signal.layouts import LAYOUTS
from vtacli.signal.media import Audio

RATE, BURST, APART = 48_000, 1_200, 3_600
SUFFIX = {"mp4": ".mp4", "mov": ".mov", "matroska": ".mkv", "webm": ".webm", "mxf": ".mxf"}
TRIED = ("mono", "stereo", "quad", "5.0", "5.1", "5.1(side)", "6.1", "7.1", "2.1", "7.1(wide)")
LENGTH = RATE
LOSSLESS = ("pcm", "flac", "alac")


def bursts(path: Path, layout: str) -> Path:
    """One short tone in each channel, one channel after the other."""
    places = LAYOUTS[layout]
    data = np.zeros((len(places), LENGTH), np.float32)
    t = np.arange(BURST) / RATE
    for i, place in enumerate(places):
        tone = np.sin(2 * np.pi * (80 if place == "LFE" else 1000) * t) * np.hanning(BURST)
        data[i, 4800 + i * APART :][:BURST] = 0.5 * tone
    blocks = [Audio(data, RATE)]
    write_wav(path, blocks, rate_hz=RATE, channels=len(places), length=LENGTH)
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("layouts")
    source = ["-f", "lavfi", "-t", 1, "-i", "testsrc2=s=64x36:r=25"]
    ffmpeg(*source, "-c:v", "libx264", "-bf", "0", folder / "a.mp4")
    ffmpeg(*source, "-c:v", "libvpx", folder / "a.webm")
    return {m: folder / ("a.webm" if m == "webm" else "a.mp4") for m in SUFFIX}


@pytest.mark.parametrize(
    ("muxer", "codec"), [(m, c) for m, codecs in NEW_TRACK_CODECS.items() for c in codecs]
)
def test_each_channel_comes_back_in_its_place(muxer, codec, pictures, tmp_path):
    footage, out = probe(pictures[muxer]), tmp_path / f"out{SUFFIX[muxer]}"
    held = [name for name in TRIED if written_layout(name, len(LAYOUTS[name]), codec) is not None]
    assert {"mono", "stereo", "5.1", "5.1(side)"} <= set(held)
    tracks = [
        NewTrack(
            bursts(tmp_path / f"{i}.wav", name),
            name,
            layout=written_layout(name, len(LAYOUTS[name]), codec) or "",
        )
        for i, name in enumerate(held)
    ]
    write_film(footage, check_container(footage, out, codec, "add"), tracks, out)
    outputs = [
        ["-map", f"0:a:{i}", "-c:a", "pcm_f32le", tmp_path / f"b{i}.wav"] for i in range(len(held))
    ]
    ffmpeg("-i", out, *(argument for output in outputs for argument in output))
    for number, name in enumerate(held):
        back, _ = soundfile.read(tmp_path / f"b{number}.wav", always_2d=True)
        count = len(LAYOUTS[name])
        assert back.shape[1] == count, name
        for i in range(count):
            at = 4800 + i * APART
            energy = np.sqrt(np.mean(back[at : at + BURST] ** 2, axis=0))
            assert np.argmax(energy) == i, f"{name}: channel {i} is at {np.argmax(energy)}"
            others = np.delete(energy, i)
            leak = others.max(initial=0.0) / energy[i]
            assert leak < (1e-6 if codec in LOSSLESS else 0.05), f"{name}: {leak}"


@pytest.mark.parametrize("layout", ["5.1", "5.1(side)", "7.1", "quad"])
def test_the_layout_is_told_where_the_codec_can_tell_it(layout, pictures, tmp_path):
    out = tmp_path / "out.mov"
    footage = probe(pictures["mov"])
    track = NewTrack(bursts(tmp_path / "a.wav", layout), layout=layout)
    write_film(footage, check_container(footage, out, "pcm", "add"), [track], out)
    assert probe(out).audio[0].layout == layout


def test_a_codec_that_would_mix_channels_is_refused_or_passed_over(tmp_path):
    out = tmp_path / "out.mp4"
    with pytest.raises(OutputError, match="without mixing channels") as refused:
        codec_for("mp4", "alac", "7.1", 8, out)
    assert "flac" in str(refused.value)
    assert codec_for("mp4", "auto", "7.1", 8, out) == "flac"
    assert codec_for("mp4", "auto", "2.1", 3, out) == "pcm"  # FLAC takes it for 3.0
    with pytest.raises(OutputError, match="No codec"):
        codec_for("webm", "auto", "2.1", 3, tmp_path / "out.webm")


def test_channels_without_a_name_keep_their_number_and_order():
    assert written_layout("6 channels", 6, "pcm") == "6 channels"
    assert written_layout("6 channels", 6, "flac") == "5.1"
    assert written_layout("", 2, "aac") == "stereo"
    assert written_layout("12 channels", 12, "flac") is None
    assert written_layout("3 channels (FL+FR+LFE)", 3, "aac") == "2.1"
    listed = "6 channels (FL+FR+BL+BR+FLC+FRC)"
    assert written_layout(listed, 6, "flac") is None
    assert written_layout(listed, 6, "pcm") == "FL+FR+BL+BR+FLC+FRC"
