"""``vta generate --session``: a session begun, gone on with after a crash, or brought up to now."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from vtacli.cues.asking import known_cues
from vtacli.dub import Dubbed, Run, dubbed
from vtacli.errors import ConfigError, MediaError, printable
from vtacli.inference import Pictures
from vtacli.media.door import check_input, check_output
from vtacli.media.probe import probe
from vtacli.media.spool import check_writable
from vtacli.media.video import Analysis
from vtacli.model.variants import Variant
from vtacli.models import ModelHandle
from vtacli.options import GenerateOptions
from vtacli.planning import Job, find_scenes, make_job, windows_of
from vtacli.progress import Note, Report, ignore
from vtacli.session.choices import choices_json, choices_of
from vtacli.session.film import FilmFile, stored
from vtacli.session.folder import Facts, session_of
from vtacli.session.journal import MADE
from vtacli.session.recipe import recipe_of, take_seed
from vtacli.session.recording import Want, make_wanted
from vtacli.session.rendering import Rendered, check_writable_film, render
from vtacli.session.session import Session
from vtacli.session.state import SceneState, State, TakeInfo
from vtacli.session.watching import keep_motion, watch_scenes
from vtacli.timeline import Scene
from vtacli.window_cache.facade import fingerprint_of


@dataclass(frozen=True)
class SessionMade:
    """What came of it. ``made`` and ``reused``: takes. ``dubbed``: as without a session."""

    session: Path
    dubbed: Dubbed
    rendered: Rendered
    made: int
    reused: int

    def to_dict(self) -> dict[str, Any]:
        """JSON values: those of :class:`vtacli.dub.Dubbed`, and the session's."""
        return {
            **self.dubbed.to_dict(),
            "session": printable(self.session),
            "takes_made": self.made,
            "takes_reused": self.reused,
            "sha256": self.rendered.sha256,
        }


@dataclass(frozen=True)
class _Asked:
    """What is wanted of a scene: its row, a take for each of its wants, and the recipe of the
    first, by which it is known whether anything else is asked than before. ``stands``: the take
    that is chosen was made of just this, with another seed."""

    scene: Scene
    wants: tuple[Want, ...]
    asked: str
    stands: bool = False


def generate(
    film: Path,
    output: Path,
    options: GenerateOptions,
    model: ModelHandle,
    report: Report = ignore,
    *,
    command: str = "vta generate",
) -> SessionMade:
    """Make ``output`` and the session that keeps its takes; or bring that session up to date.

    The film is the same as without a session. Takes that the session has are not made again: after
    a crash the same call ends as it would have, and with another cue sheet or prompt it makes
    what has changed. Locked scenes stay as they are. Raises the errors of :mod:`vtacli.errors`.
    """
    run = Run(report)
    check_output(check_input(film), output, overwrite=True)
    with ExitStack() as open_things:
        path = session_of(output)
        with run.stage("check"):
            session = open_things.enter_context(Session.begin(path, command))
            film_file = _film_of(session, film)
            target = check_writable_film(session, film, output, options.overwrite)
            options = replace(options, overwrite=options.overwrite or target.exists())
            job = make_job(film, target, options, model.variant, model.few_steps)
            check_writable(target.parent)
            model.check_device()
            seed = _seed(session, options)
            facts = model_facts(model)
        count = make_scenes(session, film_file, job, seed, facts, model, run, open_things)
        rendered = render(session, target, overwrite=options.overwrite, report=run.report)
        run.seconds |= {k: v for k, v in rendered.seconds.items() if k in ("mix", "write")}
        scenes = tuple(s.scene for s in session.state.scenes)
        windows = windows_of(job, scenes)
        said = dubbed(job, scenes, windows, seed, rendered.finished, run)
    return SessionMade(path, said, rendered, *count)


def wants_session(film: Path, options: GenerateOptions, variant: Variant) -> bool:
    """Whether more than one take of some scene is asked for, and so has to be kept.

    Raises MediaError, ConfigError.
    """
    if options.takes > 1:
        return True
    if options.cues is None:
        return False
    sheet = known_cues(probe(check_input(film)), options.cues, variant)
    return sheet is not None and any(s.takes > 1 for s in sheet.scenes)


