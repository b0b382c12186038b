"""``vta train`` for recipes of kind "ldm": from a recipe and clips to a model folder."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import diffusers
import torch

import vtacli
from vtacli.errors import OutputError, StorageError
from vtacli.model.loading import quietly
from vtacli.progress import Report, ignore
from vtacli.training.ldm import machine
from vtacli.training.ldm.data import Corpus, open_corpus
from vtacli.training.ldm.first_stage import fit_autoencoder
from vtacli.training.ldm.journal import read_log
from vtacli.training.ldm.latents import LatentCache, digest_of
from vtacli.training.ldm.listen import listen
from vtacli.training.ldm.loop import Course
from vtacli.training.ldm.lora import add_lora, merge_lora, save_adapters
from vtacli.training.ldm.module import Denoising
from vtacli.training.ldm.parts import Parts, make_parts
from vtacli.training.ldm.plot import loss_plot
from vtacli.training.ldm.recipe import LdmRecipe, read_ldm_recipe
from vtacli.training.ldm.samples import Samples
from vtacli.training.ldm.validate import Validation

FACTS = "facts.json"
LOSS = "loss.svg"
ADAPTERS = "lora/adapters.safetensors"
MADE = ("state", "cache", "log.jsonl", FACTS, LOSS, "samples", "lora", "unet", "encoder", "vae")
MADE_TOO = ("vocoder", "scheduler", "model_index.json")


@dataclass(frozen=True)
class Asked:
    """What the command line says beside the recipe. ``data`` and ``validation``: see
    :func:`vtacli.training.ldm.data.open_corpus`. ``minutes`` bounds the loop of this call."""

    out: Path
    data: Path | None = None
    validation: Path | None = None
    device: str = "auto"
    minutes: float | None = None
    resume: bool = True


def run_recipe(
    path: Path,
    asked: Asked,
    *,
    start: str | None = None,
    encoder_weights: Path | None = None,
    text_weights: Path | None = None,
    report: Report = ignore,
) -> dict[str, Any] | None:
    """Train what the recipe at ``path`` says, but for what is named here; see
    :func:`train_recipe`. None in every process but the first of many."""
    recipe = read_ldm_recipe(path)
    if start is not None:
        recipe = replace(recipe, start=start)
    encoder = recipe.encoder
    if encoder_weights is not None:
        encoder = replace(encoder, weights=str(encoder_weights))
    if text_weights is not None:
        encoder = replace(encoder, text_weights=str(text_weights))
    facts = train_recipe(replace(recipe, encoder=encoder), asked, report)
    return facts if int(os.environ.get("RANK", "0")) == 0 else None


def train_recipe(recipe: LdmRecipe, asked: Asked, report: Report = ignore) -> dict[str, Any]:
    """Train into the model folder ``asked.out``, or go on where an earlier call was stopped.

    Under ``accelerate launch`` every process calls this; one of them writes. Gives the facts that
    are written beside the weights. Raises the errors of the recipe's parts, of the data, and
    DeviceError where the gradient stays infinite.
    """
    out = asked.out
    accelerator = machine.begin(recipe, asked.device, out / "logs", recipe.watch.trackers)
    if not accelerator.is_main_process:
        report = ignore
    with accelerator.main_process_first():
        if accelerator.is_main_process:
            _clear(out, asked.resume)
        parts = make_parts(recipe)
        corpus = open_corpus(
            recipe,
            parts.encoder,
            asked.data,
            asked.validation,
            out / "cache",
            asked.device,
            report,
            first=accelerator.is_main_process,
        )
        vae_error = _first_stage(recipe, parts, corpus, out / "cache", accelerator.device, report)
    if recipe.lora.rank:
        torch.manual_seed(recipe.seed)
        parts.encoder.requires_grad_(False)
        add_lora(parts.unet, recipe.lora.rank, recipe.lora.scale, recipe.lora.layers)
    if recipe.denoiser.checkpointing:
        parts.unet.enable_gradient_checkpointing()

    parts.vae.to(accelerator.device)
    module = Denoising(parts.encoder, parts.unet)
    width = parts.encoder.frames.token_width
    caches = [_cached(c, parts.vae, out / "cache") for c in (corpus.train, corpus.held_out)]
    for cache in caches:
        cache.make(parts.vae, accelerator.process_index, accelerator.num_processes, report)
    accelerator.wait_for_everyone()
    samples = Samples(recipe, corpus.train, caches[0], parts.vae, width, parts.encoder.words)
    looks = _looks(recipe, parts, corpus, caches[1], accelerator, out, width)
    course = Course(
        recipe=recipe,
        module=module,
        scheduler=parts.scheduler,
        samples=samples,
        accelerator=accelerator,
        folder=out,
        data=corpus.name,
        looks=looks,
        minutes=asked.minutes,
        report=report,
    )
    done = course.run()
    facts = {
        "name": recipe.name,
        "folder": str(out),
        "recipe": asdict(recipe),
        "vta": vtacli.__version__,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "processes": accelerator.num_processes,
        "device": str(accelerator.device),
        "clips": len(corpus.train),
        "held_out_clips": len(corpus.held_out),
        "data": corpus.name,
        "prepared": str(corpus.folder.resolve()),
        "parameters": sum(p.numel() for p in module.parameters()),
        **({} if vae_error is None else {"autoencoder_error": round(vae_error, 4)}),
        **done,
        **_last_losses(out),
    }
    if accelerator.is_main_process:
        _finish(recipe, parts, module, out, facts)
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return facts


def _clear(out: Path, resume: bool) -> None:
    """Make the run's folder; without ``resume``, remove what an earlier run left in it.

    Raises OutputError for a folder with a model that no run of this trainer made."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        facts = json.loads((out / FACTS).read_text()) if (out / FACTS).is_file() else {}
        if (out / "model_index.json").is_file() and "recipe" not in facts:
            raise OutputError(
                "holds a model that this did not train", path=out, hint="Give another --out."
            )
        for name in (*MADE, *MADE_TOO) if not resume else ():
            place = out / name
            shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"the folder cannot be made: {error}", path=out) from error


