"""Opening a folder of weights as the :class:`SoundModel` that the rest of the program knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.utils import logging as diffusers_logging
from numpy.typing import NDArray
from torch import Tensor, nn

from vtacli.errors import DeviceError, VtaError, WeightsRefused
from vtacli.model import samplers
from vtacli.model.branches import heeded
from vtacli.model.contract import Drawn, OnStep, Sampling, SoundModel, Take, WindowContent
from vtacli.model.describe import variant_of
from vtacli.model.devices import choose_device, choose_dtype, out_of_memory_told
from vtacli.model.guess import Guesser
from vtacli.model.guidance import Scales
from vtacli.model.headers import check_headers
from vtacli.model.mini.conditioner import MiniConditioner
from vtacli.model.mini.few_steps import FewSteps, euler_sigmas
from vtacli.model.opened import OpenedPipeline
from vtacli.model.sounding import SoundPipeline
from vtacli.model.strict import check_components
from vtacli.model.variants import Variant
from vtacli.signal.media import Audio


class LoadedModel:
    """A pipeline as a :class:`SoundModel`. ``pipeline`` is there for whoever wants more of it.

    ``few_steps``: what makes the denoiser of quality draft, where the weights have it.
    """

    def __init__(
        self, pipeline: SoundPipeline, variant: Variant, few_steps: FewSteps | None = None
    ):
        self.pipeline = pipeline
        self.few_steps = few_steps
        self._variant = variant
        self._trained_scheduler = pipeline.scheduler.config
        self._distilled: nn.Module | None = None

    @property
    def variant(self) -> Variant:
        return self._variant

    def generate(
        self,
        windows: Sequence[WindowContent],
        sampling: Sampling,
        on_step: OnStep | None = None,
    ) -> list[Audio]:
        """Sound of exactly ``variant.window_samples`` samples for each window, in order.

        On the CPU windows run one after the other, and steps are counted over all of them.
        A window in which nothing is to be heard is silence, and is not sampled. Raises
        :class:`DeviceError` where memory runs out or the sound is not finite, and
        :class:`ConfigError` for a sampler that is not there, or for words or references that the
        model cannot take.
        """
        given = (sampling.guidance, sampling.motion_scale, sampling.hits_scale)
        scales = Scales.of(*given, self._variant.default_guidance)
        windows = self.pipeline.with_encoded_references(windows)
        encoder = self.pipeline.encoder
        silent = getattr(encoder, "nothing_to_hear", lambda window: False)
        # A picture that may not be followed is still a picture in which nothing moves.
        quiet = [silent(heeded(w, replace(scales, motion=1.0))) for w in windows]
        sounding = [w for w, q in zip(windows, quiet, strict=True) if not q]
        made = iter(self._sampled(sounding, sampling, scales, on_step) if sounding else [])
        nothing = np.zeros((1, self._variant.window_samples), np.float32)
        takes: list[Audio] = []
        for window, q in zip(windows, quiet, strict=True):
            data, drawn = (nothing, ()) if q else next(made)
            looks = encoder.guess(window.frames) if hasattr(encoder, "guess") else None
            takes.append(Take(data, self._variant.rate_hz, looks, drawn))
        return takes

    def _sampled(
        self,
        windows: Sequence[WindowContent],
        sampling: Sampling,
        scales: Scales,
        on_step: OnStep | None,
    ) -> list[tuple[NDArray[np.float32], tuple[Drawn, ...]]]:
        """(C, N) sound of each window, and what its draft was made of."""
        name = sampling.sampler or self._variant.default_sampler
        usual = samplers.sampler(name).steps if sampling.sampler else None
        steps = sampling.steps or usual or self._variant.steps_of(sampling.quality)
        self.pipeline.scheduler = samplers.build(name, self._trained_scheduler)
        words: float | None = sampling.guidance
        motion, hits = sampling.motion_scale, sampling.hits_scale
        with out_of_memory_told(), self._denoiser(sampling) as few:
            if few is not None:
                # Guidance is distilled in; what is left out is left out all the same.
                words, motion, hits = (
                    min(s, 1.0) for s in (scales.words, scales.motion, scales.hits)
                )
                sigmas = euler_sigmas(sampling.steps or few.steps)
            result = self.pipeline(
                windows,
                num_inference_steps=steps,
                guidance_scale=words,
                motion_scale=motion,
                hits_scale=hits,
                euler_sigmas=None if few is None else sigmas,
                # Steps that were asked for are made; a quality's are those of the whole way.
                whole_way=sampling.steps is None,
                callback_on_step_end=None if on_step is None else _counted(on_step, len(windows)),
            )
        if not torch.isfinite(result.audios).all():
            raise DeviceError("the sound is not finite.", hint="Use --dtype float32.")
        drawn = getattr(self.pipeline.encoder, "drawn", lambda window, latents, start, codec: ())
        rows = zip(windows, result.audios, result.latents, result.starts, strict=True)
        return [
            (audio.numpy(), drawn(heeded(window, scales), latents, start, self.pipeline.vae))
            for window, audio, latents, start in rows
        ]

    @contextmanager
    def _denoiser(self, sampling: Sampling) -> Iterator[FewSteps | None]:
        """The denoiser of few steps in the place of the usual one, where it is to be used."""
        few = self.few_steps if sampling.quality == "draft" and not sampling.sampler else None
        if few is None:
            yield None
            return
        usual = self.pipeline.unet
        if self._distilled is None:
            self._distilled = few.merged(usual)
        self.pipeline.unet = self._distilled
        try:
            yield few
        finally:
            self.pipeline.unet = usual


def load_model(folder: Path, *, device: str = "auto", dtype: str = "auto") -> SoundModel:
    """Open a model folder.

    ``device``: ``auto``, ``cpu``, ``cuda`` (or ``cuda:1``), ``mps``. ``dtype`` is the encoder's
    and the denoiser's; autoencoder and vocoder always run in float32, where they cost little and
    where 8 bits of mantissa would be heard. Raises :class:`WeightsMissing`,
    :class:`WeightsRefused` and :class:`DeviceError`.
    """
    variant = variant_of(folder)
    place = choose_device(device)
    precision = choose_dtype(dtype, place)
    with quietly(), out_of_memory_told():
        try:
            pipeline = OpenedPipeline.from_folder(folder)
        except VtaError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise WeightsRefused(f"the model cannot be opened: {reason}", path=folder) from error
        check_components(pipeline, folder)
        pipeline.to(place, torch.float32)
        pipeline.encoder.to(dtype=precision)
        pipeline.unet.to(dtype=precision)
    return LoadedModel(pipeline, variant, FewSteps.of(folder / "unet"))


def load_guesser(folder: Path) -> Guesser:
    """What says what pictures look like: the encoder of a model folder alone, on the CPU.

    Raises WeightsMissing and WeightsRefused.
    """
    check_headers(folder / "encoder")
    with quietly():
        encoder: MiniConditioner = MiniConditioner.from_pretrained(folder / "encoder")
    return encoder


@contextmanager
def quietly() -> Iterator[None]:
    """Keep diffusers' own progress bars and warnings off the console meanwhile: what is wrong
    with weights is raised here, and progress is reported by whoever called."""
    bars, level = diffusers_logging.is_progress_bar_enabled(), diffusers_logging.get_verbosity()
    diffusers_logging.disable_progress_bar()
    diffusers_logging.set_verbosity_error()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(level)
        if bars:
            diffusers_logging.enable_progress_bar()


def _counted(on_step: OnStep, windows: int) -> Callable[..., dict[str, Any]]:
    """A callback for the pipeline that counts the steps of all windows, as if all had as many as
    those at hand."""
    finished = 0

    def step(pipeline: SoundPipeline, index: int, timestep: Tensor, tensors: Any) -> dict[str, Any]:
        nonlocal finished
        rows, steps = len(tensors["latents"]), pipeline.num_timesteps
        on_step(finished * steps + rows * (index + 1), windows * steps)
        finished += rows if index + 1 == steps else 0
        return {}

    return step
