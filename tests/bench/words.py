"""Do words change what is heard? YAMNet listens to each prompt with several seeds.

    python tests/bench/words.py [--seeds N] [--model FOLDER] [--tagger FOLDER]

A prompt counts when one of its classes is among the tagger's ten likeliest, over the whole
window. Beside it: how often that class is there for the *other* prompts (chance for this table).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from vtacli.media.weights import find_model
from vtacli.model.contract import NoiseKey, Sampling, WindowContent
from vtacli.model.loading import load_model
from vtacli.model.yamnet import Yamnet, class_names
from vtacli.signal.media import Frames

PROMPTS = {
    "rain": {"Rain", "Raindrop", "Rain on surface"},
    "glass breaking": {"Shatter", "Glass", "Breaking", "Smash, crash", "Chink, clink"},
    "footsteps on gravel": {"Walk, footsteps", "Crunch", "Run"},
    "dog barking": {"Dog", "Bark", "Domestic animals, pets", "Bow-wow", "Yip", "Growling"},
    "car engine": {"Vehicle", "Car", "Engine", "Idling", "Motor vehicle (road)"},
    "door slam": {"Door", "Slam", "Knock", "Thump, thud", "Bang"},
    "applause": {"Applause", "Clapping", "Crowd", "Cheering", "Hands"},
    "waves": {"Waves, surf", "Ocean", "Stream", "Water", "Wind"},
    "thunder": {"Thunder", "Thunderstorm", "Explosion"},
    "bird singing": {"Bird", "Bird vocalization, bird call, bird song", "Chirp, tweet"},
}  # fmt: skip
NOTHING_SEEN = Frames(np.zeros((0, 3, 224, 224), np.uint8), np.zeros(0))
STRIKES = tuple((t, 0.9) for t in (1.0, 2.4, 3.8, 5.2, 6.6, 8.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--model", default="vta-mini")
    parser.add_argument("--tagger", type=Path, default=Path("weights/yamnet"))
    asked = parser.parse_args()
    folder = find_model(asked.model) if not Path(asked.model).is_dir() else Path(asked.model)
    model = load_model(folder, device="cpu")
    tagger, names = Yamnet.from_folder(asked.tagger), class_names(asked.tagger)
    heard: dict[str, list[set[str]]] = {}
    first: dict[str, list[str]] = {}
    for prompt in PROMPTS:
        for seed in range(asked.seeds):
            for hits in ((), STRIKES):
                key = NoiseKey(seed, 0, 0)
                window = WindowContent(NOTHING_SEEN, 10.24, key, prompt=prompt, hits=hits)
                sound = model.generate([window], Sampling())[0]
                with torch.no_grad():
                    scores = tagger(torch.from_numpy(sound.data[0])).scores[0].mean(dim=0)
                likely = [names[i] for i in scores.argsort(descending=True)[:10]]
                heard.setdefault(prompt, []).append(set(likely))
                first.setdefault(prompt, []).append(likely[0])
    print(f"{asked.seeds} seeds, each without and with six written hits\n")
    print("| prompt | in the top ten | the same classes for other prompts | most often first |")
    print("|---|---|---|---|")
    own, others = [], []
    for prompt, classes in PROMPTS.items():
        mine = np.mean([bool(classes & h) for h in heard[prompt]])
        rest = [bool(classes & h) for p, hs in heard.items() if p != prompt for h in hs]
        likely = max(set(first[prompt]), key=first[prompt].count)
        print(f"| {prompt} | {mine:.2f} | {np.mean(rest):.2f} | {likely} |")
        own.append(mine)
        others.append(np.mean(rest))
    print(f"| mean | {np.mean(own):.2f} | {np.mean(others):.2f} | |")


if __name__ == "__main__":
    main()
