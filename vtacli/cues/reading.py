"""Reading a cue sheet, and holding it against the film that it is meant for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vtacli.cues.csv_form import read_csv
from vtacli.cues.json_form import read_json
from vtacli.cues.sheet import SUFFIXES, VERSION, CueSheet, FilmFacts, RawSheet
from vtacli.cues.tiling import scenes_of
from vtacli.cues.times import Clock
from vtacli.cues.toml_form import read_toml
from vtacli.cues.values import text_of, time_of, whole_of
from vtacli.errors import ConfigError, printable
from vtacli.timecode import standard_rate

READERS = dict(zip(SUFFIXES, (read_toml, read_csv, read_json), strict=True))
LARGEST_BYTES = 64 << 20
WRITE_ANEW = "Write one of this film with `vta plan IN --save FILE`"
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read_cues(
    path: Path | str, duration_s: Fraction, frame_rate: Fraction, name: str | None = None
) -> CueSheet:
    """The scenes of a cue sheet, which tile a film of this length, rate and file name.

    TOML, CSV or JSON by the suffix. Raises ConfigError with file, line and a suggestion: for
    unknown keys, values of another type or out of range, times that are none, that overlap or lie
    beyond the end, and a sheet that says that it is of a film of another length or rate.
    """
    path = Path(path)
    raw = READERS[suffix_of(path)](path, text_of_file(path))
    film = FilmFacts(duration_s, frame_rate, name)
    clock = _clock(raw, film)
    warnings = _check_film(raw, film, clock)
    if not raw.rows:
        raise ConfigError("The sheet has no scene.", path=path, hint=f"{WRITE_ANEW}.")
    return CueSheet(scenes_of(raw, film, clock), warnings)


def suffix_of(path: Path) -> str:
    """``.toml``, ``.csv`` or ``.json``. Raises ConfigError for another."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"A cue sheet is a file in {', '.join(SUFFIXES)}, not {printable(suffix) or 'this'}.",
            path=path,
            hint="Its name says which.",
        )
    return suffix


def text_of_file(path: Path) -> str:
    """UTF-8 with or without a mark, or UTF-16 with one. Raises ConfigError."""
    try:
        if not path.is_file():
            raise ConfigError("There is no such file.", path=path, hint="Check the name.")
        if path.stat().st_size > LARGEST_BYTES:
            raise ConfigError("This is too large for a cue sheet.", path=path)
        data = path.read_bytes()
        return data.decode(_MARKS.get(data[:2], "utf-8-sig"))
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        raise ConfigError(
            f"Line {line}: this is no text in UTF-8.", path=path, hint="Save it as CSV UTF-8, say."
        ) from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"The cue sheet cannot be read: {said}.", path=path) from None


def _clock(raw: RawSheet, film: FilmFacts) -> Clock:
    version = whole_of(raw.head, "version", 1, 2**31)
    if version is not None and version > VERSION:
        raw.head.refuse("version", f"The sheet has version {version}.", "A newer vta reads it.")
    said = text_of(raw.film, "starts_at")
    try:
        return Clock.of(film.frame_rate, said)
    except ConfigError as error:
        raw.film.refuse("starts_at", f"starts_at: {error.message}", error.hint)


def _check_film(raw: RawSheet, film: FilmFacts, clock: Clock) -> tuple[str, ...]:
    """Refuse a sheet of another film; warn of one that only has another name."""
    said, name = raw.film, text_of(raw.film, "name")
    known = f"{printable(name)}, which" if name else "a film that"
    own = printable(film.name) if film.name else "this film"
    rate = _rate(raw)
    if rate is not None and standard_rate(rate) != standard_rate(film.frame_rate):
        said.refuse(
            "frame_rate",
            f"The sheet is of {known} has {_short(rate)} frames a second; "
            f"{own} has {_short(film.frame_rate)}.",
            f"{WRITE_ANEW}, or take frame_rate out to use it all the same.",
        )
    duration_s = time_of(said, "duration", Clock(film.frame_rate))
    if duration_s is not None and abs(duration_s - film.duration_s) * film.frame_rate > 1:
        said.refuse(
            "duration",
            f"The sheet is of {known} is {float(duration_s):.3f} s long; "
            f"{own} has {float(film.duration_s):.3f} s.",
            f"{WRITE_ANEW}, or take duration out to use it all the same.",
        )
    if name is not None and film.name is not None and printable(name) != own:
        return (f"The cue sheet {printable(raw.path.name)} was written for {printable(name)}, not "
                f"for {own}: its times are taken as they are.",)  # fmt: skip
    return ()


def _rate(raw: RawSheet) -> Fraction | None:
    value = raw.film.values.get("frame_rate")
    if value is None:
        return None
    try:
        if isinstance(value, bool) or len(str(value)) > 60:
            raise ValueError
        rate = Fraction(value)
        if rate <= 0:
            raise ValueError
    except (ValueError, TypeError, ZeroDivisionError):
        raw.film.refuse("frame_rate", "frame_rate is no rate.", 'Write "25" or "24000/1001".')
    return rate


def _short(rate: Fraction) -> str:
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")