def make_scenes(
    session: Session,
    film_file: FilmFile,
    job: Job,
    seed: int,
    facts: dict[str, Any],
    model: ModelHandle,
    run: Run,
    open_things: ExitStack,
) -> tuple[int, int]:
    """Make what is missing, and say how many takes were made and how many reused."""
    options = job.options
    analysis = None
    scenes = _known_scenes(session, job) if session.exists else None
    if scenes is None:
        scenes, analysis = _found(job, run, open_things)
        cuts_s = tuple(analysis.cuts_s)
        motion_hash: str | None = keep_motion(session, analysis.motion)
    else:
        cuts_s = all_cuts(session.state, scenes)
        motion_hash = session.state.motion
    # kept is what was found in the picture; where a sheet has more cuts, they are the sheet's
    cuts = tuple(str(c) for c in cuts_s) if analysis else session.state.cuts
    request = choices_json(options, session.path)
    if not session.exists:
        rows = tuple(SceneState(s) for s in _with_takes(scenes, options.takes))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        footage = job.footage
        start = footage.start_timecode
        session.create(
            Facts(
                film_file,
                str(footage.duration_s),
                str(footage.frame_rate),
                start.text if start else None,
                now,
            ),
            State(
                request=request,
                model=facts,
                seed=seed,
                output=stored(job.output, session.path),
                scenes=rows,
                cuts=cuts,
                motion=motion_hash,
            ),
        )

    def recipe(scene: Scene, take: int) -> str:
        return recipe_of(film_file.sha256, facts, options, scene, take, cuts_s)

    asked = [_asked(s, recipe, seed) for s in _with_takes(scenes, options.takes)]
    kept = _kept_scenes(session.state, [a.scene for a in asked])
    if seed == session.state.seed:
        asked = [
            replace(a, stands=_stands(a.scene, kept.get(a.scene.index), recipe)) for a in asked
        ]
    wants = _missing(session, asked, kept, run.report)
    frames: Pictures | None = analysis.frames if analysis else None
    motion = analysis.motion if analysis else None
    if wants and frames is None:
        with run.stage("decode"):
            spans = sorted({w.scene.span for w in wants})
            watched, motion = watch_scenes(session, job, spans, cuts_s, run.report)
            frames = open_things.enter_context(watched)
    made: list[TakeInfo] = []
    with run.stage("generate"):
        if wants and frames is not None:
            every = tuple(a.scene for a in asked)
            made = make_wanted(
                session, job, every, wants, frames, motion, model, run.report, run.remarks
            )
    after = replace(
        session.state,
        request=request,
        model=facts,
        seed=seed,
        output=stored(job.output, session.path),
        scenes=tuple(_scene_after(session, a, kept.get(a.scene.index)) for a in asked),
        cuts=cuts,
        motion=motion_hash,
    )
    run.remarks.tell(tuple(a.scene for a in asked), job, run.report)
    reused = sum(len(a.wants) for a in asked) - len(made)
    run.report(Note(_said(len(made), reused), "info" if reused else "detail"))
    if after != session.state:
        session.commit(MADE, _said(len(made), reused).removesuffix(".").lower(), after)
    return len(made), reused


def model_facts(model: ModelHandle) -> dict[str, Any]:
    """What a session keeps of a model: enough to say what the sound is without it."""
    variant = model.variant
    return {
        "name": model.name,
        "variant": variant.name,
        "licence": variant.licence,
        "bandwidth_hz": variant.bandwidth_hz,
        "weights": fingerprint_of(model),
    }


def _film_of(session: Session, film: Path) -> FilmFile:
    """The film's name and hash. Raises ConfigError where the session is another film's."""
    if not session.exists:
        return FilmFile.of(film, session.path)
    try:
        session.move_film(film)
    except MediaError as error:
        raise ConfigError(
            "There is a session of this name, and it is of another film, or the film has changed "
            "since.",
            path=session.path,
            hint="Choose another output, or remove the session.",
        ) from error
    return session.facts.film


def _seed(session: Session, options: GenerateOptions) -> int:
    if options.seed is not None:
        return options.seed
    return session.state.seed if session.exists else secrets.randbits(31)


def _found(job: Job, run: Run, open_things: ExitStack) -> tuple[tuple[Scene, ...], Analysis]:
    with run.stage("decode"):
        scenes, analysis = find_scenes(job, run.report, with_frames=True)
        assert analysis is not None
        assert analysis.frames is not None
        open_things.enter_context(analysis.frames)
    return scenes, analysis


