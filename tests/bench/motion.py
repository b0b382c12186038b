"""How well the picture's motion tells when something is struck, on films whose hits are known.

    python tests/bench/motion.py [FOLDER] [--count N] [--seed S] [--clips FOLDER] [--detail]

Renders are made in FOLDER (kept and used again), go through the product's decode pass, and the
strikes that the draft would be laid at are held against the true hits: F1 within 80 ms, and how
early or late, how often missed and how often false. ``--clips``: also count strikes in these
films, of which no truth is known. Seeds from 10,000 on are for reporting: tune nothing on them.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import minimize_scalar

from vtacli.evaluation.renders import KINDS, Render, make_renders, motion_of
from vtacli.media.probe import probe
from vtacli.model.mini.choice import strikes_of_onsets
from vtacli.signal.control import CURVE_HZ, curves_of_motion, onset_curve
from vtacli.signal.media import Curve
from vtacli.training.score import f1, hit_counts

TOLERANCE_S = 0.08
FAR_S = 0.25


@dataclass(frozen=True)
class Heard:
    """A film's truth, its strikes, and the onset curve (frames,) at 100 Hz."""

    render: Render
    strikes: list[tuple[float, float]]
    onset: np.ndarray
    step_s: float

    @property
    def counts(self) -> tuple[int, int, int]:
        times = [t for t, _ in self.strikes]
        return hit_counts(times, [t for t, _ in self.render.hits], TOLERANCE_S)


def hear(render: Render, motion: Curve | None = None) -> Heard:
    motion = motion_of(render.film) if motion is None else motion
    onset = curves_of_motion(motion, round(render.duration_s * CURVE_HZ))[0]
    return Heard(render, strikes_of_onsets(onset), onset, float(np.median(np.diff(motion.times_s))))


def errors_s(films: list[Heard]) -> np.ndarray:
    """Strike less hit, in s, of the nearest pairs within the tolerance; late is positive."""
    errors = []
    for film in films:
        times = np.array([t for t, _ in film.strikes])
        for hit, _ in film.render.hits:
            if len(times) and np.abs(times - hit).min() <= TOLERANCE_S:
                errors.append(times[np.abs(times - hit).argmin()] - hit)
    return np.array(errors)


def row(name: str, films: list[Heard]) -> str:
    counts = [f.counts for f in films]
    found, false, missed = np.sum(counts, axis=0)
    errors = errors_s(films) * 1000
    told = (
        f"{f1(counts):.2f} | {found} | {missed} | {false}" if found + missed else f"| | | {false}"
    )
    late = f"{np.median(errors):+.0f} | {errors.std():.0f}" if len(errors) else "|"
    seconds = sum(f.render.duration_s for f in films)
    return f"| {name} | {told} | {false / seconds * 10:.1f} | {late} |"


