"""Writing a cue sheet, such that what is written reads back equal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vtacli.cues.csv_form import write_csv
from vtacli.cues.json_form import write_json
from vtacli.cues.reading import suffix_of
from vtacli.cues.sheet import FilmFacts
from vtacli.cues.times import Clock
from vtacli.cues.toml_form import write_toml
from vtacli.errors import ConfigError, StorageError, printable
from vtacli.media.staging import Staging
from vtacli.model.guess import Guess
from vtacli.timecode import standard_rate, takes_drop_frame
from vtacli.timeline import Hit, Scene

_NOTHING_SAID = {"takes": 1, "gain_db": 0.0, "mute": False, "lock": False, "hits": []}


def write_cues(
    path: Path | str,
    scenes: Sequence[Scene],
    film: FilmFacts,
    guesses: Sequence[Guess] = (),
    *,
    starts_at: str | None = None,
    drop_frame: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write the scenes of ``film`` as TOML, CSV or JSON, by the suffix. Returns the path.

    ``guesses``: what each scene looks like, which is written for people. ``starts_at``: the label
    from which frames are counted (None: 00:00:00:00). ``drop_frame``: whether labels are counted
    so, where the rate has that. The file is there whole or not at all. Raises ConfigError for a
    suffix or a label that is none, OutputError where it exists, StorageError.
    """
    path = Path(path)
    text = text_of_cues(path, scenes, film, guesses, starts_at=starts_at, drop_frame=drop_frame)
    # a spreadsheet knows UTF-8 by its mark alone
    data = text.encode("utf-8-sig" if suffix_of(path) == ".csv" else "utf-8")
    with Staging(overwrite) as staging:
        part = staging.part(path)
        try:
            part.write_bytes(data)
        except OSError as error:
            raise StorageError(f"Writing failed: {error.strerror}.", path=path) from error
        return staging.targets[0]


def text_of_cues(
    path: Path,
    scenes: Sequence[Scene],
    film: FilmFacts,
    guesses: Sequence[Guess] = (),
    *,
    starts_at: str | None = None,
    drop_frame: bool = False,
) -> str:
    """What :func:`write_cues` writes."""
    suffix = suffix_of(path)
    drop_frame = drop_frame and takes_drop_frame(standard_rate(film.frame_rate))
    clock = Clock.of(film.frame_rate, starts_at)
    counted = Clock(film.frame_rate)
    rows = [_row(s, clock, drop_frame, suffix == ".toml") for s in scenes]
    for row, guess in zip(rows, guesses, strict=False):
        row["guess"] = _likeliest(guess) if suffix == ".toml" else guess.text()
    about = {
        "name": printable(film.name) if film.name else None,
        "duration": counted.write(film.duration_s, drop_frame),
        "frame_rate": str(film.frame_rate),
        "starts_at": starts_at,
    }
    head: dict[str, Any] = {"gaps": "film"}
    if suffix == ".csv":
        return write_csv(head, about, rows)
    if suffix == ".json":
        return write_json(head, about, rows)
    looks = [f"\nlooks like: {guess.text()}" for guess in guesses] or [""] * len(rows)
    remarks = [
        f"{scene.index + 1}: {float(scene.span.duration_s):.3f} s{look}"
        for scene, look in zip(scenes, looks, strict=True)
    ]
    own = film.start_timecode if starts_at is None else None
    return write_toml(path, head, about, rows, remarks, own)


def _row(scene: Scene, clock: Clock, drop_frame: bool, brief: bool) -> dict[str, Any]:
    """A row as plain values; ``brief``: without what says nothing."""
    row: dict[str, Any] = {
        "scene": scene.index + 1,
        "start": clock.write(scene.span.start_s, drop_frame),
        "end": clock.write(scene.span.end_s, drop_frame),
        "prompt": _text(scene.prompt),
        "negative": _text(scene.negative),
        "seed": scene.seed,
        "takes": scene.takes,
        "gain_db": scene.gain_db,
        "mute": scene.mute,
        "lock": scene.lock,
        "hits": [_hit(h, clock, drop_frame) for h in scene.hits],
    }
    if brief:
        row = {k: v for k, v in row.items() if v != _NOTHING_SAID.get(k)}
    return row


def _hit(hit: Hit, clock: Clock, drop_frame: bool) -> str:
    """``TIME`` or ``TIME@STRENGTH``, without a space: they part hits in a spreadsheet's cell."""
    time = clock.write(hit.time_s, drop_frame).replace(" ", "")
    return time if hit.strength == 1 else f"{time}@{hit.strength!r}"


def _text(text: str | None) -> str | None:
    if text is not None:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ConfigError(f"{text!r} cannot be written as a text.") from None
    return text


def _likeliest(guess: Guess) -> str:
    return guess.sounds[0][0] if guess.sounds else ""
