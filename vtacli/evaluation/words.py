"""Do words change what is heard? A tagger that was no part of the training listens.

A prompt is heard when one of its classes is among the ten likeliest over the whole sound. Even
seeds are asked without hits, odd ones with six written hits, so that beds and blows both get
their chance. The ceiling is what recordings whose labels match get by the same rule: they are
chosen from all recordings, held-out ones first, since no model takes part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from vtacli.errors import MediaError
from vtacli.evaluation.both import told_by_both
from vtacli.evaluation.confusion import confusion
from vtacli.evaluation.figures import Figure
from vtacli.evaluation.judge import Heard
from vtacli.evaluation.notebook import Row, digest
from vtacli.evaluation.prompts import Prompt
from vtacli.evaluation.spectrogram import save_sound, save_spectrogram
from vtacli.evaluation.statistics import Interval, bootstrap, of_mean, of_ratio
from vtacli.evaluation.study import Result, Study
from vtacli.evaluation.take import from_words
from vtacli.evaluation.timbre import told_by_timbre
from vtacli.model.contract import Take
from vtacli.model.mini.series import series_of
from vtacli.signal.media import Audio

SECTION = "words"
STRIKES = tuple((t, 0.9) for t in (1.0, 2.4, 3.8, 5.2, 6.6, 8.0))
LISTEN_S = 10.24
"""Of a recording as much is heard as of a model's window."""


@dataclass(frozen=True)
class Made:
    """One generated sound."""

    prompt: Prompt
    seed: int
    heard: Heard
    row: Row

    @property
    def struck(self) -> bool:
        """Whether hits were written for it."""
        return self.seed % 2 == 1

    @property
    def drawn_series(self) -> frozenset[str]:
        """The series of recordings that its draft was made of."""
        return frozenset(series_of(file) for file in self.row.get("drawn", ()))


@dataclass(frozen=True)
class Real:
    """One recording that matches a prompt."""

    prompt: Prompt
    file: str
    held_out: bool
    heard: Heard


def asked(study: Study) -> list[Prompt]:
    """The prompts of this run: the named ones first, then the others evenly."""
    named = [p for p in study.prompts if p.named]
    others = [p for p in study.prompts if not p.named]
    if study.suite.prompts is not None:
        room = max(0, study.suite.prompts - len(named))
        picked = np.linspace(0, len(others) - 1, min(room, len(others))).round().astype(int)
        others = [others[i] for i in dict.fromkeys(picked)]
    return named + others


def generated(study: Study) -> list[Made]:
    """Every prompt with every seed, from the notebook where it is known."""
    suite = study.suite
    book = study.notebook(SECTION, LISTEN_S, STRIKES)
    plan = [
        (p, s)
        for p in asked(study)
        for s in range(max(suite.named_seeds, suite.seeds) if p.named else suite.seeds)
    ]
    made = []
    for prompt, seed in study.each(SECTION, plan, lambda i: f"{i[0].prompt}, seed {i[1]}"):
        keep = seed < (suite.named_kept if prompt.named else 1)
        name = f"words-{digest(prompt.prompt)}-{seed}"
        files = tuple(study.out / "sound" / f"{name}.{end}" for end in ("flac", "png"))
        row = book.measured(
            f"{prompt.prompt} #{seed}",
            partial(_make, study, prompt, seed, files if keep else ()),
            files if keep else (),
        )
        made.append(Made(prompt, seed, Heard.from_row(row), row))
    return made


def heard_again(study: Study, made: Made, seed: int, draft: bool) -> Heard:
    """The same prompt, with the same hits or none, from another seed of the sampler; ``draft``:
    whether recordings may be laid beneath it."""
    book = study.notebook(SECTION, LISTEN_S, STRIKES)
    hits = STRIKES if made.struck else ()
    return Heard.from_row(
        book.measured(
            f"{made.prompt.prompt} #{made.seed} again {seed}{'' if draft else ', no draft'}",
            lambda: study.judge.hears(
                from_words(study.model, made.prompt.prompt, seed, hits, draft=draft)
            ).to_row(),
        )
    )


def _make(study: Study, prompt: Prompt, seed: int, files: tuple[Any, ...]) -> Row:
    hits = STRIKES if seed % 2 else ()
    sound = from_words(study.model, prompt.prompt, study.suite.seed + seed, hits)
    row = study.judge.hears(sound).to_row()
    if isinstance(sound, Take):
        row["drawn"] = sorted({d.file for d in sound.drawn if d.file})
    if files:
        save_sound(files[0], sound)
        save_spectrogram(files[1], sound)
        row["sound"], row["spectrogram"] = (f.relative_to(study.out).as_posix() for f in files)
    return row


def recorded(study: Study) -> list[Real]:
    """The recordings that match the prompts, as the tagger hears them."""
    if study.catalogue is None:
        return []
    book = study.notebook("recordings", LISTEN_S, of_model=False)
    plan = [
        (p, r)
        for p in asked(study)
        for r in study.sounds.matching(
            p.label_pattern, study.suite.named_real if p.named else study.suite.real
        )
    ]
    found = []
    for prompt, recording in study.each("recordings", plan, lambda i: i[1].file):

        def listen(recording: Any = recording) -> Row:
            wave = study.sounds.wave(recording)[: round(LISTEN_S * 16_000)]
            return study.judge.hears(Audio(wave[None], 16_000)).to_row()

        try:
            row = book.measured(recording.file, listen)
        except MediaError as error:
            study.warn(f"{error}")
            continue
        heard = Heard.from_row(row)
        found.append(Real(prompt, recording.file, recording.held_out, heard))
    return found


