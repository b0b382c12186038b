"""What people saved from the page: JSON, or the same as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError
from vtacli.evaluation.listening.plan import MOS, MOS_QUESTIONS, PAIRS, Plan, Trial

LEFT, RIGHT, NEITHER = "left", "right", "same"
CSV_COLUMNS = ("test", "listener", "trial", "kind", "question", "items", "answer", "seconds")


@dataclass(frozen=True)
class Answer:
    """One question answered by one listener. ``answer``: ``left``, ``right`` or ``same`` of a pair,
    else a grade from ``1`` to ``5``."""

    listener: str
    trial: int
    question: str
    answer: str


def read_key(path: Path) -> Plan:
    """The test's key. Raises ConfigError where it is none."""
    try:
        return Plan.of_key(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(
            f"The key of the test cannot be read: {(error.strerror or '').lower()}.",
            path=path,
            hint="Name the test's folder: -o.",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError("This is no key of a listening test.", path=path) from error


def read_answers(files: Sequence[Path], plan: Plan) -> list[Answer]:
    """All answers of all files, each listener's to each question once: the last one counts.

    Raises ConfigError where a file is none of this test's, or an answer is none of its own.
    """
    trials = {t.number: t for t in plan.trials}
    found: dict[tuple[str, int, str], Answer] = {}
    for path in files:
        for row in _rows(path):
            if row.get("test") != plan.test:
                raise ConfigError(
                    "These answers are of another test.", path=path, hint="Name its folder: -o."
                )
            try:
                answer = Answer(
                    str(row["listener"]).strip(),
                    int(row["trial"]),
                    str(row["question"]),
                    str(row["answer"]),
                )
                _check(answer, trials[answer.trial])
            except (KeyError, TypeError, ValueError) as error:
                raise ConfigError(
                    f"An answer is none of this test's: {row.get('trial')!r}, "
                    f"{row.get('question')!r}, {row.get('answer')!r}.",
                    path=path,
                ) from error
            found[answer.listener, answer.trial, answer.question] = answer
    return list(found.values())


def _check(answer: Answer, trial: Trial) -> None:
    if not answer.listener:
        raise ValueError("nobody")
    if trial.kind == PAIRS:
        if answer.question != "prefer" or answer.answer not in (LEFT, RIGHT, NEITHER):
            raise ValueError("no preference")
    elif trial.kind == MOS and (
        answer.question not in dict(MOS_QUESTIONS) or not 1 <= int(answer.answer) <= 5
    ):
        raise ValueError("no grade")


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The answers cannot be read: {error}.", path=path) from error
    if path.suffix.lower() == ".csv":
        rows = list(csv.DictReader(text.splitlines()))
        if not rows or set(CSV_COLUMNS) - set(rows[0]):
            raise ConfigError("This is no file of answers.", path=path)
        return [dict(r) for r in rows]
    try:
        told = json.loads(text)
        rows = [
            {"test": told["test"], "listener": told["listener"], **answer}
            for answer in told["answers"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError("This is no file of answers.", path=path) from error
    return rows