def _first_stage(
    recipe: LdmRecipe, parts: Parts, corpus: Corpus, cache: Path, device: Any, report: Report
) -> float | None:
    """Train the autoencoder where the recipe brings no finished one; once, then from the cache.
    Its error, where it was trained."""
    part = recipe.autoencoder
    if part.model is not None or recipe.start is not None or not part.steps:
        return None
    key = digest_of({"part": asdict(part), "seed": recipe.seed, "data": corpus.name}, dict)
    place = cache / f"autoencoder-{key}"
    if not (place / "error.json").is_file():
        parts.vae.to(device)
        error = fit_autoencoder(parts.vae, corpus.train, part, recipe.seed, report)
        parts.vae.save_pretrained(place)
        (place / "error.json").write_text(json.dumps(error))
    with quietly():
        parts.vae = diffusers.AutoencoderKL.from_pretrained(place).eval().requires_grad_(False)
    return float(json.loads((place / "error.json").read_text()))


def _cached(examples: Any, vae: Any, cache: Path) -> LatentCache:
    key = digest_of(
        {"examples": _ids(examples), "scale": vae.config.scaling_factor},
        vae.state_dict,
    )
    return LatentCache(cache / f"latents-{key}", examples)


def _ids(examples: Any) -> list[str]:
    """The examples' names, from their index alone where there is one."""
    rows = getattr(getattr(examples, "whole", examples), "rows", None)
    if rows is None:
        return [e.id for e in examples]
    numbers = getattr(examples, "numbers", range(len(rows)))
    return [f"{rows[n]['id']} {rows[n]['shard']} {rows[n]['row']}" for n in numbers]


def _looks(
    recipe: LdmRecipe,
    parts: Parts,
    corpus: Corpus,
    latents: LatentCache,
    accelerator: Any,
    out: Path,
    width: int,
) -> list[tuple[int, Callable[[int, Denoising], dict[str, Any]]]]:
    """What is done every so many steps: the validation loss, and sounds to listen to."""
    watch, modes = recipe.watch, recipe.data.modes
    looks: list[tuple[int, Callable[[int, Denoising], dict[str, Any]]]] = []
    check = Validation(
        corpus.held_out,
        latents,
        recipe.seed,
        watch.timesteps,
        watch.validate_clips,
        modes,
        width,
    )

    def validate(step: int, module: Denoising) -> dict[str, Any]:
        here = check.errors(
            module,
            parts.scheduler,
            accelerator.device,
            accelerator.process_index,
            accelerator.num_processes,
        )
        sums = accelerator.reduce(here.float().to(accelerator.device), "sum").cpu() / len(check)
        losses = zip(watch.timesteps, sums.tolist(), strict=True)
        each = {f"validation_{t}": round(loss, 6) for t, loss in losses}
        return {"validation": round(float(sums.mean()), 6), **each}

    if len(check):
        looks.append((watch.validate_every, validate))
    shown = corpus.held_out if len(corpus.held_out) else corpus.train
    heard = [shown[i] for i in range(min(watch.listen_clips, len(shown)))]

    def hear(step: int, module: Denoising) -> dict[str, Any]:
        if accelerator.is_main_process:
            was = module.training
            module.eval()
            with quietly(), torch.random.fork_rng(devices=[]):
                parts.vocoder.to(accelerator.device)
                pipeline = parts.pipeline()
                listen(
                    pipeline,
                    heard,
                    max(modes, key=lambda m: modes[m]),
                    out / "samples" / f"step-{step:08d}",
                    seed=recipe.seed,
                    steps=watch.listen_steps,
                    guidance=watch.listen_guidance,
                )
            module.train(was)
        accelerator.wait_for_everyone()
        return {}

    if heard:
        looks.append((watch.listen_every, hear))
    return looks


def _last_losses(out: Path) -> dict[str, float]:
    """The newest training and validation loss of the log."""
    rows = read_log(out)
    found = {}
    for key in ("loss", "validation"):
        values = [row[key] for row in rows if key in row]
        if values:
            found[key] = values[-1]
    return found


def _finish(
    recipe: LdmRecipe, parts: Parts, module: Denoising, out: Path, facts: dict[str, Any]
) -> None:
    """Write the model folder, the facts and the loss plot."""
    if recipe.lora.rank:
        save_adapters(parts.unet, out / ADAPTERS, recipe.start or "", recipe.lora.scale)
        merge_lora(parts.unet)
    if recipe.denoiser.checkpointing:
        parts.unet.disable_gradient_checkpointing()
    module.to("cpu", torch.float32)
    parts.vae.to("cpu")
    parts.vocoder.to("cpu")
    try:
        with quietly():
            parts.pipeline().save_pretrained(out)
        (out / FACTS).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
        loss_plot(out / LOSS, f"{recipe.name}: loss", read_log(out))
    except OSError as error:
        raise StorageError(f"the model cannot be written: {error}", path=out) from error