def table(films: list[Heard]) -> None:
    print("| kind | F1 | found | missed | false | false in 10 s | late by (ms) | deviation (ms) |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        print(row(kind, [f for f in films if f.render.kind == kind]))
    print(row("all that strike", [f for f in films if f.render.hits]))
    print(row("all that do not", [f for f in films if not f.render.hits]))
    print(row("all", films))


def degradation(films: list[Heard]) -> None:
    """The figures that vtacli.training.degrade should draw from."""
    striking = [f for f in films if f.render.hits]
    errors = errors_s(striking)
    lags = np.array([np.median(e) for f in striking if len(e := errors_s([f])) > 2])
    within = [e - np.median(e) for f in striking if len(e := errors_s([f])) > 2]
    inner = np.concatenate(within)
    misses = [f.counts[2] / len(f.render.hits) for f in striking]
    wrong = [f.counts[1] / f.render.duration_s * 10.24 for f in films]
    print("\ndegradation, as a model must stand it (medians and 10th to 90th percentiles):")
    late, deviation = np.median(errors) * 1e3, errors.std() * 1e3
    print(f"  all errors: median {late:+.0f} ms, deviation {deviation:.0f} ms")
    print(f"  a film's lag: {spread(lags * 1e3)} ms")
    off = spread(np.abs(inner) * 1e3)
    print(f"  within a film: deviation {inner.std() * 1e3:.0f} ms, {off} ms off")
    print(f"  missed, share of a film's hits: {spread(misses)}; mean {np.mean(misses):.2f}")
    print(f"  false in a window of 10.24 s: {spread(wrong)}; mean {np.mean(wrong):.2f}")
    true, false = [], []
    for film in films:
        hits = np.array([t for t, _ in film.render.hits])
        for time_s, strength in film.strikes:
            near = len(hits) and np.abs(hits - time_s).min() <= TOLERANCE_S
            (true if near else false).append(strength)
    print(f"  height of true strikes: {spread(true)}; of false ones: {spread(false)}")
    pairs = [(s, h) for f in striking for h, s in by_strength(f)]
    print(f"  correlation of height and true strength: {np.corrcoef(np.array(pairs).T)[0, 1]:.2f}")
    print(f"  blur of lone strikes: deviation {spread([b * 1e3 for b in blurs(striking)])} ms")
    quiet = np.concatenate([far_from_hits(f) for f in films])
    shares = ", ".join(f"{q:.2f}: {np.quantile(quiet, q):.2f}" for q in (0.5, 0.9, 0.95, 0.99))
    print(f"  the curve where nothing is struck, quantiles {shares}")


def spread(values) -> str:
    low, mid, high = np.quantile(values, [0.1, 0.5, 0.9])
    return f"{mid:.2f} ({low:.2f} to {high:.2f})"


def by_strength(film: Heard) -> list[tuple[float, float]]:
    """(true strength, curve's largest height near it)."""
    out = []
    for time_s, strength in film.render.hits:
        near = film.onset[max(0, int((time_s - 0.06) * 100)) : int((time_s + 0.06) * 100) + 1]
        out.append((strength, float(near.max(initial=0))))
    return out


def blurs(films: list[Heard]) -> list[float]:
    """The deviation in s of the Gaussian that fits best around each hit that stands alone."""
    out = []
    for film in films:
        hits = np.array([t for t, _ in film.render.hits])
        for time_s, height in film.strikes:
            if (
                np.sum(np.abs(hits - time_s) < 0.3) != 1
                or np.abs(hits - time_s).min() > TOLERANCE_S
            ):
                continue
            at = round(time_s * 100)
            piece = film.onset[at - 15 : at + 16]
            if len(piece) < 31 or height < 0.3:
                continue

            def off(blur_s: float, piece=piece, height=height) -> float:
                one = onset_curve(np.array([0.15]), np.array([height]), 31, blur_s)
                return float(((piece - one) ** 2).sum())

            out.append(float(minimize_scalar(off, bounds=(0.005, 0.12), method="bounded").x))
    return out


def far_from_hits(film: Heard) -> np.ndarray:
    times = (np.arange(len(film.onset)) + 0.5) / 100
    hits = np.array([-9.0, *[t for t, _ in film.render.hits]])
    return film.onset[np.abs(times[:, None] - hits).min(axis=1) > FAR_S]


def clips(folder: Path) -> None:
    print("\n| clip | seconds | strikes | in 10 s |\n|---|---|---|---|")
    for film in sorted([*folder.glob("*.mp4"), *folder.glob("*.webm")]):
        motion, length_s = motion_of(film), float(probe(film).duration_s)
        times = []
        for start_s in np.arange(0, length_s, 10.24):
            onset = curves_of_motion(motion.between(start_s, start_s + 10.24), 1024)[0]
            times += [start_s + t for t, _ in strikes_of_onsets(onset)]
        print(f"| {film.name} | {length_s:.1f} | {len(times)} | {len(times) / length_s * 10:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--count", type=int, default=10 * len(KINDS))
    parser.add_argument("--seed", type=int, default=10_000)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--detail", action="store_true", help="a row for every film")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        films = [hear(r) for r in make_renders(asked.folder or Path(name), asked.count, asked.seed)]
    table(films)
    if asked.detail:
        for film in films:
            print(row(film.render.film.stem, [film]))
    degradation(films)
    if asked.clips:
        clips(asked.clips)


if __name__ == "__main__":
    main()
