"""``vta redo``: some scenes once more, with other words or another seed, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from vtacli.errors import ConfigError, MediaError
from vtacli.media.probe import probe
from vtacli.models import ModelHandle
from vtacli.options import GenerateOptions
from vtacli.planning import Screening, check_request, read_references
from vtacli.progress import Note, Report, ignore
from vtacli.session.choices import choices_of
from vtacli.session.journal import REDO
from vtacli.session.making import all_cuts, model_facts
from vtacli.session.recipe import recipe_of, take_seed
from vtacli.session.recording import Want, make_wanted
from vtacli.session.session import Session
from vtacli.session.state import SceneState, TakeInfo
from vtacli.session.watching import watch_scenes
from vtacli.timeline import Hit, Scene


def redo(
    session: Session,
    scenes: Sequence[int],
    *,
    model: ModelHandle,
    prompt: str | None = None,
    negative: str | None = None,
    seed: int | None = None,
    hits: tuple[Hit, ...] | None = None,
    takes: int = 1,
    pick: bool = True,
    device: str = "auto",
    batch_size: int = 4,
    report: Report = ignore,
) -> list[TakeInfo]:
    """New takes of ``scenes``, by their numbers; the first new one of each is picked.

    ``prompt``, ``negative`` and ``hits`` None: as the scene has them. With ``pick`` they are the
    scene's own from now on. ``seed`` None: the next one of the scene's series; given, it is that of
    the first new take. The picture is decoded where the scenes are. Returns the takes, by scene;
    those that were made are kept even where this is broken off, and used where it is run again.
    Raises ConfigError for a scene that is locked, muted or not there, and the errors of
    :mod:`vtacli.errors`.
    """
    found = [session.scene(n) for n in sorted(set(scenes))]
    session.refuse_locked(found)
    muted = [s.number for s in found if s.scene.mute]
    if muted:
        raise ConfigError(
            f"Scene {muted[0]} is muted: nothing would be heard.",
            hint="Unmute it in the cue sheet, and run `vta generate --cues` again.",
        )
    options = replace(
        choices_of(session.state.request, session.path), device=device, batch_size=batch_size
    )
    replace(options, takes=takes, seed=seed)  # refuses what is none
    rows = [_asked_row(s.scene, prompt, negative, hits) for s in found]
    _check_words(rows, options, model)
    film = session.film
    facts = model_facts(model)
    film_hash = session.facts.film.sha256
    cuts_s = all_cuts(session.state, [s.scene for s in session.state.scenes])
    wants = [
        Want(row, s, recipe_of(film_hash, facts, options, row, s, cuts_s))
        for scene, row in zip(found, rows, strict=True)
        for s in _seeds(session, scene, seed, takes)
    ]
    missing = [w for w in wants if _made(session, w) is None]
    if missing:
        with ExitStack() as open_things:
            job = _job(session, film, options, model)
            model.check_device()
            spans = sorted({w.scene.span for w in missing})
            frames, motion = watch_scenes(session, job, spans, cuts_s, report)
            open_things.enter_context(frames)
            every = [s.scene for s in session.state.scenes]
            for row in rows:
                every[row.index] = row
            make_wanted(session, job, tuple(every), missing, frames, motion, model, report)
    new = [take for want in wants if (take := _made(session, want)) is not None]
    if len(missing) < len(wants):
        count = len(wants) - len(missing)
        report(Note(f"{count} of the takes {'was' if count == 1 else 'were'} there already."))
    state = session.state
    for row in rows if pick else ():
        first = next(w for w in wants if w.scene.index == row.index)
        take = _made(session, first)
        assert take is not None
        state = state.with_scene(replace(state.scenes[row.index], scene=row, chosen=take.number))
    session.commit(REDO, _told(found, takes, pick), state)
    return new


def _made(session: Session, want: Want) -> TakeInfo | None:
    """The take of this recipe, the latest of several."""
    takes = session.takes_of(want.scene.span)
    return next((t for t in reversed(takes) if t.recipe == want.recipe), None)


def _asked_row(
    scene: Scene, prompt: str | None, negative: str | None, hits: tuple[Hit, ...] | None
) -> Scene:
    if hits is not None:
        hits = tuple(h for h in hits if scene.span.contains(h.time_s))
    return replace(
        scene,
        prompt=scene.prompt if prompt is None else prompt,
        negative=scene.negative if negative is None else negative,
        hits=scene.hits if hits is None else hits,
    )


def _check_words(rows: Sequence[Scene], options: GenerateOptions, model: ModelHandle) -> None:
    variant = model.variant
    for text in (t for row in rows for t in (row.prompt, row.negative) if t is not None):
        if not variant.takes_text:
            raise ConfigError(
                f"The model {variant.name} takes no text, so a prompt would not be heard.",
                hint="Leave out --prompt and --negative.",
            )
        if not text.strip():
            raise ConfigError("The prompt is empty. Leave the option out instead.")
    if any(row.hits for row in rows) and not variant.takes_hits:
        raise ConfigError(f"The model {variant.name} takes no hits, so they would not be heard.")
    check_request(options, variant, model.few_steps)


def _seeds(session: Session, scene: SceneState, seed: int | None, takes: int) -> list[int]:
    """Those of the next takes. A series is numbered from the scene's first take on, so that none
    is made twice; takes of a command that was broken off are not counted, so that it can be run
    again and finds them."""
    if seed is not None:
        return [take_seed(seed, k + 1) for k in range(takes)]
    own = session.state.seed if scene.scene.seed is None else scene.scene.seed
    loose = {t.file for t in session.loose_takes}
    settled = [t.number for t in session.takes_of(scene.scene.span) if t.file not in loose]
    first = max(settled, default=0) + 1
    return [take_seed(own, first + k) for k in range(takes)]


def _job(session: Session, film: Path, options: GenerateOptions, model: ModelHandle) -> Screening:
    footage = probe(film)
    if str(footage.duration_s) != session.facts.duration_s:
        raise MediaError("The film is not as long as the session's.", path=film)
    return Screening(
        options=options,
        variant=model.variant,
        references=read_references(options, model.variant),
        folder=session.work,
        few_steps=model.few_steps,
        footage=footage,
        cuts_s=(),
        hits=(),
    )


def _told(scenes: Sequence[SceneState], takes: int, pick: bool) -> str:
    numbers = ", ".join(str(s.number) for s in scenes)
    several = "s" if len(scenes) > 1 else ""
    count = "" if takes == 1 else f", {takes} takes"
    return f"scene{several} {numbers} made again{count}{'' if pick else ', not picked'}"
