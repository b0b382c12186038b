"""What each family of weights is: facts that come with the weights and are never options.

No torch here: ``vta plan`` and ``--help`` read these facts and must stay instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from vtacli.model.encoders.spec import spec_of


def exact_div(whole: int, part: int) -> int:
    """whole / part, or an error on import where the geometry does not fit."""
    if whole % part:
        raise ValueError(f"{whole} is not a multiple of {part}")
    return whole // part


@dataclass(frozen=True)
class Variant:
    """The geometry and the abilities of one kind of model.

    ``latent_shape`` is (channels, time, frequency). ``frames_per_second`` and ``frame_size_px``
    say what pictures the encoder wants. ``guidance_rescale``: see
    :func:`vtacli.model.guidance.rescaled`. ``draft_steps`` and ``best_steps``: of the qualities
    beside ``default_steps``. ``draft_noise``: the share of noise with which sampling begins near a
    draft, and of the steps that are made then; ``draft_guidance``: the scale there, where none is
    given. ``takes_references``: sounds of the user's own.
    ``channels``: of what it makes. ``licence`` is an SPDX identifier or a list of them.
    """

    name: str
    licence: str
    latent_shape: tuple[int, int, int]
    frames_per_second: Fraction
    frame_size_px: int
    takes_text: bool
    takes_motion: bool
    takes_hits: bool
    sees_order: bool
    default_steps: int
    default_guidance: float
    default_sampler: str
    draft_steps: int
    best_steps: int
    draft_noise: float = 1.0
    draft_guidance: float = 1.0
    takes_references: bool = False
    guidance_rescale: float = 0.0
    rate_hz: int = 16_000
    channels: int = 1
    hop: int = 160
    mel_frames: int = 1024
    mel_bands: int = 64

    @property
    def window_samples(self) -> int:
        return self.mel_frames * self.hop

    @property
    def window_s(self) -> Fraction:
        """Length of one window. That it is 10.24 s is a theorem, not a setting."""
        return Fraction(self.window_samples, self.rate_hz)

    @property
    def time_factor(self) -> int:
        """Mel frames in one latent step."""
        return exact_div(self.mel_frames, self.latent_shape[1])

    def steps_of(self, quality: str) -> int:
        """Denoising steps of a quality: draft, normal or best."""
        return {"draft": self.draft_steps, "best": self.best_steps}.get(quality, self.default_steps)

    @property
    def bandwidth_hz(self) -> int:
        return exact_div(self.rate_hz, 2)


FIRST_STAGE_LICENCE = "CC-BY-NC-SA-4.0"
"""Of AudioLDM's autoencoder and vocoder, which every model of the VTA-LDM family has."""
FLOW_FRAMES_PER_SECOND = Fraction(25, 2)
"""How densely frames are sampled where optical flow is looked at: half the latents' rate. Beyond
that a film's frames on disk cost more than they tell."""


def _published(
    name: str,
    *,
    encoder: str = "clip4clip",
    sees_order: bool = False,
    takes_text: bool = False,
    sees_flow: bool = False,
    trained_here: bool = False,
) -> Variant:
    """A member of the VTA-LDM family. ``trained_here``: its weights were never published, so what
    they may be used for is what the parts that they stand on allow."""
    spec = spec_of(encoder)
    own = spec.licence if trained_here else "CC-BY-4.0"
    return Variant(
        name=name,
        licence=own if own == FIRST_STAGE_LICENCE else f"{own} AND {FIRST_STAGE_LICENCE}",
        latent_shape=(8, 256, 16),
        frames_per_second=max(spec.frames_per_second, FLOW_FRAMES_PER_SECOND)
        if sees_flow
        else spec.frames_per_second,
        frame_size_px=spec.frame_size_px,
        takes_text=takes_text,
        takes_motion=False,
        takes_hits=False,
        sees_order=sees_order,
        default_steps=25,
        default_guidance=3.0,
        default_sampler="dpm++2m",
        draft_steps=10,
        best_steps=50,
    )


VARIANTS: dict[str, Variant] = {
    v.name: v
    for v in (
        _published("vta-ldm-base"),
        _published("vta-ldm-pe", sees_order=True),
        _published("vta-ldm-text", takes_text=True),
        _published("vta-ldm-ib", encoder="imagebind", trained_here=True),
        _published("vta-ldm-lb", encoder="languagebind", trained_here=True),
        _published("vta-ldm-jepa", encoder="vjepa", trained_here=True),
        _published("vta-ldm-jepa2", encoder="vjepa2", trained_here=True),
        _published("vta-ldm-vivit", encoder="vivit", trained_here=True),
        _published("vta-ldm-cavp", encoder="cavp", trained_here=True),
        _published("vta-ldm-flow", sees_order=True, sees_flow=True, trained_here=True),
        _published("vta-ldm-text-concat", takes_text=True, trained_here=True),
        Variant(
            name="vta-mini",
            licence="Apache-2.0",
            latent_shape=(128, 128, 1),
            frames_per_second=Fraction(2),
            frame_size_px=224,
            takes_text=True,
            takes_motion=True,
            takes_hits=True,
            sees_order=True,
            default_steps=20,
            default_guidance=2.0,
            default_sampler="unipc",
            draft_steps=4,
            best_steps=40,
            # The less, the surer a sound's class and the nearer to a recording: weights/README.md.
            draft_noise=0.1,
            takes_references=True,
            guidance_rescale=0.7,
        ),
    )
}
