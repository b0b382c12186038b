"""Can the family learn *when*? An overfit test on films that differ in nothing but their order.

Five half seconds are cut from rendered films whose blows are known to the millisecond, two with a
blow and three without; sixteen films show each of them four times, in an order of their own, coded
without loss. So every film shows the same set of pictures, bit for bit. The same tiny model is
trained on the sixteen in several forms: the published one, which is told the set; with positions;
with optical flow as control beside the latents. Then it makes each film's sound, from other noise
than it was trained with, and the onsets are counted against the films' blows (80 ms).

    python tests/bench/order.py OUT [--forms base,position,flow] [--steps 1500] [--minutes 20]

It goes on where it was stopped. Prints the figures as Markdown, and writes them to OUT/order.json.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from vtacli.evaluation.renders import make_renders
from vtacli.model.encoders.features import WindowFeatures
from vtacli.model.pipeline import VtaPipeline
from vtacli.progress import Step
from vtacli.signal.media import Audio
from vtacli.signal.onsets import find_onsets
from vtacli.training.data.prepared import PreparedClips
from vtacli.training.ldm.order import rng_of
from vtacli.training.ldm.practice import (
    FRAMES_PER_SECOND,
    PIECE_S,
    PIECES,
    SIZE_PX,
    Piece,
    arranged_film,
    hits_of,
)
from vtacli.training.ldm.recipe import (
    AutoencoderPart,
    DataPart,
    DenoiserPart,
    EncoderPart,
    LdmRecipe,
    OptimizerPart,
    VocoderPart,
    WatchPart,
)
from vtacli.training.ldm.run import Asked, train_recipe
from vtacli.training.ldm.samples import normal
from vtacli.training.score import f1, hit_counts

FILMS, STRIKING, TIMES = 16, 2, 4
EYES = (
    Path(__file__).parent.parent.parent
    / "weights/vta-mini/encoder/picture/efficientnet-lite0.safetensors"
)
"""The one encoder whose weights come with the program."""
VARIANT = {"base": "vta-ldm-base", "position": "vta-ldm-pe", "flow": "vta-ldm-flow"}
AUXILIARIES = {"base": (), "position": ("position",), "flow": ("flow-control",)}


def pieces_of_renders(folder: Path) -> list[Piece]:
    """Half seconds of rendered films: STRIKING with one blow well inside, the rest with none."""
    struck, still = [], []
    for render in make_renders(folder, 24, seed=5):
        pictures = small_pictures(render.film)
        for number in range(1, int(render.duration_s / PIECE_S)):
            begin = number * PIECE_S
            inside = [t - begin for t, _ in render.hits if begin <= t < begin + PIECE_S]
            near = [t for t, _ in render.hits if begin - 0.1 <= t < begin + PIECE_S + 0.1]
            first = round(begin * FRAMES_PER_SECOND)
            shown = pictures[first : first + round(PIECE_S * FRAMES_PER_SECOND)]
            if len(shown) < round(PIECE_S * FRAMES_PER_SECOND):
                continue
            if len(inside) == len(near) == 1 and 0.08 < inside[0] < 0.42:
                struck.append(Piece(shown, ((inside[0], len(struck) % 3),)))
            elif not near:
                still.append(Piece(shown, ()))
    draw = np.random.default_rng(0)
    count = PIECES // TIMES - STRIKING
    chosen = [still[i] for i in draw.choice(len(still), count, replace=False)]
    chosen += [struck[i] for i in draw.choice(len(struck), STRIKING, replace=False)]
    return chosen * TIMES


def small_pictures(film: Path) -> np.ndarray:
    """(T, SIZE_PX, SIZE_PX, 3) uint8 RGB at FRAMES_PER_SECOND."""
    opened = cv2.VideoCapture(str(film))
    rate, read = opened.get(cv2.CAP_PROP_FPS), []
    while (picture := opened.read()[1]) is not None:
        read.append(
            cv2.resize(picture, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA)[..., ::-1]
        )
    count = int(len(read) / rate * FRAMES_PER_SECOND)
    at = np.minimum(np.round(np.arange(count) / FRAMES_PER_SECOND * rate), len(read) - 1)
    return np.stack(read)[at.astype(int)]


def make_films(folder: Path) -> list[Path]:
    if not (folder / "films").is_dir():
        pieces = pieces_of_renders(folder / "renders")
        (folder / "films").mkdir()
        for i in range(FILMS):
            order = np.random.default_rng([1, i]).permutation(PIECES)
            arranged_film(folder / "films" / f"film-{i:02d}.mp4", pieces, order)
    return sorted((folder / "films").glob("*.mp4"))


def recipe_of(form: str, steps: int, rate: float, batch: int) -> LdmRecipe:
    return LdmRecipe(
        kind="ldm",
        name=f"order-{form}",
        variant=VARIANT[form],
        seed=3,
        encoder=EncoderPart("mini", weights=str(EYES), auxiliaries=AUXILIARIES[form]),
        denoiser=DenoiserPart(
            {
                "block_out_channels": [16, 32, 48, 64],
                "down_block_types": ["DownBlock2D", "DownBlock2D"] + ["CrossAttnDownBlock2D"] * 2,
                "up_block_types": ["CrossAttnUpBlock2D"] * 2 + ["UpBlock2D", "UpBlock2D"],
                "attention_head_dim": [2, 2, 4, 4],
                "layers_per_block": 1,
                "cross_attention_dim": 128,
                "norm_num_groups": 8,
            }
        ),
        autoencoder=AutoencoderPart(
            config={"block_out_channels": [8, 16, 16], "norm_num_groups": 4}, steps=500, batch=4
        ),
        vocoder=VocoderPart(model="vta-mini"),
        data=DataPart(drop=0.1, held_out=0.0),
        optimizer=OptimizerPart(
            steps=steps,
            batch=batch,
            learning_rate=rate,
            schedule="cosine",
            warmup=50,
            betas=(0.9, 0.99),
            weight_decay=0.0,
            ema=0.99,
            # When something sounds is decided at high noise, which min-SNR weighs least.
            snr_weights="published",
        ),
        watch=WatchPart(save_every=100, validate_every=0, listen_every=0),
    )


@torch.no_grad()
def scores(folder: Path, films: list[Path], guidance: float = 2.0, steps: int = 20) -> dict:
    """Onset F1 of the model in ``folder`` on the films, of the true mel through its own
    autoencoder and vocoder (its ceiling), of the true sound, and by chance: each film's sound
    against another film's blows."""
    pipeline = VtaPipeline.from_pretrained(folder)
    prepared = next((folder / "cache").glob("prepared-*"))
    counts: dict[str, list] = {"model": [], "codec": [], "true": [], "chance": []}
    hits = {film.stem: hits_of(film) for film in films}
    names = sorted(hits)
    for number, example in enumerate(PreparedClips(prepared)):
        row: WindowFeatures = example.features
        noise = normal(rng_of(77, number, "order"), pipeline.facts.latent_shape)[None]
        made = pipeline(
            pipeline.encoder.condition_of([row]),
            latents=noise,
            generator=torch.Generator().manual_seed(number),
            num_inference_steps=steps,
            guidance_scale=guidance,
        )
        through = pipeline.vae.encode(example.mel[None]).latent_dist.mean
        codec, _ = pipeline.decode(through * pipeline.vae.config.scaling_factor)
        true = pipeline.vocoder(example.mel[None]).reshape(1, -1)
        truth = hits[example.id]
        other = hits[names[(names.index(example.id) + 5) % len(names)]]
        heard = onsets(made.audios[0])
        counts["model"].append(hit_counts(heard, truth))
        counts["codec"].append(hit_counts(onsets(codec[0]), truth))
        counts["true"].append(hit_counts(onsets(true), truth))
        counts["chance"].append(hit_counts(heard, other))
    return {name: round(f1(rows), 3) for name, rows in counts.items()}


