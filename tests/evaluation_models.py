"""Models whose score is known beforehand, and a small study to score them in."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from fakes import FAKE, handle

from vtacli.evaluation.judge import Judge
from vtacli.evaluation.prompts import read_prompts
from vtacli.evaluation.study import Study, Suite
from vtacli.progress import ignore
from vtacli.signal.media import Audio

ROOT = Path(__file__).parent.parent
SMALL = Suite(
    films=0, truths=2, prompts=2, seeds=2, named_seeds=2, real=3, copies=2, repeats=1, likened=1
)
PROMPTS = (
    ("rain", "Rain|Raindrop|Rain on surface", "rain", 1),
    ("a bell", "Bell|Church bell", "bell", 1),
    ("knock on wood", "Knock|Wood|Tap", "wood", 0),
)


class ClickModel:
    """A click at every hit, and nothing else."""

    variant = FAKE

    def generate(self, windows, sampling, on_step=None):
        return [self.sound(w) for w in windows]

    def sound(self, window):
        wave = np.zeros(self.variant.window_samples, np.float32)
        for time_s, strength in window.hits:
            at = round(time_s * self.variant.rate_hz)
            decay = np.exp(-np.arange(800) / 120) * np.cos(np.arange(800))
            piece = (strength * decay)[: len(wave) - at]
            wave[at : at + len(piece)] += piece
        return Audio(wave[None].astype(np.float32), self.variant.rate_hz)


class SilentModel(ClickModel):
    """Never a sound."""

    def sound(self, window):
        return Audio(np.zeros((1, self.variant.window_samples), np.float32), self.variant.rate_hz)


def write_prompts(path: Path, rows=PROMPTS) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prompt", "classes", "label_pattern", "named"])
        writer.writerows(rows)
    return path


def study_of(model, folder: Path, *, catalogue=None, suite: Suite = SMALL) -> Study:
    return Study(
        suite=suite,
        handle=handle(model),
        judge=Judge(ROOT / "weights" / "yamnet"),
        prompts=read_prompts(write_prompts(folder / "prompts.csv")),
        out=folder / "out",
        report=ignore,
        catalogue=catalogue,
    )
