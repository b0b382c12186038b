"""Holds one film against another: are picture and original sound the same, and what differs?

Streams are matched by what is in them, not by their numbers, as a new track may stand before the
old ones: by the hash of all their packets, or, where a container frames H.264, HEVC or AAC in its
own way, of the coded units in them. Nothing is decoded but one picture of each film.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from vtacli.media.chapters import chapters_of
from vtacli.media.fingerprint import Fingerprint, fingerprints
from vtacli.media.mastering import hdr_metadata
from vtacli.media.probe import Footage, StreamInfo, probe
from vtacli.media.sameness import Half, allowed_s, moved_s, same_content, same_length
from vtacli.progress import Report, Step, ignore

SAME, CHANGED, MISSING, NEW, UNREAD = "identical", "differs", "missing", "new", "not compared"
CHAPTER_S = Fraction(1, 500)
"""Chapters are written in whole milliseconds by most containers."""
HDR_STEP = 1e-4
"""Containers and codecs round chromaticities and luminances to fractions of their own."""
ESSENTIAL = ("video", "audio")
"""Kinds of stream that have to be the same; cover pictures do not count."""


@dataclass(frozen=True)
class Pair:
    """One stream of A and what became of it in B, or one that is only in B.

    ``state``: identical, differs, missing, new or, of data without packets, not compared.
    ``how``: packets, payload or coded where it is identical (see :mod:`vtacli.media.sameness`).
    ``moved_s``: how far its packets are off, where that is more than clocks round. ``remarks``:
    language and so on, where they differ.
    """

    state: str
    kind: str
    before: StreamInfo | None
    after: StreamInfo | None
    packets: int = 0
    how: str | None = None
    moved_s: float = 0.0
    remarks: tuple[str, ...] = ()

    @property
    def essential(self) -> bool:
        """Whether the films are not the same where this is not."""
        return bool(self.before and self.kind in ESSENTIAL and not self.before.attached_picture)

    @property
    def kept(self) -> bool:
        return self.state == SAME and not self.moved_s


@dataclass(frozen=True)
class Comparison:
    """``differences``: of the films as wholes, a sentence each; ``serious`` those that change how
    the picture is shown, or for how long."""

    before: Footage
    after: Footage
    pairs: tuple[Pair, ...]
    differences: tuple[str, ...] = ()
    serious: tuple[str, ...] = field(default=())

    @property
    def picture_kept(self) -> bool:
        """Every picture is identical, due at the same times and shown in the same way."""
        return not self.serious and all(
            p.kept for p in self.pairs if p.essential and p.kind == "video"
        )

    @property
    def sound_kept(self) -> bool:
        """Every track of A is in B, identical and due at the same times."""
        return all(p.kept for p in self.pairs if p.essential and p.kind == "audio")

    def to_dict(self) -> dict[str, Any]:
        return {
            "a": str(self.before.path),
            "b": str(self.after.path),
            "identical": self.picture_kept and self.sound_kept,
            "picture_identical": self.picture_kept,
            "sound_identical": self.sound_kept,
            "streams": [
                {
                    "state": p.state,
                    "kind": p.kind,
                    "a": p.before.index if p.before else None,
                    "b": p.after.index if p.after else None,
                    "packets": p.packets,
                    "compared": p.how,
                    "moved_s": round(p.moved_s, 6),
                    "remarks": list(p.remarks),
                }
                for p in self.pairs
            ],
            "differences": [*self.serious, *self.differences],
        }


def compare(a: Path | str, b: Path | str, report: Report = ignore) -> Comparison:
    """Read all packets of both films, and match their streams.

    Raises MediaError where one of them cannot be read.
    """
    sides = []
    for number, path in enumerate((a, b)):
        report(Step("read", number, 2, Path(path).name))
        sides.append(_Side(probe(path), fingerprints(path)))
    report(Step("read", 2, 2))
    old, new = sides
    before, after = old.film, new.film
    ticks = max(old.prints[before.picture].time_base, new.prints[after.picture].time_base)
    return Comparison(
        before,
        after,
        tuple(_pairs(old, new)),
        tuple(_differences(before, after)),
        tuple(_serious(before, after, ticks)),
    )


@dataclass(frozen=True)
class _Side:
    film: Footage
    prints: dict[int, Fingerprint]

    @property
    def streams(self) -> list[StreamInfo]:
        """Without tracks of timecode and of chapters: every container makes its own, and what
        they say is compared as such."""
        own = ("tmcd", "bin_data", "text") if self.film.chapters else ("tmcd",)
        return [s for s in self.film.streams if s.kind != "data" or s.codec not in own]

    def packets(self, stream: StreamInfo) -> int:
        return self.prints[stream.index].packets if stream.index in self.prints else 0

    def half(self, stream: StreamInfo) -> Half | None:
        """None for streams in which nothing is found to compare."""
        if stream.index not in self.prints:
            return None
        return Half(self.film, stream.index, self.prints[stream.index])


def _pairs(old: _Side, new: _Side) -> Iterable[Pair]:
    """In A's order; what is only in B comes last."""
    mates: dict[int, tuple[StreamInfo, str | None]] = {}
    free = new.streams
    for stream in old.streams:
        found = _same(stream, old, free, new)
        if found:
            mates[stream.index] = found
            free.remove(found[0])
    for stream in old.streams:
        packets = old.packets(stream)
        if stream.index in mates:
            mate, how = mates[stream.index]
            remarks = _remarks(stream, mate)
            before, after = old.half(stream), new.half(mate)
            if how is None or before is None or after is None:
                yield Pair(UNREAD, stream.kind, stream, mate, packets, remarks=remarks)
                continue
            off = moved_s(before, after)
            off = off if off > allowed_s(before, after) else 0.0
            yield Pair(SAME, stream.kind, stream, mate, packets, how, off, remarks)
            continue
        other = _changed(stream, old.streams, mates, free)
        if other is None:
            yield Pair(MISSING, stream.kind, stream, None, packets)
        else:
            free.remove(other)
            remarks = _remarks(stream, other)
            yield Pair(CHANGED, stream.kind, stream, other, packets, remarks=remarks)
    for stream in free:
        yield Pair(NEW, stream.kind, None, stream, new.packets(stream))


