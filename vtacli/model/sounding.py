"""How windows of film become sound: condition, denoise, decode, vocode.

It is the same for every model, and for both ways to hold one: as a pipeline of diffusers
(:mod:`vtacli.model.pipeline`), and as the program does (:mod:`vtacli.model.opened`), which is there
in half the time. Which encoder, denoiser, autoencoder and vocoder there are is the weights'
affair; it asks of them only this:

* ``encoder``: :class:`vtacli.model.conditioning.Conditioner`;
* ``unet(sample, timestep, encoder_hidden_states=, encoder_attention_mask=[, control=]).sample``;
* ``vae.decode(latents).sample``: (B, C, T, F) to natural-log mel (B, 1, frames, bands), with
  ``vae.config.scaling_factor`` where latents are scaled;
* ``vocoder(mel)``: (B, 1, frames, bands) to (B, N) or (B, channels, N).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from torch import Tensor

from vtacli.errors import ConfigError
from vtacli.model.branches import (
    Branches,
    branches_of_condition,
    branches_of_contents,
    heeded,
)
from vtacli.model.condition import Condition
from vtacli.model.contract import Reference, WindowContent
from vtacli.model.guidance import Scales, combine, rescaled
from vtacli.model.variants import Variant

OnStepEnd = Callable[[Any, int, Tensor, dict[str, Any]], dict[str, Any]]
Generators = torch.Generator | Sequence[torch.Generator]

FEWEST_PART_WAY = 2
"""Steps of a window that begins part-way, however few a whole way has."""


@dataclass(frozen=True)
class VtaOutput:
    """``audios``: (B, channels, window_samples) float32, full scale 1.0. ``mels``: (B, 1, frames,
    bands). ``latents``: (B, C, T, F). ``starts``: (C, T, F) of each window near which it began;
    None for one that began as noise. All on the CPU, in float32."""

    audios: Tensor
    mels: Tensor
    latents: Tensor
    starts: tuple[Tensor | None, ...]


class SoundPipeline:
    """Windows of film, or conditions made of them, to sound."""

    encoder: Any
    unet: Any
    vae: Any
    vocoder: Any
    scheduler: Any
    _num_timesteps: int = 0
    _references: WeakKeyDictionary[Reference, Reference]
    _execution_device: torch.device
    maybe_free_model_hooks: Callable[[], None]

    @property
    def facts(self) -> Variant:
        """The variant whose weights these are."""
        raise NotImplementedError

    @torch.no_grad()
    def __call__(
        self,
        windows: Sequence[WindowContent] | Condition,
        *,
        negative: Condition | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        control_scale: float | None = None,
        motion_scale: float | None = None,
        hits_scale: float | None = None,
        guidance_rescale: float | None = None,
        generator: Generators | None = None,
        latents: Tensor | None = None,
        callback_on_step_end: OnStepEnd | None = None,
        one_at_a_time: bool | None = None,
        euler_sigmas: Sequence[float] | None = None,
        whole_way: bool = False,
    ) -> VtaOutput:
        """Sound for each window.

        ``windows``: what they show, or a :class:`Condition` of B rows, in which case ``negative``
        is what guidance leads away from (None: nothing). ``guidance_scale`` is that of the words,
        ``motion_scale`` and ``hits_scale`` those of the curves, ``control_scale`` both of these
        at once: see :class:`vtacli.model.guidance.Scales`; 0 leaves an input out.
        ``guidance_rescale`` in [0, 1] (None: the variant's): see
        :func:`vtacli.model.guidance.rescaled`. Without ``generator`` the noise comes from each
        window's own key. ``latents``: (B, C, T, F) standard normal noise to start from.
        ``callback_on_step_end(pipeline, step, timestep, {"latents": …})`` may return other latents.

        ``one_at_a_time`` of None: yes on the CPU, where a row of a larger product may be rounded
        otherwise, so that a batch of any size gives the same samples. Nothing is lost by it: a
        step of two guided windows took 7.94 s apart and 8.26 s together on one core (a UNet of
        160/320/320/640 channels), 0.93 s and 0.98 s at 32/32/64/64; vta-mini's denoiser did four
        windows in 0.39 s either way. On an accelerator windows are one batch.

        Where no scale is given and the encoder would have a window begin near a draft, with no more
        noise than the variant's own, the scale is its ``draft_guidance``: what guidance would add
        is there already. Windows that begin with the same share of noise run together.

        ``euler_sigmas``: the noise levels of a denoiser that was distilled to a few steps, from 1
        down; each step is Euler's and the last ends at 0. It takes the place of the scheduler and
        of ``num_inference_steps``.

        ``whole_way``: the steps are those of the way from noise, and a window that begins part-way
        takes its share of them, but two at least. With a tenth of noise two steps end within 0.014
        nepers (mean log-mel) and 0.001 (1 - cosine of YAMNet's embedding) of where forty do.
        """
        contents = None
        if not isinstance(windows, Condition):
            windows = contents = self.with_encoded_references(windows)
        count = len(windows)
        if count == 0:
            raise ValueError("no windows to make sound for")
        if isinstance(generator, Sequence) and len(generator) != count:
            raise ValueError(f"{len(generator)} generators for {count} windows")
        if generator is None and contents is not None:
            generator = [torch.Generator().manual_seed(c.key.seed_64()) for c in contents]
        noise = self._noise(count, latents, generator)
        device = self._execution_device
        if one_at_a_time is None:
            one_at_a_time = device.type == "cpu"
        if num_inference_steps is None:
            num_inference_steps = self.facts.default_steps
        given = (
            guidance_scale,
            control_scale if motion_scale is None else motion_scale,
            control_scale if hits_scale is None else hits_scale,
        )
        usual = Scales.of(*given, self.facts.default_guidance)

        ways = [(1.0, usual)] * count
        if contents is not None and euler_sigmas is None:
            near = Scales.of(*given, self.facts.draft_guidance)
            ways = [self._way(content, usual, near) for content in contents]
        made: dict[int, Tensor] = {}
        starts: list[Tensor | None] = [None] * count
        for rows in alike(ways, 1 if one_at_a_time else count):
            share, scales = ways[rows[0]]
            if isinstance(windows, Condition):
                branches = branches_of_condition(
                    _rows(windows, rows),
                    None if negative is None else _rows(negative, rows),
                    self._onloaded("encoder") if negative is None else self.encoder,
                    scales,
                )
            else:
                branches = branches_of_contents(
                    self._onloaded("encoder"),
                    [windows[i] for i in rows],
                    scales,
                    controlled=self.facts.takes_motion or self.facts.takes_hits,
                )
            start = None
            if share < 1:
                assert not isinstance(windows, Condition)
                begin_at = [heeded(windows[i], scales) for i in rows]
                laid = self.encoder.start(begin_at, self._onloaded("vae"))
                start = (laid.to(device), share)
                for i, own in zip(rows, laid, strict=True):
                    starts[i] = own
            steps = num_inference_steps
            if whole_way and start is not None:
                steps = max(FEWEST_PART_WAY, math.ceil(steps * share - 1e-9))
            part = self._denoise(
                branches,
                noise[rows].to(device),
                [generator[i] for i in rows] if isinstance(generator, Sequence) else generator,
                steps,
                callback_on_step_end,
                self.facts.guidance_rescale if guidance_rescale is None else guidance_rescale,
                start,
                euler_sigmas,
            )
            made.update((row, part[k : k + 1]) for k, row in enumerate(rows))
        parts = [made[i] for i in range(count)]
        done = [self.decode(z) for z in parts]
        self.maybe_free_model_hooks()
        return VtaOutput(
            torch.cat([audio for audio, _ in done]),
            torch.cat([mel for _, mel in done]),
            torch.cat(parts).cpu(),
            tuple(starts),
        )

    def decode(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (B, C, T, F) to sound (B, channels, window_samples) and mel (B, 1, frames,
        bands), both float32 on the CPU."""
        vae, vocoder = self._onloaded("vae"), self.vocoder
        scaled = latents / (getattr(vae.config, "scaling_factor", None) or 1.0)
        mel = vae.decode(scaled.to(vae.dtype)).sample
        wave = self._onloaded("vocoder")(mel.to(vocoder.dtype)).float().cpu()
        if wave.ndim == 2:
            wave = wave[:, None]
        samples = self.facts.window_samples
        if wave.shape[-1] < samples:
            raise ValueError(f"the vocoder gave {wave.shape[-1]} samples of {samples}")
        # HiFi-GAN gives 32 samples more than its frames are long. They are cut at the end, as
        # AudioLDM cuts them, so that sample n lies where the published code puts it. Centring
        # would move every sound 16 samples (1 ms) earlier than the vocoder was trained to.
        return wave[..., :samples].contiguous(), mel.float().cpu()

    def _denoise(
        self,
        branches: Branches,
        noise: Tensor,
        generator: Generators | None,
        steps: int,
        callback: OnStepEnd | None,
        rescale: float,
        start: tuple[Tensor, float] | None = None,
        euler_sigmas: Sequence[float] | None = None,
    ) -> Tensor:
        """One batch from noise to latents, (B, C, T, F) float32: the sampler's own arithmetic is
        done in float32 whatever the denoiser's precision.

        ``start``: latents and the share of noise to begin with, for a flow: sampling then begins
        part-way and takes all the ``steps`` from there.
        """
        scheduler, begin = self.scheduler, 0
        if euler_sigmas is not None:
            scheduler = FlowMatchEulerDiscreteScheduler()
            scheduler.set_timesteps(sigmas=list(euler_sigmas), device=noise.device)
            # A few long steps are not cut short: such a denoiser always begins at pure noise.
            start = None
        elif start is not None:
            # The noise of a flow falls evenly: the last ``steps`` of so many begin at that share.
            scheduler.set_timesteps(max(steps, round(steps / start[1])), device=noise.device)
            begin = len(scheduler.timesteps) - steps
        else:
            scheduler.set_timesteps(steps, device=noise.device)
        timesteps = scheduler.timesteps[begin:]
        self._num_timesteps = len(timesteps)
        dtype = self.unet.dtype
        weights, asked = branches.weights, branches.condition.to(noise.device, dtype)
        inputs: dict[str, Any] = {
            "encoder_hidden_states": asked.tokens,
            "encoder_attention_mask": asked.mask,
        }
        if asked.control is not None:
            inputs["control"] = asked.control
        accepted = inspect.signature(scheduler.step).parameters
        extra = {"generator": generator} if "generator" in accepted else {}
        # Flow-matching schedulers neither scale their input nor start from anything but sigma 1.
        scale = getattr(scheduler, "scale_model_input", lambda sample, timestep: sample)
        latents = noise * getattr(scheduler, "init_noise_sigma", 1.0)
        if start is not None:
            scheduler.set_begin_index(begin)
            sigma = scheduler.sigmas[begin].to(noise)
            latents = (1 - sigma) * start[0].to(noise) + sigma * noise
        for i, timestep in enumerate(timesteps):
            sample = torch.cat([scale(latents, timestep)] * len(weights)).to(dtype)
            predicted = self.unet(sample, timestep.expand(len(sample)), **inputs).sample.float()
            each = predicted.chunk(len(weights))
            guided = combine(each, weights)
            if len(each) > 1 and branches.full is not None:
                guided = rescaled(guided, each[branches.full], rescale)
            latents = scheduler.step(guided, timestep, latents, **extra).prev_sample
            if callback is not None:
                changed = callback(self, i, timestep, {"latents": latents})
                latents = changed.get("latents", latents)
        return latents

    @property
    def num_timesteps(self) -> int:
        """Denoising steps of the last window, or of the one at hand."""
        return self._num_timesteps

    def with_encoded_references(self, windows: Sequence[WindowContent]) -> list[WindowContent]:
        """The windows, every reference with its latents. Each is encoded once. Raises ConfigError
        where this model cannot encode sound."""
        return [
            replace(w, references=tuple(self._encoded(r) for r in w.references))
            if w.references
            else w
            for w in windows
        ]

    def _encoded(self, reference: Reference) -> Reference:
        if reference.latents is not None:
            return reference
        if not self.facts.takes_references:
            raise ConfigError(
                f"the model {self.facts.name} cannot take a reference.",
                hint="Leave it out, or choose a model that can, such as vta-mini.",
            )
        if reference not in self._references:
            made = self._onloaded("encoder").encoded(reference, self._onloaded("vae"))
            self._references[reference] = made
        return self._references[reference]

    def _way(self, content: WindowContent, usual: Scales, near: Scales) -> tuple[float, Scales]:
        """With how much noise a window begins, and its scales: ``usual`` ones from pure noise and
        wherever a negative prompt needs them, ``near`` ones where it begins near a draft."""
        share_of = getattr(self._onloaded("encoder"), "noise_share", None)
        share = 1.0 if share_of is None else float(share_of(heeded(content, usual)))
        drafted = share <= self.facts.draft_noise < 1 and not content.negative
        return share, near if drafted else usual

    def _noise(self, count: int, latents: Tensor | None, generator: Generators | None) -> Tensor:
        """(B, C, T, F) float32 on the CPU, each row from its own generator where there are many:
        the same key gives the same noise on every device and in every batch."""
        shape = self.facts.latent_shape
        if latents is not None:
            if latents.shape != (count, *shape):
                raise ValueError(f"latents are {(count, *shape)}, got {tuple(latents.shape)}")
            return latents.float().cpu()
        if isinstance(generator, Sequence):
            rows = [torch.randn(shape, generator=g, device=g.device).cpu() for g in generator]
            return torch.stack(rows)
        device = "cpu" if generator is None else generator.device
        return torch.randn((count, *shape), generator=generator, device=device).cpu()

    def _onloaded(self, name: str) -> Any:
        """A component, on its device if it is offloaded. Offloading moves a module when its
        ``forward`` is called, which not every method of a component goes through."""
        component = getattr(self, name)
        hook = getattr(component, "_hf_hook", None)
        if hook is not None and hasattr(hook, "pre_forward"):
            hook.pre_forward(component)
        return component


def alike(ways: Sequence[Hashable], at_most: int) -> list[list[int]]:
    """The numbers of the windows that go the same way, in groups of up to ``at_most``."""
    groups: list[list[int]] = []
    for way in dict.fromkeys(ways):
        same = [i for i, other in enumerate(ways) if other == way]
        groups += [same[k : k + at_most] for k in range(0, len(same), at_most)]
    return groups


def _rows(condition: Condition, rows: list[int]) -> Condition:
    """Some rows of a condition, without the padding that none of them uses."""
    mask = condition.mask[rows]
    used = mask.any(dim=0).nonzero()
    length = int(used.max()) + 1 if len(used) else mask.shape[1]
    return Condition(
        condition.tokens[rows, :length],
        mask[:, :length],
        None if condition.control is None else condition.control[rows],
    )
