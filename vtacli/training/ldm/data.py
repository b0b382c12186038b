"""What a run learns from: prepared clips, or films that are prepared on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError
from vtacli.model.assembled import Assembled
from vtacli.progress import Note, Report
from vtacli.training.data.encoding import EncoderChoice, facts_of
from vtacli.training.data.manifest import read_manifest
from vtacli.training.data.prepared import FACTS, PreparedClips
from vtacli.training.data.preparing import prepare
from vtacli.training.data.settings import digest_of
from vtacli.training.data.splits import place_of
from vtacli.training.ldm.latents import Example
from vtacli.training.ldm.practice import practice_films
from vtacli.training.ldm.recipe import LdmRecipe


@dataclass(frozen=True)
class Corpus:
    """``train`` and ``held_out`` share no source. ``name``: names what they were made from;
    ``folder``: where it lies."""

    train: Sequence[Example]
    held_out: Sequence[Example]
    name: str
    folder: Path


class Chosen(Sequence[Example]):
    """Some examples of many, by number."""

    def __init__(self, whole: Sequence[Example], numbers: Sequence[int]):
        self.whole, self.numbers = whole, list(numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self.whole[n] for n in self.numbers[place]]
        return self.whole[self.numbers[place]]


def open_corpus(
    recipe: LdmRecipe,
    encoder: Assembled,
    source: Path | None,
    validation: Path | None,
    cache: Path,
    device: str,
    report: Report,
    first: bool = True,
) -> Corpus:
    """The examples of a run. ``source`` and ``validation``: prepared folders, or what can be
    prepared: a manifest, or a folder of films. Without ``source`` the recipe's practice films.

    A manifest that says splits is heeded: what it calls test is left alone. ``first``: whether
    this process prepares; others find what the first one made.

    Raises ConfigError where there is nothing, or clips were prepared with another encoder.
    """
    if source is None:
        if not recipe.data.practice:
            raise ConfigError(
                "there is nothing to train on",
                hint="Give prepared clips, a manifest or a folder of films with --data.",
            )
        source = cache / "practice"
        if first:
            practice_films(source, recipe.data.practice, recipe.seed, report)
    whole = _opened(source, encoder, cache, device, report, first)
    if validation is not None:
        held = _opened(validation, encoder, cache, device, report, first)
        return Corpus(whole, held, _name(whole), whole.folder)
    kept, away = divided(whole.rows, recipe.data.held_out)
    if not kept:
        raise ConfigError("all sources are held out", hint="Lower held_out, or give more clips.")
    return Corpus(Chosen(whole, kept), Chosen(whole, away), _name(whole), whole.folder)


def divided(rows: Sequence[dict[str, Any]], apart: float) -> tuple[list[int], list[int]]:
    """The numbers of rows to train on and of those held out.

    Where the manifest says of none that it is for validation, the share ``apart`` of the training
    sources is held out, by a hash of their names.
    """
    said = {row.get("split") for row in rows}
    train = [i for i, row in enumerate(rows) if row.get("split") in (None, "train")]
    if "validation" in said:
        return train, [i for i, row in enumerate(rows) if row.get("split") == "validation"]
    places = {i: place_of(rows[i]["source"], "held out") for i in train}
    return [i for i in train if places[i] >= apart], [i for i in train if places[i] < apart]


def _opened(
    source: Path, encoder: Assembled, cache: Path, device: str, report: Report, first: bool
) -> PreparedClips:
    """Prepared clips, prepared now if need be with this very encoder."""
    if not (source / FACTS).is_file():
        folder = cache / f"prepared-{digest_of({'source': str(source.resolve())})}"
        if first:
            encoder.save_pretrained(cache / "encoder")
            report(Note(f"preparing {source} into {folder}"))
            choice = EncoderChoice(str(cache / "encoder"), device=device)
            prepare(read_manifest(source), folder, choice, workers=0, report=report)
        source = folder
    clips = PreparedClips(source)
    if not len(clips):
        raise ConfigError("no clip could be used", path=source, hint="See its report.json.")
    theirs, ours = clips.facts["encoder"], facts_of(encoder)
    for key in ("name", "weights", "words", "flow"):
        # Clips may hold more than is wanted: words for a model that takes none.
        if theirs.get(key) != ours[key] and (ours[key] is not None or key in ("name", "weights")):
            raise ConfigError(
                f"the clips were prepared otherwise than the recipe wants: their {key} is "
                f"{str(theirs.get(key))[:16]}, its {str(ours[key])[:16]}",
                path=source,
                hint="Prepare them with its encoder and auxiliaries: see vta data prepare --help.",
            )
    return clips


def _name(clips: PreparedClips) -> str:
    return digest_of({"facts": clips.facts, "rows": [row["id"] for row in clips.rows]})
