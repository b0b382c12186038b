"""The stages that learn what is to be heard: bank, windows, denoiser, few steps."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import astuple, replace
from hashlib import sha256
from pathlib import Path

import torch
from diffusers import UniPCMultistepScheduler
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME

from vtacli.errors import ConfigError, WeightsMissing
from vtacli.model.describe import FEW_STEPS
from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.conditioner import BANK, PICTURE, TEXT, MiniConditioner
from vtacli.model.mini.denoiser import MiniDenoiser
from vtacli.model.mini.draft import Bank
from vtacli.model.mini.vocos import InverseStftVocoder
from vtacli.training.bank import make_bank
from vtacli.training.composer import Composer
from vtacli.training.denoiser import DraftMaker, Words, control_of, flow_loss, token_of
from vtacli.training.few_steps import (
    LowRank,
    few_steps_loss,
    load_ways,
    save_ways,
    walk_ways,
)
from vtacli.training.loop import rng_of
from vtacli.training.running import Run
from vtacli.training.score import denoiser_score
from vtacli.training.sensitivity import LISTENED_TO, error_weights, sensitivity
from vtacli.training.sources import Sources
from vtacli.training.typicality import typicality
from vtacli.training.windows import Windows, compose_windows, load_windows, save_windows


def build_bank(run: Run) -> None:
    """The bank of latents, and how much each sounds like its label; needs codec and text space.

    One that was made of the same codec, words and recordings is kept, so that a run which goes on
    loses nothing by it.
    """
    sources, codec = run.composer(held_out=False).sources, run.codec()
    nibbles = run.recipe.bank.nibbles
    vectors = run.text().embed(sources.labels)
    path, told = run.out / "encoder" / BANK, run.out / "state" / "bank"
    weights = digest_of({**codec.state_dict(), "words": vectors})
    made_of = f"{weights}-{recordings_of(run, sources)}-{nibbles}"
    if path.is_file() and told.is_file() and told.read_text() == made_of:
        return
    bank = make_bank(run.library, sources, codec, run.device, run.report, nibbles)
    bank = replace(bank, typicality=typicality(bank, vectors.numpy(), codec))
    path.parent.mkdir(parents=True, exist_ok=True)
    told.parent.mkdir(parents=True, exist_ok=True)
    bank.save(path)
    told.write_text(made_of)
    run.note("bank", None, {"entries": len(bank), "megabytes": path.stat().st_size / 1e6})


def digest_of(state: Mapping[str, torch.Tensor]) -> str:
    """Names weights, by their names and values."""
    digest = sha256()
    for name, value in sorted(state.items()):
        # an average of zeros may lose their sign, which changes no latent: + 0 takes it off all
        digest.update(name.encode() + (value.detach().float() + 0).cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def encoder_digest(codec: MelCodec) -> str:
    """Names what makes a codec's latents; its decoder and texture may learn on."""
    makes = ("patch_in", "encoder_", "down", "to_moments", "latent_")
    return digest_of({n: v for n, v in codec.state_dict().items() if n.startswith(makes)})


def recordings_of(run: Run, sources: Sources) -> str:
    """Names the recordings, and how they are cut and called."""
    cut = sha256(repr([(*astuple(s)[:4], s.label) for s in sources.every]).encode())
    return f"{run.library.fingerprint[:8]}-{cut.hexdigest()[:8]}"


def windows_of(run: Run, composer: Composer, stage: str, count: int) -> Windows:
    """Composed windows from the cache, or made: bound to what encodes them, library, how it is cut,
    seed and count."""
    of = recordings_of(run, composer.sources)
    key = f"{encoder_digest(run.codec())}-{of}-{run.recipe.seed}-{count}"
    file = run.cache / f"{stage}-{key}.npz"
    if not file.is_file():
        made = compose_windows(
            composer, run.codec(), count, run.recipe.seed, stage, run.device, run.report
        )
        save_windows(made, file)
    return load_windows(file)


def bank_of(run: Run, sources: Sources) -> Bank:
    """The bank that the stage made. Raises ConfigError where it is of other recordings, because
    its entries are found by the sources' own numbers."""
    bank = Bank.load(run.out / "encoder" / BANK)
    if len(bank) != len(sources.every) or bank.labels != sources.labels:
        raise ConfigError(
            "the bank was made of other recordings than are here now",
            path=run.out / "encoder" / BANK,
            hint="Run the stages bank and windows again.",
        )
    return bank


