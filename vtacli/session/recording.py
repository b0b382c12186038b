"""Takes made by the model and put into a session, each safe once the journal tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from vtacli.inference import Pictures
from vtacli.models import ModelHandle
from vtacli.options import RATE_HZ
from vtacli.planning import Screening, windows_of
from vtacli.progress import Report, Step
from vtacli.scene_sound import SceneSound, scene_sounds
from vtacli.session.files import write_take
from vtacli.session.session import Session
from vtacli.session.state import TakeInfo
from vtacli.signal.media import Curve
from vtacli.signal.programme import LoudnessMeter
from vtacli.takes import Remarks, listener_of, make_takes
from vtacli.timeline import Scene


@dataclass(frozen=True)
class Want:
    """A take to be made. ``scene``: with the take's own seed. ``recipe``: its digest."""

    scene: Scene
    seed: int
    recipe: str


def make_wanted(
    session: Session,
    job: Screening,
    scenes: tuple[Scene, ...],
    wants: Sequence[Want],
    frames: Pictures,
    motion: Curve | None,
    model: ModelHandle,
    report: Report,
    remarks: Remarks | None = None,
) -> list[TakeInfo]:
    """Make takes and add them to the session, in rounds of at most one a scene, in film order.

    Each is in the journal when the next one is begun. ``remarks``: filled with what there is to
    say of the first round. Returns what was made. Raises the errors of
    :mod:`vtacli.errors`.
    """
    if not wants:
        return []
    report(Step("load", 0, 1))
    loaded = model.load()
    report(Step("load", 1, 1))
    listener = listener_of(job, model.listener, report)
    made = []
    for number, turn in enumerate(rounds := _rounds(wants)):
        by_scene = {w.scene.index: w for w in turn}
        rows = tuple(
            replace(by_scene[s.index].scene, seed=by_scene[s.index].seed)
            if s.index in by_scene
            else s
            for s in scenes
        )
        asked = tuple(rows[i] for i in sorted(by_scene))
        said = remarks if remarks is not None and number == 0 else Remarks()
        rendered = make_takes(
            loaded,
            job,
            rows,
            windows_of(job, asked),
            frames,
            motion,
            0,  # every row has a seed of its own
            listener,
            _part(report, number, len(rounds)),
            said,
        )
        for sound in scene_sounds(rendered, rows, session.work):
            made.append(_kept(session, job, sound, by_scene[sound.scene.index], said))
    return made


def _rounds(wants: Sequence[Want]) -> list[list[Want]]:
    rounds: list[list[Want]] = []
    seen: dict[int, int] = {}
    for want in wants:
        turn = seen[want.scene.index] = seen.get(want.scene.index, 0) + 1
        if turn > len(rounds):
            rounds.append([])
        rounds[turn - 1].append(want)
    return rounds


def _part(report: Report, number: int, count: int) -> Report:
    """Steps of one round as a part of all, so that the time left is one number."""

    def told(event: Any) -> None:
        if isinstance(event, Step) and event.total is not None:
            done = event.done + number * event.total
            event = replace(event, done=done, total=event.total * count)
        report(event)

    return told


def _kept(
    session: Session, job: Screening, sound: SceneSound, want: Want, remarks: Remarks
) -> TakeInfo:
    scene, options = want.scene, job.options
    number, name = session.next_take(scene.span)
    file = write_take(session.path / name, sound.blocks(), sound.channels, sound.halvings)
    meter = LoudnessMeter(RATE_HZ, sound.channels, "mono" if sound.channels == 1 else "stereo")
    for block in sound.blocks():
        meter.add(block.data)
    heard = meter.result()
    guess, verdict = remarks.guess_of(scene.index), remarks.verdicts.get(scene.index)
    labels = {
        f"{d.label} ({d.file})" if d.file else d.label: None
        for (index, _), take in remarks.takes.items()
        if index == scene.index
        for d in take.drawn
    }
    take = TakeInfo(
        number=number,
        seed=want.seed,
        prompt=options.prompt if scene.prompt is None else scene.prompt,
        negative=options.negative if scene.negative is None else scene.negative,
        hits=scene.hits,
        file=name,
        sha256=file.sha256,
        samples=file.samples,
        channels=file.channels,
        recipe=want.recipe,
        halvings=sound.halvings,
        loudness_lufs=_finite(heard.integrated_lufs),
        true_peak_dbtp=_finite(heard.true_peak_dbtp),
        guess=guess.text() if guess else None,
        drawn=tuple(labels),
        made_again=verdict.text() if verdict else None,
    )
    session.add_take(scene.span, take)
    return take


def _finite(value: float) -> float | None:
    return round(value, 2) if isfinite(value) else None
