"""Seconds per window of vta-mini by stage, on this machine.

    python tests/bench/mini.py [--repeats N] [--model FOLDER] [--threads N]

Stages are timed in turn within each repeat, and the median is printed: the machine may be shared.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from vtacli.media.weights import find_model
from vtacli.model.contract import NoiseKey, Sampling, WindowContent
from vtacli.model.loading import load_model
from vtacli.signal.media import Curve, Frames


def content(prompt: str | None) -> WindowContent:
    """A window with 20 pictures at 2 a second and motion at 25."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (20, 3, 224, 224), dtype=np.uint8)
    times = np.arange(0, 10.24, 0.04)
    motion = Curve(times, rng.random((len(times), 2)).astype(np.float32))
    frames = Frames(pictures, np.arange(20) / 2)
    return WindowContent(frames, 10.24, NoiseKey(0, 0, 0), motion=motion, prompt=prompt)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default="vta-mini")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    folder = find_model(asked.model) if not Path(asked.model).is_dir() else Path(asked.model)
    began = time.perf_counter()
    model = load_model(folder, device="cpu")
    loading = time.perf_counter() - began
    pipeline = model.pipeline
    seconds: dict[str, list[float]] = {}

    def timed(stage: str, work):
        start = time.perf_counter()
        result = work()
        seconds.setdefault(stage, []).append(time.perf_counter() - start)
        return result

    for _ in range(asked.repeats + 1):
        seen, told = content(None), content("rain on a tin roof")
        timed("condition, pictures", lambda seen=seen: pipeline.encoder.condition([seen]))
        condition = timed("condition, words", lambda told=told: pipeline.encoder.condition([told]))
        latents = torch.randn(1, *model.variant.latent_shape)
        timed("decode to sound", lambda latents=latents: pipeline.decode(latents))
        for steps in (10, model.variant.default_steps):
            name = f"all, words, {steps} guided steps"
            timed(name, lambda told=told, n=steps: model.generate([told], Sampling(steps=n)))
        timed("all, pictures", lambda seen=seen: model.generate([seen], Sampling()))
        del condition
    print(f"vta-mini, one window of {float(model.variant.window_s)} s, {asked.threads} threads,")
    print(f"median of {asked.repeats} (the first run is left out); loading took {loading:.2f} s\n")
    print("| stage | seconds | times real time |")
    print("|---|---|---|")
    for stage, each in seconds.items():
        median = statistics.median(each[1:])
        print(f"| {stage} | {median:.3f} | {float(model.variant.window_s) / median:.0f} |")


if __name__ == "__main__":
    main()