def onsets(wave: torch.Tensor) -> list[float]:
    return [t for t, _ in find_onsets(Audio(wave.float().numpy(), 16_000))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--forms", default="base,position,flow")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=None)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    films = make_films(asked.out)
    told = {}
    for form in asked.forms.split(","):
        recipe = recipe_of(form, asked.steps, asked.rate, asked.batch)
        folder = asked.out / form

        def report(event: object, form: str = form) -> None:
            if isinstance(event, Step) and int(event.done) % 50 == 0:
                print(
                    form,
                    time.strftime("%H:%M:%S"),
                    event.stage,
                    event.done,
                    event.detail,
                    flush=True,
                )

        facts = train_recipe(
            replace(recipe),
            Asked(folder, data=asked.out / "films", device=asked.device, minutes=asked.minutes),
            report,
        )
        told[form] = {
            **scores(folder, films),
            **{k: facts[k] for k in ("step", "seconds", "parameters", "autoencoder_error", "loss")},
        }
        print(json.dumps({form: told[form]}), flush=True)
        (asked.out / f"order-{form}.json").write_text(json.dumps(told[form], indent=1))
    print("| form | onset F1 | chance | ceiling (codec) | true sound | steps | minutes |")
    print("|---|---|---|---|---|---|---|")
    for form, row in told.items():
        print(
            f"| {form} | {row['model']} | {row['chance']} | {row['codec']} | {row['true']} "
            f"| {row['step']} | {row['seconds'] / 60:.1f} |"
        )


if __name__ == "__main__":
    main()
