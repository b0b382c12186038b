"""The stages that learn sound itself: codec, decoder, texture, vocoder, attacks."""

from __future__ import annotations

from collections.abc import Callable

import torch

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.vocos import InverseStftVocoder
from vtacli.progress import Note
from vtacli.training.attacks import attacks_loss, attacks_score, freeze_all_but_gains
from vtacli.training.codec import codec_loss, codec_score, set_latent_statistics
from vtacli.training.decoder import decoder_loss, decoder_score, freeze_all_but_decoder
from vtacli.training.excerpts import Excerpts
from vtacli.training.library import SoundLibrary
from vtacli.training.loop import LossOf, Schedule, learn_only
from vtacli.training.recipe import Recipe, TextureRecipe
from vtacli.training.running import Run, adopt
from vtacli.training.texture import (
    freeze_all_but_texture,
    freeze_texture,
    texture_loss,
    texture_score,
)
from vtacli.training.vocoder import vocoder_loss, vocoder_score


def new_codec(recipe: Recipe) -> MelCodec:
    """The codec as the recipe sizes it, with its first weights."""
    torch.manual_seed(recipe.seed)
    texture = recipe.texture
    if texture.schedule.steps == 0:
        texture = TextureRecipe(width=0)
    model: MelCodec = MelCodec(
        **recipe.codec.sizes, texture_width=texture.width, texture_depth=texture.depth
    )
    return model


def narrower(run: Run, model: MelCodec) -> MelCodec | None:
    """The codec that ``model`` grows from, where the weights at hand have fewer channels."""
    folder, kept = run.out / "vae", run.out / "state" / "narrow-codec"
    if not (kept / "config.json").is_file() and (folder / "config.json").is_file():
        held: MelCodec = MelCodec.from_pretrained(folder)
        if held.config.channels < model.config.channels:
            held.save_pretrained(kept)
    if not (kept / "config.json").is_file():
        return None
    codec: MelCodec = MelCodec.from_pretrained(kept).to(run.device).eval()
    return codec


def train_codec(run: Run) -> None:
    """The mel VAE, then its latents' statistics."""
    r = run.recipe.codec
    model = new_codec(run.recipe)
    freeze_texture(model)
    excerpts = Excerpts(run.library, r.excerpt_samples, r.speed)
    anchor = narrower(run, model)
    loss_of = codec_loss(excerpts, r.batch, run.device, r.kl_weight, anchor, r.again)
    done = run.fit("codec", model, loss_of, r.schedule)
    set_latent_statistics(model, excerpts, run.recipe.seed, run.device)
    model.save_pretrained(run.out / "vae")
    run.note("codec", done, codec_score(model, run.library, run.device))


def train_decoder(run: Run) -> None:
    """The codec's decoder on noisy latents, everything else of the codec frozen."""
    r = run.recipe.decoder
    excerpts = Excerpts(run.library, r.excerpt_samples)
    loss_of = decoder_loss(excerpts, r.batch, run.device, r.latent_noise)
    _go_on(run, "decoder", r.schedule, freeze_all_but_decoder, loss_of, decoder_score)


def train_texture(run: Run) -> None:
    """The codec's grain, everything else of the codec frozen."""
    r = run.recipe.texture
    excerpts = Excerpts(run.library, r.excerpt_samples)
    loss_of = texture_loss(excerpts, r.batch, run.device, r.latent_noise)
    _go_on(run, "texture", r.schedule, freeze_all_but_texture, loss_of, texture_score)


def _go_on(
    run: Run,
    stage: str,
    schedule: Schedule,
    freeze: Callable[[MelCodec], None],
    loss_of: LossOf,
    score: Callable[[MelCodec, SoundLibrary, str], dict[str, float]],
) -> None:
    """Train a part of the codec that is there; a schedule of no steps leaves it as it is."""
    if schedule.steps == 0:
        return
    model = new_codec(run.recipe)
    adopt(model, run.out / "vae")
    freeze(model)
    done = run.fit(stage, model, loss_of, schedule)
    model.save_pretrained(run.out / "vae")
    run.note(stage, done, score(model, run.library, run.device))


def train_vocoder(run: Run) -> None:
    """The vocoder, on true mels and, once the codec is there, on coded ones."""
    r = run.recipe.vocoder
    model = new_vocoder(run.recipe)
    codec = codec_of_vocoder(run, r.coded_share)
    learn_only(model, lambda name: not name.startswith("gains."))
    excerpts = Excerpts(run.library, r.excerpt_samples)
    loss_of = vocoder_loss(
        excerpts,
        r.batch,
        run.device,
        codec,
        r.coded_share,
        r.tone_steps,
        r.project,
        r.tones_down,
    )
    done = run.fit("vocoder", model, loss_of, r.schedule)
    model.save_pretrained(run.out / "vocoder")
    run.note("vocoder", done, vocoder_score(model, run.library, run.device))


def train_attacks(run: Run) -> None:
    """The vocoder's attack gains, everything else of the vocoder frozen."""
    r = run.recipe.attacks
    if r.schedule.steps == 0:
        return
    model = new_vocoder(run.recipe)
    adopt(model, run.out / "vocoder")
    freeze_all_but_gains(model)
    codec = codec_of_vocoder(run, r.coded_share)
    excerpts = Excerpts(run.library, r.excerpt_samples)
    loss_of = attacks_loss(excerpts, r.batch, run.device, codec, r.coded_share)
    done = run.fit("attacks", model, loss_of, r.schedule)
    model.save_pretrained(run.out / "vocoder")
    scores = attacks_score(model, run.library, run.device)
    scores.update(vocoder_score(model, run.library, run.device))
    run.note("attacks", done, scores)


def new_vocoder(recipe: Recipe) -> InverseStftVocoder:
    """The vocoder as the recipe sizes it, with its first weights."""
    torch.manual_seed(recipe.seed)
    attacks = recipe.attacks
    gains = attacks.gains if attacks.schedule.steps else 0
    model: InverseStftVocoder = InverseStftVocoder(**recipe.vocoder.sizes, envelope_gains=gains)
    return model


def codec_of_vocoder(run: Run, coded_share: float) -> MelCodec | None:
    """The codec that some of the vocoder's mels go through; None where none shall or it is not
    there yet."""
    if coded_share > 0 and (run.out / "vae" / "config.json").is_file():
        return run.codec()
    if coded_share > 0:
        run.report(Note("no codec yet: the vocoder learns from true mels alone", "warning"))
    return None
