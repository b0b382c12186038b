"""Opening a folder of weights as the :class:`SoundModel` that the rest of the program knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.utils import logging as diffusers_logging
from torch import Tensor

from vtacli.errors import DeviceError, VtaError, WeightsRefused
from vtacli.model import samplers
from vtacli.model.contract import OnStep, Sampling, SoundModel, WindowContent
from vtacli.model.describe import variant_of
from vtacli.model.devices import choose_device, choose_dtype, out_of_memory_told
from vtacli.model.pipeline import VtaPipeline
from vtacli.model.strict import check_components
from vtacli.model.variants import Variant
from vtacli.signal.media import Audio


class LoadedModel:
    """A pipeline as a :class:`SoundModel`. ``pipeline`` is there for whoever wants more of it."""

    def __init__(self, pipeline: VtaPipeline, variant: Variant):
        self.pipeline = pipeline
        self._variant = variant
        self._trained_scheduler = pipeline.scheduler.config

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
        :class:`ConfigError` for a sampler that is not there or words that the model cannot take.
        """
        silent = getattr(self.pipeline.encoder, "nothing_to_hear", lambda window: False)
        quiet = [silent(w) for w in windows]
        sounding = [w for w, q in zip(windows, quiet, strict=True) if not q]
        made = iter(self._sampled(sounding, sampling, on_step) if sounding else [])
        nothing = Audio(
            np.zeros((1, self._variant.window_samples), np.float32), self._variant.rate_hz
        )
        return [nothing if q else next(made) for q in quiet]

    def _sampled(
        self, windows: Sequence[WindowContent], sampling: Sampling, on_step: OnStep | None
    ) -> list[Audio]:
        name = sampling.sampler or self._variant.default_sampler
        usual = samplers.sampler(name).steps if sampling.sampler else None
        self.pipeline.scheduler = samplers.build(name, self._trained_scheduler)
        with out_of_memory_told():
            result = self.pipeline(
                windows,
                num_inference_steps=sampling.steps or usual or self._variant.default_steps,
                guidance_scale=sampling.guidance,
                motion_scale=sampling.motion_scale,
                hits_scale=sampling.hits_scale,
                callback_on_step_end=None if on_step is None else _counted(on_step, len(windows)),
            )
        if not torch.isfinite(result.audios).all():
            raise DeviceError("the sound is not finite.", hint="Use --dtype float32.")
        return [Audio(audio.numpy(), self._variant.rate_hz) for audio in result.audios]


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
            pipeline = VtaPipeline.from_pretrained(
                folder, use_safetensors=True, local_files_only=True
            )
        except VtaError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise WeightsRefused(f"the model cannot be opened: {reason}", path=folder) from error
        check_components(pipeline, folder)
        pipeline.to(place, torch.float32)
        pipeline.encoder.to(dtype=precision)
        pipeline.unet.to(dtype=precision)
    return LoadedModel(pipeline, variant)


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
    """A callback for the pipeline that counts the steps of all windows."""
    done = 0

    def step(pipeline: VtaPipeline, index: int, timestep: Tensor, tensors: Any) -> dict[str, Any]:
        nonlocal done
        done += 1
        runs = 1 if len(tensors["latents"]) == windows else windows
        on_step(done, runs * len(pipeline.scheduler.timesteps))
        return {}

    return step
