"""Silence where nothing happens, and no speech or music that nobody asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vtacli import manners
from vtacli.evaluation.figures import Figure
from vtacli.evaluation.judge import Heard
from vtacli.evaluation.notebook import Row
from vtacli.evaluation.prompts import Prompt
from vtacli.evaluation.statistics import Interval, of_mean
from vtacli.evaluation.study import Result, Study
from vtacli.evaluation.take import watch
from vtacli.evaluation.words import Made, generated, heard_again, recorded
from vtacli.media.ffmpeg import run_ffmpeg
from vtacli.model.listening import Ear

SECTION = "silence"
SEEDS = 3
FLOOR_DB = -60.0
NOTHING_DB = -120.0
"""What digital silence is written as."""

SPEECH = frozenset(
    {
        "Speech",
        "Child speech, kid speaking",
        "Conversation",
        "Narration, monologue",
        "Babbling",
        "Speech synthesizer",
        "Singing",
        "Choir",
        "Male singing",
        "Female singing",
    }
)


def intruders(names: Sequence[str]) -> frozenset[str]:
    """The tagger's classes of speech, song and music. Instruments are not among them: a bell or a
    drum may be asked for."""
    first, last = names.index("Pop music"), names.index("Scary music")
    return SPEECH | {"Music"} | set(names[first : last + 1])


def black_film(path: Path, seconds: float) -> None:
    """A static black film in H.264, 25 pictures a second."""
    source = f"color=c=black:s=320x180:r=25:d={seconds}"
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    for _ in run_ffmpeg(["-y", "-f", "lavfi", "-i", source, *encode, f"file:{path}"]):
        pass


def measure(study: Study) -> Result:
    """The level of a black film's sound, and how often speech or music comes first."""
    book = study.notebook(SECTION, SEEDS)
    levels = []
    for seed in study.each(SECTION, range(SEEDS), lambda s: f"seed {s}"):
        row = book.measured(f"black #{seed}", lambda seed=seed: _black(study, seed))  # type: ignore[misc]
        levels.append(row["level_db"])
    worst = Interval(max(levels), None, None, len(levels))
    on = f"the loudest of {SEEDS} seeds; digital silence is {NOTHING_DB:.0f}"
    figures = [
        Figure(
            "silence",
            "level on a static black film",
            worst,
            FLOOR_DB,
            None,
            False,
            "dBFS",
            on,
            digits=0,
        )
    ]
    names = study.judge.names
    unwanted = intruders(names)
    made, real = generated(study), recorded(study)

    def shares(first: Sequence[tuple[str, frozenset[str], str]]) -> list[float]:
        """Per prompt, how often an unwanted class is first where it is no class of the prompt."""
        by_prompt: dict[str, list[bool]] = {}
        for prompt, classes, heard in first:
            by_prompt.setdefault(prompt, []).append(heard in unwanted and heard not in classes)
        return [float(np.mean(v)) for v in by_prompt.values()]

    def first_of(prompt: Prompt, heard: Heard) -> tuple[str, frozenset[str], str]:
        return prompt.prompt, prompt.classes, names[heard.likeliest(1)[0]]

    def figure(
        key: str,
        title: str,
        first: Sequence[tuple[str, frozenset[str], str]],
        measured: str,
        floor: float | None = None,
    ) -> Figure:
        share = of_mean(shares(first), study.suite.seed)
        title = f"speech or music first, {title}"
        return Figure(key, title, share, floor, None, False, "", measured, digits=3)

    judge = manners.Judge(Ear(study.judge.tagger, names))
    polite = [mannered(study, judge, m) for m in made]
    ours = [first_of(m.prompt, heard) for m, heard in zip(made, polite, strict=True)]
    raw = [first_of(m.prompt, m.heard) for m in made]
    theirs = [first_of(r.prompt, r.heard) for r in real]
    anew = sum(p is not m.heard for p, m in zip(polite, made, strict=True))
    on = f"{len(ours)} sounds of {len(shares(ours))} prompts"
    figures += [
        figure("intruders", "unasked", ours, on, 0.0),
        figure("intruders_raw", "before manners", raw, f"{anew} made anew and kept"),
    ]
    if theirs:
        on = f"{len(theirs)} recordings"
        figures.append(figure("intruders_real", "real recordings", theirs, on))
    found = [
        {"prompt": p, "class": c} for p, classes, c in ours if c in unwanted and c not in classes
    ]
    return Result(figures, {"levels_db": levels, "intruders": found})


def mannered(study: Study, judge: manners.Judge, made: Made) -> Heard:
    """What is heard once the product's manners have had their say: a rude sound is made again
    with the seeds that the product would take, and the best stays."""
    asked = manners.asked_for([made.prompt.prompt])
    best, least = made.heard, judge.verdict(made.heard.scores.astype(np.float32), asked)
    for number, seed in enumerate(manners.other_seeds(study.suite.seed + made.seed, 0)):
        if least is None:
            break
        again = heard_again(study, made, seed, manners.has_draft(number))
        heard = judge.verdict(again.scores.astype(np.float32), asked)
        if heard is None or heard.share < least.share:
            best, least = again, heard
    return best


def _black(study: Study, seed: int) -> Row:
    path = study.out / "films" / "black.mp4"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        black_film(path, float(study.handle.variant.window_s))
    with watch(path, study.handle.variant) as seen:
        sound = seen.sound(study.model, study.suite.seed + seed)
    wave = sound.data.astype(np.float64)
    level = 20 * np.log10(max(float(np.sqrt(np.mean(wave**2))), 10 ** (NOTHING_DB / 20)))
    return {"level_db": round(float(level), 1), "peak": float(np.abs(wave).max())}
