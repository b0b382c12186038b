"""The sound of every window of a plan, in order, with what there is to say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from vtacli.inference import AGAIN, STAGE, Pictures, content_of, render
from vtacli.manners import Judge, Rendered, Verdict, mannered
from vtacli.model.contract import Listener, SoundModel, Take
from vtacli.model.guess import Guess, mean_of
from vtacli.options import GenerateOptions
from vtacli.plan_dicts import scene_dict, window_dict
from vtacli.planning import Request
from vtacli.progress import Note, Report
from vtacli.signal.media import Curve
from vtacli.timeline import Scene, Window, scenes_text

NO_LISTENER = (
    "Nobody listens for speech and music: the tagger's weights (yamnet) are not beside the model."
)


@dataclass
class Remarks:
    """What is known of the takes that were kept: by scene, and by (scene, window)."""

    takes: dict[tuple[int, int], Take] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)

    def guess_of(self, scene: int) -> Guess | None:
        """What the pictures of a scene's windows look like in the mean."""
        guesses = [t.guess for (s, _), t in self.takes.items() if s == scene]
        known = [g for g in guesses if g is not None]
        return mean_of(known) if known else None

    def scene_dict(self, scene: Scene) -> dict[str, Any]:
        """A scene as JSON values, with what was guessed of it and how it came out."""
        guess, verdict = self.guess_of(scene.index), self.verdicts.get(scene.index)
        return {
            **scene_dict(scene),
            "guess": guess.to_dict() if guess else None,
            "made_again": verdict.to_dict() if verdict else None,
        }

    def window_dict(self, window: Window) -> dict[str, Any]:
        """A window as JSON values, with the recordings that its draft was made of."""
        take = self.takes.get((window.scene, window.index))
        drawn = () if take is None else take.drawn  # a take without samples is false
        return {
            **window_dict(window),
            "drawn": [
                {
                    "label": d.label,
                    "file": d.file,
                    "times_s": list(d.times_s),
                    "likeness": d.likeness,
                }
                for d in drawn
            ],
        }

    def tell(self, scenes: tuple[Scene, ...], job: Request, report: Report) -> None:
        """Report the details of each scene, and the doubts."""
        for line in self.lines(scenes):
            report(Note(line, "detail"))
        if doubts := self.doubts(scenes, job):
            report(Note(doubts))

    def doubts(self, scenes: tuple[Scene, ...], job: Request) -> str | None:
        """For a person: in which of the scenes nothing says what should be heard. None where
        there are none, and where no picture is followed anyway."""
        options = job.options
        if options.prompt or job.references or options.guidance == 0:
            return None
        unsaid = [s.index for s in scenes if not (s.prompt or s.mute)]
        guesses = ((scene, self.guess_of(scene)) for scene in unsaid)
        doubtful = [scene for scene, guess in guesses if guess is not None and guess.doubtful]
        if not doubtful:
            return None
        return (
            f"{scenes_text(doubtful)}: the picture hardly says what would be heard. Say it with "
            "--prompt, or scene by scene in a cue sheet (vta plan --save)."
        )

    def lines(self, scenes: tuple[Scene, ...]) -> Iterator[str]:
        """For a person: what each scene looks like, and what its sound was drawn from."""
        for scene in scenes:
            guess = self.guess_of(scene.index)
            if guess is not None:
                yield f"scene {scene.index + 1} looks like: {guess.text()}"
            best: dict[str, float] = {}
            for (s, _), take in self.takes.items():
                if s == scene.index:
                    for d in take.drawn:
                        name = f"{d.label} ({d.file})" if d.file else d.label
                        best[name] = max(best.get(name, -1.0), d.likeness)
            if best:
                drawn = ", ".join(f"{name} {likeness:.2f}" for name, likeness in best.items())
                yield f"scene {scene.index + 1} drawn from, with likeness: {drawn}"


def make_takes(
    model: SoundModel,
    job: Request,
    scenes: tuple[Scene, ...],
    windows: tuple[Window, ...],
    frames: Pictures,
    motion: Curve | None,
    seed: int,
    listener: Listener | None,
    report: Report,
    remarks: Remarks,
) -> Iterator[Rendered]:
    """The windows with their sound, in film order. ``remarks`` is filled on the way.

    ``windows``: of these scenes, all or those of some. ``motion`` None: nothing moves that should
    be followed. ``listener`` None: nobody minds what the sound comes out as.
    """
    options = job.options

    def made(
        some: tuple[Window, ...], scene_seed: int | None, stage: str, options: GenerateOptions
    ) -> Iterator[Rendered]:
        contents = (
            content_of(
                w,
                scenes[w.scene]
                if scene_seed is None
                else replace(scenes[w.scene], seed=scene_seed),
                frames,
                motion,
                options,
                seed,
                job.variant,
                job.references,
            )
            for w in some
        )
        return render(model, some, contents, options, report, stage)

    def again(scene: int, scene_seed: int, draft: bool) -> Iterator[Rendered]:
        own = tuple(w for w in windows if w.scene == scene)
        # an editor's reference is laid in any case
        draft = options.draft and (draft or bool(job.references))
        return made(own, scene_seed, AGAIN, replace(options, draft=draft))

    rendered = made(windows, None, STAGE, options)
    if listener is not None:
        judge = Judge(listener)
        rendered = mannered(
            rendered,
            again,
            judge,
            scenes,
            lambda scene: options.prompt if scene.prompt is None else scene.prompt,
            lambda scene: seed if scene.seed is None else scene.seed,
            judge.families_in(job.references),
            job.folder,
            report,
            lambda verdict: remarks.verdicts.update({verdict.scene: verdict}),
        )
    for window, sound in rendered:
        if isinstance(sound, Take):
            nothing = sound.data[:, :0].copy()  # the samples themselves are not kept
            remarks.takes[window.scene, window.index] = replace(sound, data=nothing)
        yield window, sound


def listener_of(
    job: Request, make: Callable[[], Listener | None], report: Report
) -> Listener | None:
    """The listener, where manners are asked for. A tagger that is absent is told, once."""
    if not job.options.manners:
        return None
    listener = make()
    if listener is None:
        report(Note(NO_LISTENER))
    return listener
