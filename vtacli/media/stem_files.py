"""A stem in the form that was asked for: Broadcast Wave, FLAC, or a compressed file.

Everything is streamed: a block of samples is in memory, never the track. Compressed files and
FLAC are made by ffmpeg, which reads the samples from a pipe and keeps tags of any name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from hashlib import sha256
from itertools import chain
from pathlib import Path

from vtacli.errors import ConfigError
from vtacli.media.bext import Bext, coding_line
from vtacli.media.bwf import BwfWriter, Written
from vtacli.media.door import url
from vtacli.media.ffmpeg import FedFfmpeg
from vtacli.media.ixml import FileSet, Ixml, IxmlTrack, printed, speaker_names, tracks_of
from vtacli.media.samples import BITS, SampleWriter
from vtacli.media.staging import Staging
from vtacli.signal.layouts import USUAL
from vtacli.signal.media import Audio
from vtacli.signal.programme import LoudnessMeter
from vtacli.signal.resample import resampled
from vtacli.timecode import Timecode
from vtacli.timeline import samples_at


@dataclass(frozen=True)
class _Kind:
    """``bits``: what its samples can be; none where it has no samples of its own, being lossy.
    ``rates``: sampling rates that it takes, () for any; ``channels``: the most it takes."""

    muxer: str
    encoder: tuple[str, ...] = ()
    bits: tuple[str, ...] = ()
    rates: tuple[int, ...] = ()
    channels: int = 8


KINDS: dict[str, _Kind] = {
    "wav": _Kind("wav", bits=BITS),
    "flac": _Kind("flac", ("flac",), bits=("16", "24")),
    "mp3": _Kind("mp3", ("libmp3lame", "-q:a", "0"), (), (32_000, 44_100, 48_000), 2),
    "m4a": _Kind("ipod", ("aac",), (), (32_000, 44_100, 48_000, 88_200, 96_000), 2),
    "ogg": _Kind("ogg", ("libvorbis", "-q:a", "8"), (), (), 2),
    "opus": _Kind("opus", ("libopus",), (), (48_000,), 2),
}
"""By suffix. Compressed files are for listening and sending: one or two channels."""

_BIT_RATES = {"m4a": 160, "opus": 128}
"""kbit/s for each channel."""
LAYOUTS = ("poly", "mono")
RATES_HZ = range(8_000, 192_001)


@dataclass(frozen=True)
class StemFormat:
    """The form of a stem's files. Raises ConfigError for what cannot be.

    ``kind``: a key of :data:`KINDS`. ``bits``: of wav and flac, 16, 24 or 32f. ``layout``:
    ``poly`` for one file with all channels, ``mono`` for a file of each channel.
    """

    kind: str = "wav"
    bits: str = "24"
    rate_hz: int = 48_000
    layout: str = "poly"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(
                f"There is no format {self.kind!r}.", hint=f"Use one of {', '.join(KINDS)}."
            )
        if self.bits not in BITS:
            raise ConfigError(f"--bits is one of {', '.join(BITS)}, not {self.bits!r}.")
        if self.layout not in LAYOUTS:
            raise ConfigError(f"--layout is one of {', '.join(LAYOUTS)}, not {self.layout!r}.")
        kind = KINDS[self.kind]
        if kind.bits and self.bits not in kind.bits:
            raise ConfigError(
                f"{self.kind} has no {self.bits} samples.",
                hint=f"Use --bits {' or '.join(kind.bits)}, or --format wav.",
            )
        if self.rate_hz not in RATES_HZ:
            raise ConfigError(
                f"--rate is from {RATES_HZ.start} to {RATES_HZ.stop - 1} Hz, not {self.rate_hz}."
            )
        if kind.rates and self.rate_hz not in kind.rates:
            known = ", ".join(str(r) for r in kind.rates)
            raise ConfigError(
                f"{self.kind} takes no sound at {self.rate_hz} Hz.", hint=f"Use --rate {known}."
            )

    @property
    def lossy(self) -> bool:
        return not KINDS[self.kind].bits

    @property
    def suffix(self) -> str:
        return f".{self.kind}"

    def check_channels(self, channels: int) -> None:
        """Raise ConfigError where a file of this form cannot hold so many channels."""
        most = KINDS[self.kind].channels
        if self.layout == "poly" and channels > most:
            raise ConfigError(
                f"{self.kind} takes {most} channels at most here, not {channels}.",
                hint="Use --format wav or flac, or --layout mono.",
            )


@dataclass(frozen=True)
class StemLabel:
    """What the files say besides their samples.

    ``name``: of the track. ``description`` and ``note``: a line each, for ``bext`` and for iXML.
    ``start``: the timecode of the film's first picture; ``offset_s``: where the stem begins after
    it, in seconds. ``made``: date and time. ``source``: what made the sound, for the coding
    history. ``tags``: names and values that every form carries, provenance above all.
    ``aswg``: fields of iXML's ASWG group.
    """

    name: str
    description: str = ""
    note: str = ""
    project: str = ""
    scene: str = ""
    take: str = ""
    tape: str = ""
    start: Timecode | None = None
    offset_s: Fraction = Fraction(0)
    made: datetime | None = None
    originator: str = "vta"
    source: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aswg: Mapping[str, str] = field(default_factory=dict)

    def time_reference(self, rate_hz: int) -> int:
        """The first sample, counted from midnight, on the film's own grid of samples."""
        offset = samples_at(self.offset_s, rate_hz)
        return self.start.samples_after(offset, rate_hz) if self.start else offset