def measure(study: Study) -> Result:
    """Rates, their share of real recordings', and the named prompts told apart."""
    made, real = generated(study), recorded(study)
    study.use("what real recordings get by the tagger", (r.file for r in real))
    names = study.judge.names
    prompts = asked(study)
    rows = [_row(p, prompts, made, real, names) for p in prompts]
    figures = _figures(rows, study.suite.seed)
    named = [p for p in prompts if p.named]
    details: dict[str, Any] = {
        "prompts": rows,
        "sounds": [
            {
                "prompt": m.prompt.prompt,
                "seed": m.seed,
                "hits": m.struck,
                "level_db": m.heard.level_db,
                "top": [names[i] for i in m.heard.likeliest()],
                "heard": is_heard(m.prompt, m.heard, names),
                **{k: m.row[k] for k in ("sound", "spectrogram") if k in m.row},
            }
            for m in made
        ],
        "recordings": [
            {
                "prompt": r.prompt.prompt,
                "file": r.file,
                "held_out": r.held_out,
                "top": [names[i] for i in r.heard.likeliest()],
                "heard": is_heard(r.prompt, r.heard, names),
            }
            for r in real
        ],
    }
    if len(named) > 1 and real:
        more, table = confusion(named, made, real, study.judge, study.suite)
        figures += more
        more, by_timbre = told_by_timbre(named, made, real, study.suite)
        figures += more
        more, by_both = told_by_both(named, made, real, study.judge, study.suite)
        figures += more
        details["confusion"] = {**table, "by_timbre": by_timbre, "by_both": by_both}
    return Result(figures, details)


def is_heard(prompt: Prompt, heard: Heard, names: Sequence[str]) -> bool:
    """Whether one of the prompt's classes is among the ten likeliest."""
    return any(names[i] in prompt.classes for i in heard.likeliest())


def _rate(prompt: Prompt, sounds: Sequence[Heard], names: Sequence[str]) -> float | None:
    return float(np.mean([is_heard(prompt, h, names) for h in sounds])) if sounds else None


def _row(
    prompt: Prompt,
    prompts: Sequence[Prompt],
    made: Sequence[Made],
    real: Sequence[Real],
    names: Sequence[str],
) -> dict[str, Any]:
    own = [m for m in made if m.prompt == prompt]
    # where the same classes would be right, hearing them is no mistake
    others = [m.heard for m in made if not m.prompt.like(prompt)]
    firsts = [names[m.heard.likeliest(1)[0]] for m in own]
    return {
        "prompt": prompt.prompt,
        "named": prompt.named,
        "rate": _rate(prompt, [m.heard for m in own], names),
        "rate_without_hits": _rate(prompt, [m.heard for m in own if not m.struck], names),
        "rate_with_hits": _rate(prompt, [m.heard for m in own if m.struck], names),
        "false_rate": _rate(prompt, others, names),
        "real_rate": _rate(prompt, [r.heard for r in real if r.prompt == prompt], names),
        "recordings": sum(r.prompt == prompt for r in real),
        "most_often_first": max(set(firsts), key=firsts.count) if firsts else None,
    }


def _figures(rows: Sequence[dict[str, Any]], seed: int) -> list[Figure]:
    title = "words, class in the top ten"
    held = [r for r in rows if r["real_rate"] is not None]
    on = f"{len(rows)} prompts"
    figures = []
    if held and any(r["real_rate"] for r in held):
        share = of_ratio([r["rate"] for r in held], [r["real_rate"] for r in held], seed)
        recordings = sum(r["recordings"] for r in held)
        how = f"{len(held)} prompts that {recordings} recordings match"
        figures.append(
            Figure("words", f"{title}: rate / real recordings'", share, 0.5, 1.0, measured=how)
        )
        real = of_mean([r["real_rate"] for r in held], seed)
        figures.append(Figure("words_real", f"{title}: real recordings", real, measured=how))
    figures.append(
        Figure(
            "words_rate", f"{title}: rate", of_mean([r["rate"] for r in rows], seed), measured=on
        )
    )
    for key, name in (("rate_without_hits", "without hits"), ("rate_with_hits", "with hits")):
        some = [r[key] for r in rows if r[key] is not None]
        if some:
            figures.append(
                Figure(f"words_{key}", f"{title}: rate {name}", of_mean(some, seed), measured=on)
            )
    false = [r["false_rate"] for r in rows if r["false_rate"] is not None]
    if false:
        figures.append(
            Figure(
                "words_false",
                "control, the same classes for other prompts",
                of_mean(false, seed),
                more_is_better=False,
                measured=on,
            )
        )
        figures.append(
            Figure("words_gain", f"{title}: rate less that control", _gain(rows, seed), measured=on)
        )
    return figures


def _gain(rows: Sequence[dict[str, Any]], seed: int) -> Interval:
    both = [(r["rate"], r["false_rate"]) for r in rows if r["false_rate"] is not None]
    own, false = np.array(both).T
    return bootstrap(len(both), lambda c: float((own[c] - false[c]).mean()), seed=seed)
