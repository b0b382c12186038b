"""How long one window takes here, decoding the film aside."""

from __future__ import annotations

import os
import time

import numpy as np
import torch

from vtacli.evaluation.figures import Figure
from vtacli.evaluation.notebook import Row
from vtacli.evaluation.statistics import of_median
from vtacli.evaluation.study import Result, Study
from vtacli.model.contract import NoiseKey, Sampling, WindowContent
from vtacli.signal.media import Curve, Frames

SECTION = "speed"


def content(study: Study, prompt: str | None) -> WindowContent:
    """A whole window with pictures, and motion 25 times a second: noise, which costs the same."""
    variant = study.handle.variant
    rng = np.random.default_rng(study.suite.seed)
    window_s, size = float(variant.window_s), variant.frame_size_px
    count = round(window_s * float(variant.frames_per_second))
    pictures = rng.integers(0, 255, (count, 3, size, size), dtype=np.uint8)
    frames = Frames(pictures, np.arange(count) / float(variant.frames_per_second))
    times = np.arange(0, window_s, 0.04)
    motion = Curve(times, rng.random((len(times), 2)).astype(np.float32))
    return WindowContent(frames, window_s, NoiseKey(0, 0, 0), motion=motion, prompt=prompt)


def measure(study: Study) -> Result:
    """The median over repeats, with words and from pictures; the first of each is left out."""
    threads = torch.get_num_threads()
    book = study.notebook(SECTION, threads, os.cpu_count(), study.suite.repeats)
    rows: dict[str, Row] = {}
    for way, prompt in study.each(
        SECTION, [("pictures", None), ("words", "rain on a tin roof")], lambda i: i[0]
    ):

        def repeat(prompt: str | None = prompt) -> Row:
            took, busy = [], []
            for _ in range(study.suite.repeats + 1):
                # New pictures each time: those of the last window would be known.
                asked = content(study, prompt)
                began, worked = time.perf_counter(), time.process_time()
                study.model.generate([asked], Sampling())
                took.append(round(time.perf_counter() - began, 4))
                busy.append(round(time.process_time() - worked, 4))
            return {"seconds": took[1:], "processor_s": busy[1:], "load": _load()}

        rows[way] = book.measured(way, repeat)
    window = f"{float(study.handle.variant.window_s):.2f} s of sound"
    on = (
        f"{study.suite.repeats} repeats, {counted(threads, 'thread')} on {os.cpu_count()} cores, "
        f"load {rows['pictures']['load']}"
    )
    figures = [
        Figure(
            f"speed_{way}",
            f"{window}, {said}",
            of_median(rows[way]["seconds"]),
            1.5,
            0.3,
            False,
            "s",
            on,
        )
        for way, said in (("pictures", "from pictures"), ("words", "from words"))
    ]
    figures.append(
        Figure(
            "speed_processor",
            f"{window}, from pictures: processor time",
            of_median(rows["pictures"]["processor_s"]),
            more_is_better=False,
            unit="s",
            measured="the same repeats",
        )
    )
    return Result(figures, {"ways": rows, "threads": threads})


def counted(count: int, noun: str) -> str:
    """``1 thread``, ``2 threads``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _load() -> float | None:
    """How many processes wanted a core over the last minute; None where nobody counts them."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
