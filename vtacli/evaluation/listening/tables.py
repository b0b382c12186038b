"""The results of a listening test as rows, Markdown and CSV."""

from __future__ import annotations

import csv
import io

from vtacli.evaluation.listening.plan import MOS, PAIRS
from vtacli.evaluation.listening.results import Results

CSV_COLUMNS = (
    "kind", "question", "system", "other", "value", "low", "high", "answers", "same", "p",
)  # fmt: skip
OPINION_COLUMNS = ("question", "system", "mean", "95 % interval", "grades", "listeners", "films")
PREFERENCE_COLUMNS = (
    "preferred", "to", "wins", "losses", "same", "share", "95 % interval", "p", "p (Holm)",
)  # fmt: skip


def opinion_rows(results: Results) -> list[tuple[str, ...]]:
    """The table of grades, the best first at each question."""
    return [
        (
            o.question,
            o.system,
            f"{o.mean.value:.2f}",
            "" if o.mean.low is None else f"{o.mean.low:.2f} to {o.mean.high:.2f}",
            str(o.mean.units),
            str(o.listeners),
            str(o.clips),
        )
        for o in results.opinions
    ]


def preference_rows(results: Results) -> list[tuple[str, ...]]:
    """The table of pairs, told from the side that won more."""
    rows: list[tuple[str, ...]] = []
    for p in results.preferences:
        turned = p.other_wins > p.one_wins
        one, other = (p.other, p.one) if turned else (p.one, p.other)
        wins, losses = sorted((p.one_wins, p.other_wins), reverse=True)
        if p.share is None or p.low is None or p.high is None:
            rows.append((one, other, str(wins), str(losses), str(p.same), "", "", "", ""))
            continue
        share, low, high = (
            (1 - p.share, 1 - p.high, 1 - p.low) if turned else (p.share, p.low, p.high)
        )
        cells = (f"{share:.2f}", f"{low:.2f} to {high:.2f}", f"{p.p:.3g}", f"{p.p_holm:.3g}")
        rows.append((one, other, str(wins), str(losses), str(p.same), *cells))
    return rows


def markdown(results: Results) -> str:
    """Both tables, to paste."""
    parts = []
    for columns, rows in (
        (OPINION_COLUMNS, opinion_rows(results)),
        (PREFERENCE_COLUMNS, preference_rows(results)),
    ):
        if rows:
            lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
            lines += ["| " + " | ".join(r) + " |" for r in rows]
            parts.append("\n".join(lines))
    return "\n\n".join(parts)


def results_csv(results: Results) -> str:
    """Grades and pairs as one table, a row each, told apart by ``kind``."""
    out = io.StringIO()
    columns = [
        "kind",
        "question",
        "system",
        "other",
        "value",
        "low",
        "high",
        "answers",
        "same",
        "p",
    ]
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for o in results.opinions:
        told = o.mean.to_dict()
        row = {k: "" if told[k] is None else told[k] for k in ("value", "low", "high")}
        writer.writerow(
            {
                "kind": MOS,
                "question": o.question,
                "system": o.system,
                "answers": o.mean.units,
                **row,
            }
        )
    for p in results.preferences:
        numbers = {"value": p.share, "low": p.low, "high": p.high, "p": p.p}
        row = {k: "" if v is None else v for k, v in numbers.items()}
        decided = p.one_wins + p.other_wins
        names = {"kind": PAIRS, "question": "prefer", "system": p.one, "other": p.other}
        writer.writerow({**names, **row, "answers": decided, "same": p.same})
    return out.getvalue()