def stem_paths(base: Path, form: StemFormat, channels: int, layout: str = "") -> tuple[Path, ...]:
    """The files that a stem called ``base`` (a path without suffix) becomes."""
    if form.layout == "poly" or channels == 1:
        return (base.with_name(base.name + form.suffix),)
    names = speaker_names(layout, channels)
    return tuple(base.with_name(f"{base.name}.{name}{form.suffix}") for name in names)


def write_stem(
    base: Path,
    blocks: Iterable[Audio],
    *,
    form: StemFormat,
    channels: int,
    length: int,
    label: StemLabel,
    layout: str = "",
    seed: int = 0,
    staging: Staging | None = None,
    overwrite: bool = False,
) -> tuple[Written, ...]:
    """Write one stem to :func:`stem_paths`. The files of a set share a ``staging``, whose
    block gives them their names; without one, they appear when this returns.

    ``blocks``: (``channels``, N) float32 at any one rate. ``length``: samples of the files, at
    ``form.rate_hz``; a resampled end is cut or padded to it, otherwise the blocks must have as
    many. ``layout``: ffmpeg's name. ``seed``: of the dither.

    Raises ConfigError where the form cannot hold the channels, CheckFailed where samples are
    beyond full scale (not with 32f), OutputError where a file may not be written, StorageError
    where the disk is full, ToolError where ffmpeg fails.
    """
    form.check_channels(channels)
    paths = stem_paths(base, form, channels, layout)
    own: AbstractContextManager[Staging] = nullcontext(staging) if staging else Staging(overwrite)
    with own as files, ExitStack() as stack:
        writers: list[BwfWriter | EncodedWriter] = []
        for i, path in enumerate(paths):
            writer = _writer(
                files.part(path), i, len(paths), form, channels, length, label, layout, seed
            )
            stack.enter_context(writer)
            writers.append(writer)
        for block in _at_rate(blocks, form.rate_hz, length):
            if block.channels != channels:
                raise ValueError(f"the stem has {channels} channels, got {block.channels}")
            for i, writer in enumerate(writers):
                part = block if len(writers) == 1 else Audio(block.data[i : i + 1], block.rate_hz)
                writer.add(part)
        written = [writer.finish() for writer in writers]
    return tuple(replace(w, path=path) for w, path in zip(written, paths, strict=True))


def _at_rate(blocks: Iterable[Audio], rate_hz: int, length: int) -> Iterator[Audio]:
    """At another rate only where it is another: then to the length, else as it is."""
    iterator = iter(blocks)
    first = next(iterator, None)
    if first is None:
        return
    rest = chain([first], iterator)
    yield from rest if first.rate_hz == rate_hz else resampled(rest, rate_hz, length)


