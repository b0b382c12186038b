"""Stems in every form, read back by PyAV, libsndfile and wavinfo."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from wavinfo import WavInfoReader

from vtacli.errors import CheckFailed, ConfigError, OutputError, ToolError
from vtacli.media.bwf import Written
from vtacli.media.ffmpeg import FedFfmpeg
from vtacli.media.staging import Staging
from vtacli.media.stem_files import KINDS, StemFormat, StemLabel, stem_paths, write_stem
from vtacli.provenance import Provenance, read_note
from vtacli.signal.media import Audio
from vtacli.timecode import Timecode

RATE, CLICK, LENGTH = 48_000, 24_000, 72_077
START = Timecode.parse("01:00:00;02", Fraction(30000, 1001))
SOURCE = Provenance("vta-mini", "9.9", 7, "rain = \u00fc; 'x' \\ #", "Apache-2.0", 8000)
LABEL = StemLabel(
    "rain",
    description=SOURCE.note(256),
    note=SOURCE.note(),
    project="street",
    take="2",
    start=START,
    made=datetime(2026, 1, 2, 3, 4, 5),
    source="vta 9.9 vta-mini",
    tags=SOURCE.tags(),
)


def click(channels: int, loud: int = 0) -> NDArray[np.float32]:
    """Faint noise, and in channel ``loud`` one sample of half scale."""
    data = np.random.default_rng(1).normal(0, 5e-4, (channels, LENGTH)).astype(np.float32)
    data[loud, CLICK] = 0.5
    return data


def cut(data: NDArray[np.float32], size: int = 10_000) -> Iterator[Audio]:
    for at in range(0, data.shape[1], size):
        yield Audio(np.ascontiguousarray(data[:, at : at + size]), RATE)


def write(
    folder: Path, data: NDArray[np.float32], form: StemFormat, **more: Any
) -> tuple[Written, ...]:
    length = round(data.shape[1] * Fraction(form.rate_hz, RATE))
    given: dict[str, Any] = {"label": LABEL, "length": length, **more}
    return write_stem(folder / "stem", cut(data), form=form, channels=data.shape[0], **given)


def decoded(path: Path) -> tuple[NDArray[np.float32], dict[str, str]]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        blocks = [
            part.to_ndarray() for f in container.decode(stream) for part in planar.resample(f)
        ]
        tags = {**container.metadata, **stream.metadata}
        return np.concatenate(blocks, axis=1), {k.lower(): v for k, v in tags.items()}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_click_comes_back_where_it_was(tmp_path: Path, kind: str, channels: int) -> None:
    (written,) = write(tmp_path, click(channels), StemFormat(kind))
    assert written.path == tmp_path / f"stem.{kind}"
    assert [p.name for p in tmp_path.iterdir()] == [written.path.name]
    data, tags = decoded(written.path)
    assert int(np.abs(data[0]).argmax()) == CLICK
    assert data.shape[0] == channels
    # AAC's last block is filled up, and its edit list does not say so to every decoder
    assert 0 <= data.shape[1] - LENGTH <= (1023 if kind == "m4a" else 0)
    said = WavInfoReader(str(written.path)).ixml.raw_xml.findtext("NOTE") if kind == "wav" else None
    assert read_note(said or tags["comment"]) == SOURCE
    if kind != "wav":
        assert tags["generator_seed"] == "7"
        assert tags["digital_source_type"].endswith("/trainedAlgorithmicMedia")
        assert tags["timecode"] == "01:00:00;02"
    assert tags["time_reference"] == "172803030"


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_of_any_characters_is_a_tag(tmp_path: Path, kind: str) -> None:
    odd = "-f; a=b\x00c\n\ud800 \u96e8 %s {x}"
    label = replace(LABEL, tags={"generator_prompt": odd})
    (written,) = write(tmp_path, click(1), StemFormat(kind), label=label)
    if kind != "wav":
        kept = "-f; a=b\ufffdc \ufffd \u96e8 %s {x}"
        assert decoded(written.path)[1]["generator_prompt"] == kept


@pytest.mark.parametrize("kind", ["wav", "flac"])
@pytest.mark.parametrize("layout", ["5.1", "5.1(side)"])
def test_six_channels_keep_their_places(tmp_path: Path, kind: str, layout: str) -> None:
    for loud in range(6):
        (written,) = write(
            tmp_path, click(6, loud), StemFormat(kind), layout=layout, overwrite=True
        )
        data, _ = decoded(written.path)
        assert np.unravel_index(np.abs(data).argmax(), data.shape) == (loud, CLICK)
        with av.open(str(written.path)) as container:
            assert container.streams.audio[0].layout.name == layout


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_each_channel(tmp_path: Path, kind: str) -> None:
    form = StemFormat(kind, layout="mono")
    written = write(tmp_path, click(6, 4), form, layout="5.1")
    names = ["L", "R", "C", "LFE", "Ls", "Rs"]
    assert [w.path.name for w in written] == [f"stem.{n}.{kind}" for n in names]
    assert tuple(w.path for w in written) == stem_paths(tmp_path / "stem", form, 6, "5.1")
    peaks = [float(np.abs(decoded(w.path)[0]).max()) for w in written]
    assert peaks[4] > 0.3
    assert max(peaks[:4] + peaks[5:]) < 0.01


def test_the_files_of_one_stem_know_each_other(tmp_path: Path) -> None:
    written = write(tmp_path, click(2), StemFormat(layout="mono"))
    left, right = (WavInfoReader(str(w.path)).ixml for w in written)
    assert left.family_uid == right.family_uid
    assert left.family_name == "rain"
    for number, (known, name) in enumerate(((left, "rain L"), (right, "rain R")), 1):
        (track,) = known.track_list
        assert (track.channel_index, track.interleave_index) == (str(number), "1")
        assert track.name == name
        assert known.raw_xml.findtext("FILE_SET/FILE_SET_INDEX") == str(number)
        assert known.raw_xml.findtext("FILE_SET/TOTAL_FILES") == "2"
    uids = {known.raw_xml.findtext("FILE_UID") for known in (left, right)}
    assert len(uids) == 2


def test_what_a_wav_says_of_itself(tmp_path: Path) -> None:
    late = replace(LABEL, offset_s=Fraction(5, 2), scene="4")
    (written,) = write(tmp_path, click(1), StemFormat(), label=late)
    known = WavInfoReader(str(written.path))
    assert known.bext.time_reference == 172_803_030 + 120_000
    assert known.bext.originator == "vta"
    assert known.bext.coding_history == "A=PCM,F=48000,W=24,M=mono,T=vta 9.9 vta-mini\r\n"
    assert "bandwidth 8 kHz" in known.bext.description
    assert read_note(known.bext.description) is not None
    assert (known.ixml.scene, known.ixml.take, known.ixml.project) == ("4", "2", "street")
    assert known.ixml.raw_xml.findtext("SPEED/TIMECODE_FLAG") == "DF"
    assert known.ixml.raw_xml.findtext("USER/GENERATOR_PROMPT") == SOURCE.prompt
    assert written.length == LENGTH
    assert known.bext.max_true_peak == round(written.loudness.true_peak_dbtp, 2)


@pytest.mark.parametrize("bits", ["16", "24"])
def test_flac_is_exact(tmp_path: Path, bits: str) -> None:
    data = click(2)
    (flac,) = write(tmp_path, data, StemFormat("flac", bits), seed=3)
    (wav,) = write(tmp_path, data, StemFormat("wav", bits), seed=3)
    assert soundfile.info(flac.path).subtype == f"PCM_{bits}"
    assert np.array_equal(
        soundfile.read(flac.path, dtype="int32")[0], soundfile.read(wav.path, dtype="int32")[0]
    )
    assert flac.loudness == wav.loudness


@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg"])
def test_another_rate_has_the_exact_length(tmp_path: Path, kind: str, rate_hz: int) -> None:
    if kind == "mp3" and rate_hz == 96_000:
        return
    (written,) = write(tmp_path, click(1), StemFormat(kind, rate_hz=rate_hz))
    data, tags = decoded(written.path)
    assert data.shape[1] == round(LENGTH * rate_hz / RATE) == written.length
    assert int(np.abs(data[0]).argmax()) == CLICK * rate_hz // RATE
    assert tags["time_reference"] == str(START.samples(rate_hz))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kind": "aiff"}, "no format"),
        ({"bits": "20"}, "--bits"),
        ({"layout": "stereo"}, "--layout"),
        ({"rate_hz": 4000}, "--rate"),
        ({"kind": "flac", "bits": "32f"}, "flac has no 32f"),
        ({"kind": "opus", "rate_hz": 44_100}, "opus takes no sound at 44100"),
        ({"kind": "mp3", "rate_hz": 96_000}, "Use --rate 32000"),
    ],
)
def test_forms_that_cannot_be_are_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        StemFormat(**wrong)


def test_channels_that_do_not_fit_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="2 channels at most"):
        write(tmp_path, click(6), StemFormat("mp3"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3"])
def test_what_would_clip_is_refused(tmp_path: Path, kind: str) -> None:
    data = click(1)
    data[0, 500:510] = 1.1
    with pytest.raises(CheckFailed, match="10 samples"):
        write(tmp_path, data, StemFormat(kind))
    assert not list(tmp_path.iterdir())


def test_a_set_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with Staging() as files:
        for name, kind in (("a", "wav"), ("b", "flac"), ("c", "mp3")):
            write_stem(
                tmp_path / name, cut(click(1)), form=StemFormat(kind), channels=1,
                length=LENGTH, label=LABEL, staging=files,
            )  # fmt: skip
            assert all(p.name.startswith(".vta-") for p in tmp_path.iterdir())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "b.flac", "c.mp3"]
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def set_that_is_stopped() -> None:
        with Staging(overwrite=True) as files:
            for name, kind in (("a", "wav"), ("d", "mp3")):
                write_stem(
                    tmp_path / name, cut(click(1, 0) / 2), form=StemFormat(kind), channels=1,
                    length=LENGTH, label=LABEL, staging=files,
                )  # fmt: skip
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        set_that_is_stopped()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_two_stems_of_one_name_are_refused(tmp_path: Path) -> None:
    with Staging() as files:
        files.part(tmp_path / "Rain.wav")
        with pytest.raises(OutputError, match="same name"):
            files.part(tmp_path / "rain.wav")


def test_an_encoder_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    arguments = ["-f", "s16le", "-ar", "48000", "-i", "pipe:0", "-f", "flac"]

    def feed() -> None:
        with FedFfmpeg([*arguments, f"file:{tmp_path}/nowhere/a.flac"]) as ffmpeg:
            for _ in range(200):
                ffmpeg.write(bytes(1 << 16))
            ffmpeg.finish()

    with pytest.raises(ToolError, match="No such file"):
        feed()


def test_an_encoder_that_is_given_up_is_gone(tmp_path: Path) -> None:
    target = tmp_path / "a.flac"
    arguments = ["-f", "s16le", "-ar", "48000", "-i", "pipe:0", "-f", "flac", f"file:{target}"]
    with FedFfmpeg(arguments) as ffmpeg:
        child = ffmpeg._child
        ffmpeg.write(bytes(1 << 20))
        assert child.poll() is None
    assert child.returncode == -9


MEASURED = """
import resource, sys
from pathlib import Path
import numpy as np
from test_stem_files import LABEL, RATE
from vtacli.media.stem_files import StemFormat, write_stem
from vtacli.signal.media import Audio

kind, folder, seconds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
second = Audio(np.random.default_rng(0).normal(0, 0.1, (2, RATE)).astype(np.float32), RATE)
write_stem(folder / f"{kind}{seconds}", (second for _ in range(seconds)), form=StemFormat(kind),
           channels=2, length=seconds * RATE, label=LABEL)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_memory_does_not_grow_with_the_length(tmp_path: Path, kind: str) -> None:
    """A minute of stereo more is 23 MB as floats, and 12 MB as 16-bit numbers."""

    def megabytes(seconds: int) -> float:
        command = [sys.executable, "-c", MEASURED, kind, str(tmp_path), str(seconds)]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        return float(subprocess.run(command, check=True, capture_output=True, env=env).stdout)

    assert megabytes(70) - megabytes(10) < 7
