"""The iXML chunk: what an editor's bins show of a Broadcast Wave. Source: iXML specification 3.01.

All of it is optional there, and what is not known is left out rather than left blank, so that a
reader keeps its own default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

from vtacli.signal.layouts import speakers
from vtacli.timecode import Timecode

VERSION = "3.01"
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""


@dataclass(frozen=True)
class IxmlTrack:
    """One channel of a file: ``channel`` of the whole recording it belongs to, from 1; where it
    stands in this file is its place in the list. ``function``: of iXML's dictionary."""

    name: str
    function: str = ""
    channel: int = 0


@dataclass(frozen=True)
class FileSet:
    """Files that belong together, the channels of one stem for example. ``index``: from 1."""

    uid: str
    name: str
    total: int
    index: int


@dataclass(frozen=True)
class Ixml:
    """What is known of a recording; what is empty is left out.

    ``start``: the timecode that the time reference was counted by: its rate and its flag are
    written. ``circled``: whether this is the take to use. ``user``: names and values of one's
    own. ``aswg``: fields of the ASWG's extension, ``contentType`` for example.
    """

    project: str = ""
    scene: str = ""
    take: str = ""
    tape: str = ""
    note: str = ""
    circled: bool | None = None
    file_uid: str = ""
    start: Timecode | None = None
    tracks: tuple[IxmlTrack, ...] = ()
    file_set: FileSet | None = None
    aswg: Mapping[str, str] = field(default_factory=dict)
    user: Mapping[str, str] = field(default_factory=dict)


def ixml_chunk(ixml: Ixml, rate_hz: int, bits: str, time_reference: int) -> bytes:
    """The chunk's data, UTF-8. ``time_reference``: the first sample, counted from midnight."""
    root = ElementTree.Element("BWFXML")
    _put(root, "IXML_VERSION", VERSION)
    for name, value in (
        ("PROJECT", ixml.project),
        ("SCENE", ixml.scene),
        ("TAKE", ixml.take),
        ("TAPE", ixml.tape),
        ("CIRCLED", "" if ixml.circled is None else "TRUE" if ixml.circled else "FALSE"),
        ("NOTE", ixml.note),
        ("FILE_UID", ixml.file_uid),
    ):
        _put(root, name, value)
    _speed(root, ixml.start, rate_hz, bits, time_reference)
    _tracks(root, ixml.tracks)
    if ixml.file_set is not None:
        file_set = ElementTree.SubElement(root, "FILE_SET")
        _put(file_set, "TOTAL_FILES", str(ixml.file_set.total))
        _put(file_set, "FAMILY_UID", ixml.file_set.uid)
        _put(file_set, "FAMILY_NAME", ixml.file_set.name)
        _put(file_set, "FILE_SET_INDEX", str(ixml.file_set.index))
    _group(root, "ASWG", ixml.aswg)
    _group(root, "USER", {name.upper(): value for name, value in ixml.user.items()})
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n" * (len(text) % 2)  # some readers of RF64 pass over no padding


def tracks_of(name: str, layout: str, channels: int) -> tuple[IxmlTrack, ...]:
    """Every channel of a sound by its loudspeaker, with the function that iXML has for it. A single
    channel has none: MIX is what recorders call a guide track, which editors may leave out."""
    if channels == 1:
        return (IxmlTrack(name, "", 1),)
    names = speaker_names(layout, channels)
    return tuple(
        IxmlTrack(f"{name} {speaker}".strip(), _function(speaker, names), number)
        for number, speaker in enumerate(names, 1)
    )


def printed(text: str) -> str:
    """The text with a replacement character for each that XML and tags cannot hold."""
    return _UNFIT.sub("\ufffd", text)


def speaker_names(layout: str, channels: int) -> tuple[str, ...]:
    """``L``, ``R``, ``C``, ``LFE``, ``Ls``, ``Rs`` and so on, as post-production calls them;
    ``mono`` for a single channel, and numbers where nothing better is known."""
    if channels == 1:
        return ("mono",)
    found = speakers(layout, channels)
    alone = {} if {"SL", "BL"} <= set(found) else _ALONE
    names = [alone.get(s) or _NAMES.get(s) or s for s in found]
    distinct = len(set(names)) == len(names) and all(names)
    return tuple(names) if distinct else tuple(str(i) for i in range(1, channels + 1))


_NAMES = {
    "FL": "L", "FR": "R", "FC": "C", "LFE": "LFE", "BC": "Cs", "SL": "Lss", "SR": "Rss",
    "BL": "Lsr", "BR": "Rsr", "FLC": "Lc", "FRC": "Rc",
}  # fmt: skip
_ALONE = {"BL": "Ls", "BR": "Rs", "SL": "Ls", "SR": "Rs"}
"""A single pair behind the listener is the surrounds, wherever it stands."""


def _function(speaker: str, names: Sequence[str]) -> str:
    if tuple(names) == ("L", "R"):
        return {"L": "LEFT", "R": "RIGHT"}[speaker]
    if set(names) == {"L", "R", "C", "LFE", "Ls", "Rs"}:
        return f"{speaker}-5.1"
    return ""


def _speed(
    root: ElementTree.Element, start: Timecode | None, rate_hz: int, bits: str, reference: int
) -> None:
    speed = ElementTree.SubElement(root, "SPEED")
    if start is not None:
        rate = f"{start.rate.numerator}/{start.rate.denominator}"
        _put(speed, "MASTER_SPEED", rate)
        _put(speed, "CURRENT_SPEED", rate)
        _put(speed, "TIMECODE_RATE", rate)
        _put(speed, "TIMECODE_FLAG", start.flag)
    _put(speed, "FILE_SAMPLE_RATE", str(rate_hz))
    _put(speed, "AUDIO_BIT_DEPTH", bits.removesuffix("f"))
    _put(speed, "DIGITIZER_SAMPLE_RATE", str(rate_hz))
    _put(speed, "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI", str(reference >> 32))
    _put(speed, "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO", str(reference & 0xFFFFFFFF))
    _put(speed, "TIMESTAMP_SAMPLE_RATE", str(rate_hz))


def _tracks(root: ElementTree.Element, tracks: Sequence[IxmlTrack]) -> None:
    found = ElementTree.SubElement(root, "TRACK_LIST")
    _put(found, "TRACK_COUNT", str(len(tracks)))
    for place, track in enumerate(tracks, 1):
        element = ElementTree.SubElement(found, "TRACK")
        _put(element, "CHANNEL_INDEX", str(track.channel or place))
        _put(element, "INTERLEAVE_INDEX", str(place))
        _put(element, "NAME", track.name)
        _put(element, "FUNCTION", track.function)


def _group(root: ElementTree.Element, name: str, values: Mapping[str, str]) -> None:
    if not values:
        return
    group = ElementTree.SubElement(root, name)
    for key, value in values.items():
        if not _WORD.fullmatch(key):
            raise ValueError(f"{key!r} is no name of an XML element")
        _put(group, key, value)


def _put(parent: ElementTree.Element, name: str, value: str) -> None:
    if value:
        ElementTree.SubElement(parent, name).text = printed(value)
