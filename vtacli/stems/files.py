"""The files of a set: what each is called, which stretch it has, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from vtacli import __version__
from vtacli.errors import printable
from vtacli.media.bwf import Written
from vtacli.media.door import check_destination
from vtacli.media.staging import Staging
from vtacli.media.stem_files import StemLabel, stem_paths, write_stem
from vtacli.naming import Naming, StemFacts
from vtacli.provenance import Provenance, bandwidth_text
from vtacli.stems.balance import Extract, Tracks
from vtacli.stems.job import StemJob
from vtacli.stems.kinds import BEDS, HITS
from vtacli.stems.options import StemOptions
from vtacli.stems.watching import Stem
from vtacli.timeline import Scene, samples_at
from vtacli.ucs import category

MIX = "mix"


@dataclass(frozen=True)
class Piece:
    """One sound that is written: to a file, or to one for each channel.

    ``stem``: its number in the set, None for the mix. ``name`` and ``kind``: see :class:`Stem`.
    ``words``: that it was made from. ``scene``: None where it is as long as the film. ``base``:
    the files' path without what comes after the name.
    """

    stem: int | None
    name: str
    kind: str
    words: str | None
    seed: int
    scene: Scene | None
    extract: Extract
    base: Path
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class MadeFile:
    """A file that was written. ``start``: samples after the film's first picture at which it
    begins; ``time_reference``: after midnight."""

    piece: Piece
    written: Written
    start: int
    time_reference: int
    timecode: str | None

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        piece = self.piece
        return {
            "file": printable(self.written.path.name),
            "stem": piece.name,
            "prompt": piece.words,
            "seed": piece.seed,
            "scene": None if piece.scene is None else piece.scene.index,
            "start_sample": self.start,
            "samples": self.written.length,
            "handles_samples": [
                piece.extract.sound.start - piece.extract.start,
                piece.extract.stop - piece.extract.sound.stop,
            ],
            "time_reference": self.time_reference,
            "start_timecode": self.timecode,
            "loudness": self.written.loudness.to_dict(),
        }


def provisional(job: StemJob, folder: Path) -> tuple[Piece, ...]:
    """The files that a set may have as far as they are known before the picture is seen: none
    where there is one for each scene; hits, beds or both where the picture says what is heard."""
    if job.options.per_scene:
        return ()
    said = tuple(Stem(p, p, (), 0) for p in job.words)
    hits, beds = (Stem(kind, None, (), 0) for kind in (HITS, BEDS))
    seen: list[tuple[Stem, ...]] = [(hits,), (beds,), (hits, beds)] if job.guesses else [()]
    return tuple(piece for some in seen for piece in pieces_of(job, folder, said + some))


def pieces_of(job: StemJob, folder: Path, stems: tuple[Stem, ...]) -> tuple[Piece, ...]:
    """Every stem from the film's start to its end, or the scenes in which it is heard; then their
    sum, where there is more than one stem to be summed."""
    options = job.options
    found: list[Piece] = []
    several = len(stems) > 1
    mix = Stem(MIX, None, tuple(_heard(stems)), job.seed) if several else None
    words = [stem.words for stem in stems if stem.words]
    rows: list[tuple[int | None, Stem, str | None]] = [
        (i, stem, stem.words) for i, stem in enumerate(stems)
    ]
    if mix:
        rows.append((None, mix, "; ".join(words) or None))
    sounds = [
        (number, stem, said, scene)
        for number, stem, said in rows
        for scene in (stem.scenes if options.per_scene else (None,))
    ]
    names = Naming(options.name).names(
        [_facts(job, number, stem, scene, stems) for number, stem, _, scene in sounds]
    )
    for (number, stem, said, scene), name in zip(sounds, names, strict=True):
        words_here = None if scene is None or number is None else scene.prompt
        found.append(
            Piece(
                stem=number,
                name=stem.name,
                kind=stem.kind,
                words=words_here or said,
                seed=stem.seed,
                scene=scene,
                extract=extract_of(job, scene),
                base=folder / name,
                paths=stem_paths(folder / name, options.form, job.channels),
            )
        )
    return tuple(found)


def extract_of(job: StemJob, scene: Scene | None) -> Extract:
    """All of the film; or a scene with its handles, which end where the film does."""
    if scene is None:
        return Extract(0, job.samples, range(job.samples))
    rate = job.options.rate_hz
    sound, handle = scene.span.samples(rate), samples_at(job.options.handle_s, rate)
    return Extract(max(0, sound.start - handle), min(job.samples, sound.stop + handle), sound)


def check_pieces(pieces: tuple[Piece, ...], options: StemOptions) -> None:
    """Raise OutputError where a file would replace another without leave."""
    for piece in pieces:
        for path in piece.paths:
            if path.parent.is_dir():
                check_destination(None, path, options.generate.overwrite)


def write_piece(
    job: StemJob, piece: Piece, tracks: Tracks, staging: Staging, made: datetime, scenes: int
) -> Iterator[MadeFile]:
    """Write one sound. ``made``: when the set was made, in universal time; ``scenes``: of the
    film, how many there are."""
    extract, rate = piece.extract, job.options.rate_hz
    offset_s = Fraction(extract.start, rate)
    label = _label(job, piece, offset_s, made, scenes)
    for written in write_stem(
        piece.base,
        extract.blocks(tracks, piece.stem),
        form=job.options.form,
        channels=job.channels,
        length=len(extract),
        label=label,
        seed=piece.seed,
        staging=staging,
    ):
        yield MadeFile(
            piece, written, extract.start, label.time_reference(rate), _timecode(job, offset_s)
        )


def _label(
    job: StemJob, piece: Piece, offset_s: Fraction, made: datetime, scenes: int
) -> StemLabel:
    variant, options = job.request.variant, job.options
    source = Provenance(
        model=variant.name,
        version=__version__,
        seed=piece.seed,
        prompt=piece.words,
        licence=variant.licence,
        bandwidth_hz=job.bandwidth_hz,
        references=tuple(r.name for r in job.request.references),
    )
    told = options.generate.provenance
    bandwidth = f"bandwidth {bandwidth_text(job.bandwidth_hz)}"
    return StemLabel(
        name=piece.name,
        description=source.note(256) if told else f"{piece.name}; {bandwidth}",
        note=source.note() if told else bandwidth,
        project=job.footage.path.stem if job.footage else "",
        scene=_scene_text(piece.scene, scenes),
        take=str(options.take),
        start=job.start,
        offset_s=offset_s,
        made=made,
        source=f"{bandwidth}; {variant.name}" if told else bandwidth,
        tags=source.tags() if told else {},
        aswg={"catId": category(piece.words or "", piece.kind)},
    )


def _scene_text(scene: Scene | None, scenes: int) -> str:
    """``3``, or ``1-12`` for what has all of them."""
    if scene is not None:
        return str(scene.index + 1)
    return f"1-{scenes}" if scenes > 1 else "1"


def _heard(stems: tuple[Stem, ...]) -> Iterator[Scene]:
    """The scenes in which anything is heard, in film order."""
    found = {scene.index: scene for stem in stems for scene in stem.scenes}
    yield from (found[index] for index in sorted(found))


def _timecode(job: StemJob, offset_s: Fraction) -> str | None:
    """The label of the frame that begins nearest to a time after the film's start."""
    return (job.start + round(offset_s * job.start.rate)).text if job.start else None


def _facts(
    job: StemJob, number: int | None, stem: Stem, scene: Scene | None, stems: tuple[Stem, ...]
) -> StemFacts:
    form, footage = job.options.form, job.footage
    return StemFacts(
        title=footage.path.stem if footage else "",
        prompt=stem.prompt or "",
        kind=stem.kind,
        scene=None if scene is None else scene.index + 1,
        take=job.options.take,
        channels=job.channels,
        rate_hz=form.rate_hz,
        bits="" if form.lossy else form.bits,
        fps=job.start.rate if footage and job.start else None,
        index=0 if number is None else number + 1,
        stems=len(stems),
        scenes=1 + max((s.index for other in stems for s in other.scenes), default=0),
    )
