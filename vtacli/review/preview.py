"""One offline page of a session: everything in one file, or the media beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError, OutputError, printable
from vtacli.media.door import check_destination
from vtacli.media.probe import Footage
from vtacli.media.staging import Staging
from vtacli.progress import Report, Step, ignore
from vtacli.review.drawings import Drawings, draw_film_motion, draw_takes, draw_thumbs, draw_track
from vtacli.review.model import Shown, Track
from vtacli.review.page import Media, Page
from vtacli.review.proxy import (
    FEWEST_KBITS,
    MOST_KBITS,
    SOUND_KBITS,
    TAKE_KBITS,
    film_proxy,
    picture_proxy,
    sound_proxy,
)
from vtacli.timecode import Timecode

LIMIT_BYTES = 64 * 2**20
"""Of media in the page. Browsers open more, but slowly, and mail and chat refuse it."""
VIDEO, AUDIO = "video/mp4", "audio/mp4"
WriteTrack = Callable[[Path, Report], Track]
"""Writes the film's new track as a WAV file to a path."""


@dataclass(frozen=True)
class Previewed:
    """``media``: the folder beside the page, where its media are not in it."""

    page: Path
    media: Path | None
    size: int
    scenes: int
    takes: int

    def to_dict(self) -> dict[str, Any]:
        """JSON values; the names are an interface and stay."""
        return {
            "page": printable(self.page),
            "media": printable(self.media) if self.media else None,
            "bytes": self.size,
            "scenes": self.scenes,
            "takes": self.takes,
        }


def check_page(output: Path, overwrite: bool) -> Path:
    """The absolute path of a page that may be written. Raises ConfigError, OutputError."""
    if output.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(
            f"A page is an .html file, not {output.suffix or 'one without a suffix'}."
        )
    return check_destination(None, output, overwrite)


def picture_kbits(shown: Shown, link: bool) -> int:
    """How many bits a second the picture may have. Raises ConfigError where the page would be
    too large even with the fewest."""
    if link:
        return MOST_KBITS
    seconds = float(shown.duration_s)
    takes_s = sum(float(s.span.duration_s) * len(s.takes) for s in shown.scenes)
    left = LIMIT_BYTES * 8 / 1000 - SOUND_KBITS * seconds - TAKE_KBITS * takes_s
    kbits = min(MOST_KBITS, int(left / seconds))
    if kbits < FEWEST_KBITS:
        raise ConfigError(
            f"The film and its {shown.takes} takes are too long for one file of "
            f"{LIMIT_BYTES >> 20} MB.",
            hint="Give --link: the media then lie in a folder beside the page.",
        )
    return kbits


def write_preview(
    shown: Shown,
    footage: Footage,
    start: Timecode | None,
    write_track: WriteTrack,
    output: Path,
    *,
    link: bool = False,
    overwrite: bool = False,
    report: Report = ignore,
) -> Previewed:
    """Make the page. However this ends, it is whole or not there.

    ``start``: the timecode of the film's first picture. ``link``: film and takes go to a folder
    named after the page, ``NAME.media``, and not into it.
    Raises ConfigError, OutputError, MediaError, ToolError, StorageError.
    """
    output = check_page(output, overwrite)
    kbits = picture_kbits(shown, link)
    folder = output.with_name(f"{output.stem}.media") if link else None
    made = _make_folder(folder) if folder else False
    try:
        with (
            tempfile.TemporaryDirectory(prefix=".vta-preview-", dir=output.parent) as temporary,
            Staging(overwrite) as staging,
        ):
            work = Path(temporary)
            page = _page(shown, footage, start, write_track, work, kbits, folder, staging, report)
            staging.part(output).write_text(page.html(), encoding="utf-8")
    except BaseException:
        if made and folder is not None:
            with suppress(OSError):
                folder.rmdir()
        raise
    return Previewed(output, folder, output.stat().st_size, len(shown.scenes), shown.takes)


def _page(
    shown: Shown,
    footage: Footage,
    start: Timecode | None,
    write_track: WriteTrack,
    work: Path,
    kbits: int,
    folder: Path | None,
    staging: Staging,
    report: Report,
) -> Page:
    picture, track, film = work / "picture.mp4", work / "track.wav", work / "film.mp4"
    picture_proxy(footage, picture, kbits, report)
    written = write_track(track, report)
    film_proxy(picture, track, film, shown.duration_s, report)

    def placed(name: str, suffix: str, kind: str, file: Path) -> Media:
        if folder is None:
            return Media.embed(name, file, kind)
        staging.part(folder / f"{name}{suffix}").write_bytes(file.read_bytes())
        return Media(f"{_quoted(folder.name)}/{name}{suffix}", kind)

    takes: dict[tuple[int, int], Media] = {}
    for scene in shown.scenes:
        for take in scene.takes:
            name = f"scene-{scene.number:03}-take-{take.number:02}"
            coded = work / f"{name}.m4a"
            sound_proxy(take.sound, coded, take.scale_db)
            takes[scene.number, take.number] = placed(name, ".m4a", AUDIO, coded)
            report(Step("takes", len(takes), shown.takes))
    wave, colours = draw_track(track)
    drawings = Drawings(
        wave=wave,
        spectrogram=colours,
        motion=draw_film_motion(shown, footage, report),
        thumbs=draw_thumbs(shown, picture),
        outlines=draw_takes([t for s in shown.scenes for t in s.takes], {}),
    )
    return Page(
        shown,
        drawings,
        placed("film", ".mp4", VIDEO, film),
        takes,
        footage.frame_rate,
        start,
        written.levels,
    )


def _make_folder(folder: Path) -> bool:
    """Whether it was made here. Raises OutputError where it cannot be."""
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise OutputError(
                "This is no folder, and the page's media go there.", path=folder
            ) from None
        return False
    except OSError as error:
        raise OutputError(
            f"The folder for the page's media cannot be made: {(error.strerror or '').lower()}.",
            path=folder,
        ) from error
    return True


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name)