def _writer(
    part: Path,
    index: int,
    files: int,
    form: StemFormat,
    channels: int,
    length: int,
    label: StemLabel,
    layout: str,
    seed: int,
) -> BwfWriter | EncodedWriter:
    tracks = tracks_of(label.name, layout, channels)
    if files > 1:
        tracks, channels, layout = tracks[index : index + 1], 1, "mono"
    if form.kind != "wav":
        return EncodedWriter(part, form, channels, length, label, tracks, layout, seed + index)
    reference = label.time_reference(form.rate_hz)
    history = coding_line(form.rate_hz, form.bits, channels, label.source)
    return BwfWriter(
        part,
        rate_hz=form.rate_hz,
        channels=channels,
        length=length,
        bits=form.bits,
        bext=Bext(
            description=label.description,
            originator=label.originator,
            originator_reference=_identity(label, tracks, length)[:32],
            made=label.made,
            time_reference=reference,
            coding_history=(history,),
        ),
        ixml=Ixml(
            project=label.project,
            scene=label.scene,
            take=label.take,
            tape=label.tape,
            note=label.note,
            file_uid=_identity(label, tracks, length),
            start=label.start,
            tracks=tracks,
            file_set=FileSet(_identity(label, (), length), label.name, files, index + 1),
            aswg=label.aswg,
            user=label.tags,
        ),
        layout=layout,
        seed=seed + index,
    )


def _identity(label: StemLabel, tracks: tuple[IxmlTrack, ...], length: int) -> str:
    """The same for the same sound of the same making; 32 hexadecimal digits."""
    facts = (label.name, label.project, label.scene, label.take, label.offset_s, label.made)
    text = repr((facts, sorted(label.tags.items()), [t.name for t in tracks], length))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class EncodedWriter:
    """One file that ffmpeg encodes, block by block: the counterpart of
    :class:`vtacli.media.bwf.BwfWriter`."""

    def __init__(
        self,
        path: Path,
        form: StemFormat,
        channels: int,
        length: int,
        label: StemLabel,
        tracks: tuple[IxmlTrack, ...],
        layout: str,
        seed: int,
    ) -> None:
        self._path, self._rate, self._channels, self._length = path, form.rate_hz, channels, length
        kind = KINDS[form.kind]
        # Lossy encoders take floats, which must not pass full scale either: decoders would clip.
        self._samples = SampleWriter("24" if form.lossy else form.bits, channels, seed)
        self._meter = LoudnessMeter(form.rate_hz, channels, layout)
        self._written = 0
        raw = "s16le" if self._samples.bits == "16" else "s24le"
        arguments = ["-y", "-protocol_whitelist", "pipe", "-f", raw, "-ar", str(form.rate_hz)]
        arguments += ["-ch_layout", layout or USUAL[channels], "-i", "pipe:0"]
        arguments += ["-map", "0:a", "-c:a", *kind.encoder]
        if form.kind in _BIT_RATES:
            arguments += ["-b:a", f"{_BIT_RATES[form.kind] * channels}k"]
        if form.kind == "flac":
            arguments += ["-sample_fmt", "s16" if form.bits == "16" else "s32"]
            arguments += ["-bits_per_raw_sample", form.bits]
        if form.kind == "m4a":
            arguments += ["-movflags", "+faststart+use_metadata_tags"]
        for name, value in _tags(label, tracks, form.rate_hz).items():
            arguments += ["-metadata", f"{name}={value}"]
        self._ffmpeg = FedFfmpeg([*arguments, "-f", kind.muxer, url(path)])

    def add(self, audio: Audio) -> None:
        """The next samples, (C, N)."""
        if (audio.rate_hz, audio.channels) != (self._rate, self._channels):
            raise ValueError(
                f"the file is {self._channels} channels at {self._rate} Hz, "
                f"got {audio.channels} at {audio.rate_hz}"
            )
        self._written += len(audio)
        self._ffmpeg.write(self._samples.bytes_of(audio.data))
        self._meter.add(audio.data)

    def finish(self) -> Written:
        """Wait until the file is whole."""
        if self._written != self._length:
            raise ValueError(f"{self._length} samples were announced, got {self._written}")
        self._samples.check()
        self._ffmpeg.finish()
        return Written(self._path, self._length, self._meter.result())

    def __enter__(self) -> EncodedWriter:
        return self

    def __exit__(self, *arguments: object) -> None:
        self._ffmpeg.__exit__(*arguments)


def _tags(label: StemLabel, tracks: tuple[IxmlTrack, ...], rate_hz: int) -> dict[str, str]:
    start = label.start
    named = {
        "title": tracks[0].name if len(tracks) == 1 else label.name,
        "album": label.project,
        "comment": label.note,
        "date": f"{label.made:%Y-%m-%d}" if label.made else "",
        "time_reference": str(label.time_reference(rate_hz)),
        "timecode": start.text if start and not label.offset_s else "",
        **label.tags,
    }
    return {name: printed(" ".join(value.split())) for name, value in named.items() if value}
