"""The samplers by name: which diffusers scheduler each one is, for either kind of model.

A model's own scheduler says how it was trained (the noise schedule and what is predicted, or a
rectified flow and its shift). A name says how to integrate. :func:`build` joins the two. Nothing
heavy is imported until then, so the names can be checked before torch is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from vtacli.errors import ConfigError

_TRAINED = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
)
_FLOW_SOLVER = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}


@dataclass(frozen=True)
class Sampler:
    """``diffusion`` and ``flow`` name scheduler classes of diffusers (None: there is none), with
    their settings; ``steps`` is the number usual for it, None where the variant's default fits;
    ``ancestral`` samplers draw fresh noise at every step."""

    name: str
    diffusion: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    flow: str | None = None
    flow_settings: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None
    ancestral: bool = False


SAMPLERS: dict[str, Sampler] = {
    s.name: s
    for s in (
        Sampler(
            "dpm++2m",
            "DPMSolverMultistepScheduler",
            {"algorithm_type": "dpmsolver++", "solver_order": 2},
            "DPMSolverMultistepScheduler",
            {"algorithm_type": "dpmsolver++", "solver_order": 2, **_FLOW_SOLVER},
        ),
        Sampler(
            "unipc",
            "UniPCMultistepScheduler",
            {"solver_order": 2},
            "UniPCMultistepScheduler",
            {"solver_order": 2, **_FLOW_SOLVER},
        ),
        # Not for flows: there DEIS of diffusers 0.42 repeats its last noise level instead of
        # ending at zero, and a tenth of the noise stays in the sound.
        Sampler("deis", "DEISMultistepScheduler", {"solver_order": 2}),
        Sampler("euler", "EulerDiscreteScheduler", {}, "FlowMatchEulerDiscreteScheduler"),
        Sampler("heun", "HeunDiscreteScheduler", {}, "FlowMatchHeunDiscreteScheduler"),
        Sampler(
            "ddim",
            "DDIMScheduler",
            {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1},
        ),
        # As the published model samples: Stable Diffusion 2.1's own settings, 300 steps.
        Sampler(
            "ddpm",
            "DDPMScheduler",
            {"clip_sample": False, "steps_offset": 1, "timestep_spacing": "leading"},
            steps=300,
            ancestral=True,
        ),
    )
}


def sampler(name: str) -> Sampler:
    """The sampler of this name. Raises :class:`ConfigError` with the nearest names."""
    try:
        return SAMPLERS[name]
    except KeyError:
        near = get_close_matches(name.lower(), SAMPLERS, n=2, cutoff=0.4)
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        raise ConfigError(
            f"there is no sampler named {name!r}.",
            hint=f"{meant}Choose one of {', '.join(SAMPLERS)}.",
        ) from None


def is_flow(config: Mapping[str, Any]) -> bool:
    """Whether a scheduler's config is that of a rectified flow: by what it predicts, or by having
    a shift and no betas, as the flow-matching schedulers do."""
    return (
        config.get("prediction_type") == "flow_prediction"
        or bool(config.get("use_flow_sigmas"))
        or ("shift" in config and "beta_start" not in config)
    )


def build(name: str, config: Mapping[str, Any]) -> Any:
    """The diffusers scheduler called ``name`` for a model whose scheduler has ``config``.

    Raises :class:`ConfigError` for an unknown name, or one that a flow model cannot use.
    """
    row = sampler(name)
    if not is_flow(config):
        trained = {key: config[key] for key in _TRAINED if key in config}
        return _scheduler(row.diffusion)(**trained, **row.settings)
    if row.flow is None:
        able = ", ".join(s.name for s in SAMPLERS.values() if s.flow is not None)
        raise ConfigError(
            f"sampler {name} does not work for this model, which is a rectified flow.",
            hint=f"Choose one of {able}.",
        )
    shift = config.get("flow_shift", config.get("shift", 1.0))
    spelling = "shift" if row.flow.startswith("FlowMatch") else "flow_shift"
    return _scheduler(row.flow)(
        num_train_timesteps=config.get("num_train_timesteps", 1000),
        **{spelling: shift},
        **row.flow_settings,
    )


def _scheduler(name: str) -> Any:
    return getattr(import_module("diffusers"), name)