def _same(
    stream: StreamInfo, old: _Side, free: Sequence[StreamInfo], new: _Side
) -> tuple[StreamInfo, str | None] | None:
    """The stream of B with the same content, and how it is the same. Of several, the one with the
    same language and title, and then the first."""
    candidates = sorted(
        (s for s in free if s.kind == stream.kind),
        key=lambda s: (s.language != stream.language, s.title != stream.title),
    )
    before = old.half(stream)
    for candidate in candidates:
        after = new.half(candidate)
        if before is None or after is None:
            if before is after and candidate.title == stream.title:
                return candidate, None
        elif how := same_content(before, after):
            return candidate, how
    return None


def _changed(
    stream: StreamInfo,
    old: Sequence[StreamInfo],
    mates: Mapping[int, object],
    free: Sequence[StreamInfo],
) -> StreamInfo | None:
    """What a stream without its like in B probably became: one of its kind and language, or, where
    as many of its kind were lost as are new, the next."""
    left = [s for s in free if s.kind == stream.kind]
    named = [s for s in left if (s.language, s.title) == (stream.language, stream.title)]
    if named and (stream.language not in ("", "und") or stream.title):
        return named[0]
    lost = [s for s in old if s.kind == stream.kind and s.index not in mates]
    return left[0] if left and (stream.kind != "audio" or len(left) >= len(lost) > 0) else None


def _remarks(before: StreamInfo, after: StreamInfo) -> tuple[str, ...]:
    said = []
    for name in ("codec", "language", "title", "layout", "rate_hz"):
        was, is_ = getattr(before, name), getattr(after, name)
        unnamed = name == "layout" and before.channels == after.channels and "channels" in was + is_
        unsaid = name == "language" and {was, is_} == {"", "und"}
        if was != is_ and not unsaid and not unnamed:
            label = "rate" if name == "rate_hz" else name
            said.append(f"{label} {was or 'none'} is now {is_ or 'none'}")
    was_set, is_set = set(before.disposition), set(after.disposition)
    if was_set != is_set and before.kind != "video":
        lost, added = sorted(was_set - is_set), sorted(is_set - was_set)
        said += [f"no longer marked {', '.join(lost)}"] if lost else []
        said += [f"now marked {', '.join(added)}"] if added else []
    return tuple(said)


def _serious(before: Footage, after: Footage, ticks: Fraction) -> Iterable[str]:
    if not same_length(before, after, ticks):
        yield (
            f"The picture lasts {float(after.duration_s):.6f} s, "
            f"not {float(before.duration_s):.6f} s."
        )
    if after.rotation != before.rotation:
        yield f"The picture is turned by {after.rotation}°, not {before.rotation}°."
    if after.sample_aspect != before.sample_aspect:
        yield f"Pixels are {after.sample_aspect} wide, not {before.sample_aspect}."
    for name in ("primaries", "transfer", "matrix", "range"):
        was, is_ = before.colour.get(name), after.colour.get(name)
        if was != is_:
            yield f"The colour's {name}: {is_ or 'not said'}, not {was or 'unsaid'}."
    graded = hdr_metadata(before.path, before.picture)
    shown = hdr_metadata(after.path, after.picture)
    for name in graded | shown:
        value, other = graded.get(name), shown.get(name)
        if value is None or other is None or abs(value - other) > HDR_STEP * max(1.0, value):
            yield f"HDR metadata, {name}: {other or 'none'}, not {value or 'none'}."


def _differences(before: Footage, after: Footage) -> Iterable[str]:
    was, is_ = before.start_timecode, after.start_timecode
    if was != is_:
        yield f"Start timecode: {is_.text if is_ else 'none'}, not {was.text if was else 'none'}."
    old, new = chapters_of(before.path), chapters_of(after.path)
    if len(old) != len(new):
        yield f"Chapters: {len(new)}, not {len(old)}."
    for number, (one, other) in enumerate(zip(old, new, strict=False), 1):
        if one.title != other.title:
            yield f"Chapter {number} is called {other.title!r}, not {one.title!r}."
        if abs(one.start_s - other.start_s) > CHAPTER_S:
            yield (
                f"Chapter {number} begins at {float(other.start_s):.3f} s, "
                f"not {float(one.start_s):.3f} s."
            )
    if before.container != after.container:
        yield f"Container: {_named(after)}, not {_named(before)}."


def _named(film: Footage) -> str:
    """ffmpeg calls every MP4 and MOV ``mov,mp4,m4a,…``."""
    names = film.container.split(",")
    suffix = film.path.suffix.lower().removeprefix(".")
    return suffix if suffix in names or suffix == "mkv" else names[0]
