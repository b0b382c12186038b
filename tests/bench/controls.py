"""What the controls of vta-mini do, on recordings that it was not trained on.

    python tests/bench/controls.py --sounds FOLDER [--cache DIR] [--count N] [--part PART]

``reference``: how like the result is to a reference, and whether hits are still heard where they
were written, for strengths from 0 to 1. Likeness is the cosine of YAMNet's mean embedding, and of
the mean log-mel spectrum less its own mean, to the recording laid at the hits as it is; beside it
the cosine of latents that the program itself reports.

``quality``: hits heard, and likeness to the true window, by the number of steps; ``apart`` is the
mean log-mel distance to the most steps with the same noise.

``manners``: the share of recordings without voice or music in their labels that are called rude.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from vtacli.manners import Judge
from vtacli.media.weights import find_model
from vtacli.model.contract import NoiseKey, Reference, Sampling, WindowContent
from vtacli.model.listening import load_listener
from vtacli.model.loading import load_model
from vtacli.model.yamnet import Yamnet
from vtacli.signal.media import Audio, Frames
from vtacli.signal.mel import log_mel
from vtacli.signal.nature import BED, HIT, PASSAGE, nature_of, stretches
from vtacli.signal.onsets import find_onsets
from vtacli.training.composer import Composer
from vtacli.training.library import SoundLibrary, open_library
from vtacli.training.loop import rng_of
from vtacli.training.score import f1, hit_counts
from vtacli.training.sources import find_sources

RATE = 16_000
NOTHING_SEEN = Frames(np.zeros((0, 3, 224, 224), np.uint8), np.zeros(0))
STRIKES = ((1.0, 0.9), (2.7, 0.7), (3.9, 0.9), (6.0, 0.8), (8.1, 0.9))
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
ITSELF = 9.0
"""Stands for the strength of the recording itself, laid as it is."""
STEPS = (4, 5, 6, 8, 10, 20, 25, 40, 60)
MUSICAL = re.compile(
    "voice|speech|speak|talk|sing|music|song|crowd|laugh|scream|shout|yell|choir|whistle|guitar|"
    "piano|horn|string|flute|organ|drum|bell|chime|baby|child|people|cough|human|man|kids|groan|"
    "grunt|melod|jingle|alarm|siren|beep|tone|synth|cymbal|bass"
)


class Likeness:
    """Two views of a sound, (N,) at 16 kHz, and their cosines with those of another."""

    def __init__(self, tagger: Yamnet) -> None:
        self.tagger = tagger

    @torch.no_grad()
    def views(self, wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sound = torch.from_numpy(np.ascontiguousarray(wave, np.float32))
        embedding = self.tagger(sound).embeddings[0].mean(dim=0).numpy()
        spectrum = np.log(np.exp(log_mel(sound[None])[0].numpy()).mean(axis=0) + 1e-5)
        return embedding, spectrum - spectrum.mean()

    def between(self, a: np.ndarray, b: np.ndarray) -> list[float]:
        pairs = zip(self.views(a), self.views(b), strict=True)
        return [float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y))) for x, y in pairs]


def onsets_of(sound: Audio) -> list[float]:
    return [time_s for time_s, _ in find_onsets(sound)]


def laid(wave: np.ndarray, kind: int, samples: int) -> np.ndarray:
    """The recording itself where the model is asked to put it."""
    if kind == BED:
        return np.resize(wave, samples)
    parts = stretches(wave, RATE)
    blows = [p for p in parts if p.kind == HIT] or parts
    out = np.zeros(samples, np.float32)
    for i, (time_s, _) in enumerate(STRIKES):
        blow = blows[i % len(blows)]
        piece = wave[int(blow.start_s * RATE) : int(blow.end_s * RATE)]
        begin = max(0, int((time_s - blow.lead_s) * RATE))
        out[begin:] = 0
        out[begin : begin + len(piece)] = piece[: samples - begin]
    return out


def some_of_each(library: SoundLibrary, count: int) -> Iterator[tuple[int, str, np.ndarray]]:
    """(kind, label, wave at a peak of 0.5) of held-out recordings."""
    left = {HIT: count, BED: count, PASSAGE: count}
    held = library.held_out()
    for i in np.random.default_rng(1).permutation(len(held)):
        wave = library.wave(held[i])[: 11 * RATE]
        peak = float(np.abs(wave).max(initial=0))
        if peak < 0.01:
            continue
        kind = nature_of(wave, RATE).kind
        if left[kind]:
            left[kind] -= 1
            yield kind, held[i].label, (wave * (0.5 / peak)).astype(np.float32)


def references(model, likeness: Likeness, library: SoundLibrary, count: int) -> None:
    rows: dict[tuple[int, float], list[tuple[float, ...]]] = {}
    heard: dict[tuple[int, float], list[tuple[int, int, int]]] = {}
    for n, (kind, label, wave) in enumerate(some_of_each(library, count)):
        target = laid(wave, kind, model.variant.window_samples)
        mine = Reference("mine", Audio(wave[None], RATE))
        hits = () if kind == BED else STRIKES
        itself = onsets_of(Audio(target[None].astype(np.float32), RATE))
        heard.setdefault((kind, ITSELF), []).append(hit_counts(itself, [t for t, _ in STRIKES]))
        rows.setdefault((kind, ITSELF), []).append((1.0, 1.0, 1.0))
        for strength in STRENGTHS:
            window = WindowContent(
                NOTHING_SEEN,
                10.24,
                NoiseKey(n, kind, 0),
                prompt=label,
                hits=hits,
                references=(mine,),
                reference_strength=strength,
            )
            take = model.generate([window], Sampling())[0]
            own = [d.likeness for d in take.drawn if d.label == "mine"]
            both = likeness.between(take.data[0], target)
            rows.setdefault((kind, strength), []).append((*both, np.mean(own or [0.0])))
            counts = hit_counts(onsets_of(take), [t for t, _ in STRIKES])
            heard.setdefault((kind, strength), []).append(counts)
    print("\n| kind | strength | embedding | mel | latents | F1 of the hits |")
    print("|---|---|---|---|---|---|")
    for (kind, strength), found in sorted(rows.items()):
        name = {HIT: "hits", BED: "beds", PASSAGE: "passages"}[kind]
        means = " | ".join(f"{x:.2f}" for x in np.mean(found, axis=0))
        score = "" if kind == BED else f"{f1(heard[kind, strength]):.2f}"
        told = "the recording itself" if strength == ITSELF else strength
        print(f"| {name} | {told} | {means} | {score} |")


def qualities(model, likeness: Likeness, library: SoundLibrary, count: int) -> None:
    composer = Composer(library, find_sources(library, held_out=True), 10.24)
    made = (composer.compose(rng_of(77, i, "controls")) for i in range(20 * count))
    chosen = [c for c in made if 2 <= len(c.hits) <= 30][:count]
    heard: dict[int, list[tuple[int, int, int]]] = {}
    rows: dict[int, list[tuple[float, ...]]] = {}
    for i, window in enumerate(chosen):
        content = WindowContent(
            NOTHING_SEEN, 10.24, NoiseKey(5, i, 0), prompt=window.caption, hits=tuple(window.hits)
        )
        takes = {n: model.generate([content], Sampling(steps=n))[0] for n in STEPS}
        mels = {n: log_mel(torch.from_numpy(takes[n].data)) for n in STEPS}
        for n, take in takes.items():
            heard.setdefault(n, []).append(hit_counts(onsets_of(take), [t for t, _ in window.hits]))
            apart = float((mels[n] - mels[STEPS[-1]]).abs().mean())
            both = likeness.between(take.data[0], window.wave)
            rows.setdefault(n, []).append((*both, apart))
    print(f"\n| steps | F1 of the hits, {count} windows | embedding | mel | apart |")
    print("|---|---|---|---|---|")
    for n in STEPS:
        means = " | ".join(f"{x:.2f}" for x in np.mean(rows[n], axis=0))
        print(f"| {n} | {f1(heard[n]):.2f} | {means} |")


def false_alarms(judge: Judge, library: SoundLibrary, count: int) -> None:
    plain = [r for r in library.recordings if not MUSICAL.search(r.label.lower())]
    rude = []
    chosen = np.random.default_rng(5).permutation(len(plain))[:count]
    for i in chosen:
        wave = library.wave(plain[i])[: round(10.24 * RATE)]
        wave = wave * (0.5 / max(1e-4, float(np.abs(wave).max(initial=0))))
        sound = Audio(wave[None].astype(np.float32), RATE)
        verdict = judge.verdict(judge.listener.hear(sound).mean(axis=0))
        if verdict is not None:
            rude.append(f"{plain[i].label}: {verdict.text()}")
    print(f"\n{len(rude)} of {len(chosen)} recordings are called rude: {'; '.join(rude)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sounds", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--model", default="vta-mini")
    parser.add_argument("--tagger", type=Path, default=Path("weights/yamnet"))
    parser.add_argument("--count", type=int, default=8, help="of each kind; windows; times 25")
    parser.add_argument("--part", choices=("reference", "quality", "manners"), action="append")
    asked = parser.parse_args()
    parts = asked.part or ["reference", "quality", "manners"]
    library = open_library([asked.sounds], asked.cache)
    folder = find_model(asked.model) if not Path(asked.model).is_dir() else Path(asked.model)
    likeness = Likeness(Yamnet.from_folder(asked.tagger))
    model = load_model(folder, device="cpu")
    if "reference" in parts:
        references(model, likeness, library, asked.count)
    if "quality" in parts:
        qualities(model, likeness, library, asked.count)
    if "manners" in parts:
        false_alarms(Judge(load_listener(asked.tagger)), library, 25 * asked.count)


if __name__ == "__main__":
    main()