def _known_scenes(session: Session, job: Job) -> tuple[Scene, ...] | None:
    """The scenes without a look at the picture: those of a cue sheet, or the session's own where
    cuts are looked for in the same way as they were."""
    before = choices_of(session.state.request, session.path)
    if job.cues is not None:
        return job.cues
    if before.cues is not None or before.scenes != job.options.scenes or job.cuts_s is not None:
        return None
    hits = job.hits
    return tuple(
        Scene(i, s.scene.span, hits=tuple(h for h in hits if s.scene.span.contains(h.time_s)))
        for i, s in enumerate(session.state.scenes)
    )


def _with_takes(scenes: Sequence[Scene], takes: int) -> list[Scene]:
    return [replace(s, takes=takes) if s.takes == 1 else s for s in scenes]


def _asked(scene: Scene, recipe: Callable[[Scene, int], str], seed: int) -> _Asked:
    """``recipe``: of a scene and a take's seed."""
    own = seed if scene.seed is None else scene.seed
    seeds = [] if scene.mute else [take_seed(own, k + 1) for k in range(scene.takes)]
    # of a muted scene nothing is wanted, and what it has stays
    return _Asked(scene, tuple(Want(scene, s, recipe(scene, s)) for s in seeds), recipe(scene, own))


def _stands(scene: Scene, kept: SceneState | None, recipe: Callable[[Scene, int], str]) -> bool:
    if kept is None or kept.take is None or kept.scene.seed != scene.seed:
        return False
    return recipe(scene, kept.take.seed) == kept.take.recipe


def _kept_scenes(state: State, scenes: Sequence[Scene]) -> dict[int, SceneState]:
    """The session's scenes with the bounds of the new ones, by the new index.

    Raises ConfigError where a locked scene has no place among the new ones.
    """
    new = {s.span: s.index for s in scenes}
    lost = [s.number for s in state.scenes if s.scene.lock and s.scene.span not in new]
    if lost:
        raise ConfigError(
            f"Scene {lost[0]} is locked, and no scene has its bounds any more.",
            hint="Unlock it with `vta lock SESSION N --unlock`, or leave its bounds as they were.",
        )
    return {new[s.scene.span]: s for s in state.scenes if s.scene.span in new}


def _stays(asked: _Asked, kept: SceneState | None) -> bool:
    """Whether nothing else is asked of a scene than before, or than it has; or it is locked."""
    if kept is None:
        return False
    return kept.scene.lock or kept.asked == asked.asked or asked.stands


def _missing(
    session: Session, asked: Sequence[_Asked], kept: dict[int, SceneState], report: Report
) -> list[Want]:
    wants = []
    for item in asked:
        before = kept.get(item.scene.index)
        if before is not None and before.scene.lock and before.take is not None:
            if before.asked != item.asked:
                report(Note(f"Scene {item.scene.index + 1} is locked and stays as it is."))
            continue
        have = {t.recipe for t in session.takes_of(item.scene.span)}
        new = [w for w in item.wants if w.recipe not in have]
        if before is not None and before.take is not None and _stays(item, before):
            short = max(0, len(item.wants) - len(before.takes))
            new = new[-short:] if short else []
        wants += new
    return wants


def _scene_after(session: Session, item: _Asked, kept: SceneState | None) -> SceneState:
    scene = item.scene
    takes = session.takes_of(scene.span)
    if kept is not None and kept.scene.lock and kept.take is not None:
        return replace(kept, scene=replace(kept.scene, index=scene.index), takes=takes)
    if _stays(item, kept) and kept is not None and kept.chosen is not None:
        # what was redone since is the person's latest wish; level and locks are the sheet's
        row = replace(
            kept.scene,
            index=scene.index,
            takes=scene.takes,
            gain_db=scene.gain_db,
            mute=scene.mute,
            lock=scene.lock,
        )
        return SceneState(row, takes, kept.chosen, item.asked)
    chosen = kept.chosen if kept else None
    if item.wants:
        chosen = next(t.number for t in takes if t.recipe == item.wants[0].recipe)
    return SceneState(scene, takes, chosen, item.asked)


def _said(made: int, reused: int) -> str:
    takes = f"{made} take{'' if made == 1 else 's'} made"
    return f"{takes}, {reused} reused." if reused else f"{takes}."


def all_cuts(state: State, scenes: Sequence[Scene]) -> tuple[Fraction, ...]:
    """The film's cuts, by which its motion is read: those in the picture, and those of scenes."""
    starts = {s.span.start_s for s in scenes[1:]}
    return tuple(sorted(starts.union(Fraction(c) for c in state.cuts)))