def make_windows(run: Run) -> None:
    """Compose and encode the training windows."""
    windows = windows_of(run, run.composer(held_out=False), "windows", run.recipe.windows.count)
    run.note("windows", None, {"windows": len(windows)})


def lessons(run: Run, same_draft: float) -> tuple[Windows, Words, DraftMaker]:
    """What denoisers learn from: training windows, words for them, and what makes their drafts."""
    composer = run.composer(held_out=False)
    windows = windows_of(run, composer, "windows", run.recipe.windows.count)
    labels = composer.sources.labels
    words = Words.of(run.text().reading(labels), labels)
    bank, steps = bank_of(run, composer.sources), windows.latents.shape[2]
    drafts = DraftMaker(bank, composer.sources, words, composer.window_s, steps, same_draft)
    return windows, words, drafts


def train_denoiser(run: Run) -> None:
    """The rectified flow over composed windows."""
    r = run.recipe.denoiser
    windows, words, drafts = lessons(run, r.same_draft)
    torch.manual_seed(run.recipe.seed)
    model = MiniDenoiser(**r.sizes)
    weights = None
    if r.mel_weight > 0:
        metric = sensitivity(run.codec(), windows.latents[:LISTENED_TO], run.device)
        weights = error_weights(metric, r.mel_weight)
    loss_of = flow_loss(windows, words, drafts, r, run.device, weights)
    done = run.fit("denoiser", model, loss_of, r.schedule)
    model.save_pretrained(run.out / "unet")
    assemble(run.out, run.parts, model, run.codec())
    composer = run.composer(held_out=True)
    count = run.recipe.score.windows
    score = denoiser_score(run.out, composer, run.recipe.seed, run.report, count)
    run.note("denoiser", done, score)


def train_few_steps(run: Run) -> None:
    """The low-rank changes that make the denoiser do with a few unguided steps."""
    from vtacli.model.pipeline import VtaPipeline

    r = run.recipe.few_steps
    if r.schedule.steps == 0:
        return
    weights = run.out / "unet" / SAFETENSORS_WEIGHTS_NAME
    pipeline = VtaPipeline.from_pretrained(run.out).to(run.device)
    key = f"{sha256(weights.read_bytes()).hexdigest()[:12]}-{run.library.fingerprint[:8]}"
    file = run.cache / f"ways-{key}-{run.recipe.seed}-{r.windows}-{r.steps}-{r.teacher_steps}.npz"
    if not file.is_file():
        windows, words, drafts = lessons(run, same_draft=0.0)
        conditions = []
        for i in range(r.windows):
            rng = rng_of(run.recipe.seed, i, "few_steps")
            index = int(rng.integers(len(windows)))
            token = token_of(rng, windows, index, words)
            control = control_of(rng, windows, index, drafts, run.recipe.denoiser)
            conditions.append((token, bool(rng.random() > 0.1), control))
        save_ways(
            walk_ways(pipeline, conditions, run.recipe.seed, r.steps, r.teacher_steps, run.report),
            file,
        )
    ways = load_ways(file)
    torch.manual_seed(run.recipe.seed)
    model = LowRank(pipeline.unet, r.rank)
    done = run.fit("few_steps", model, few_steps_loss(ways, r.batch, run.device), r.schedule)
    model.save(run.out / "unet" / FEW_STEPS, r.steps)
    run.note("few_steps", done, {"windows": len(ways)})


def assemble(out: Path, parts: Path, unet: MiniDenoiser, codec: MelCodec) -> None:
    """Make ``out`` a complete model folder: encoder parts, scheduler and index beside the rest."""
    from vtacli.model.pipeline import VtaPipeline

    for part in (TEXT, PICTURE):
        if (parts / part).resolve() != (out / "encoder" / part).resolve():
            shutil.copytree(parts / part, out / "encoder" / part, dirs_exist_ok=True)
    encoder = MiniConditioner()
    encoder.save_config(out / "encoder")
    encoder = MiniConditioner.from_pretrained(out / "encoder")
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True)
    vocoder_folder = out / "vocoder"
    if not (vocoder_folder / "config.json").is_file():
        raise WeightsMissing("the vocoder stage has not run yet", path=vocoder_folder)
    pipeline = VtaPipeline(
        encoder=encoder,
        unet=unet,
        vae=codec,
        vocoder=InverseStftVocoder.from_pretrained(vocoder_folder),
        scheduler=scheduler,
        variant="vta-mini",
    )
    pipeline.save_pretrained(out)
