"""What each video encoder wants to see and whose it is: facts of its published weights.

No torch here: plans and ``--help`` read these facts and must stay instant. Nothing of these weights
is shipped; a licence with NC in it forbids commercial use of what they make.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from vtacli.errors import ConfigError


@dataclass(frozen=True)
class EncoderSpec:
    """``mean`` and ``std``: of the three colours, pixels in [0, 1]. ``width``: D of a token.
    ``licence``: SPDX, of the published weights. ``upstream``: the repository with its commit, or
    the name on the hub. ``clip_frames``: frames a call sees at once, where the network needs
    exactly so many; None: any number."""

    name: str
    frames_per_second: Fraction
    frame_size_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    width: int
    licence: str
    upstream: str
    clip_frames: int | None = None


UNTOUCHED = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
"""Pixels as they are, in [0, 1]."""
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
"""Of the pictures that CLIP was trained on (Radford et al., 2103.00020)."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SYMMETRIC = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Pixels to [-1, 1]."""
LITE = ((127 / 255,) * 3, (128 / 255,) * 3)
"""Of the EfficientNet-Lite classifiers."""

SPECS: dict[str, EncoderSpec] = {
    spec.name: spec
    for spec in (
        # The published model sees CLIP's pictures without CLIP's normalisation.
        EncoderSpec(
            "clip4clip",
            Fraction(2),
            224,
            *UNTOUCHED,
            width=768,
            licence="MIT",
            upstream="openai/clip-vit-large-patch14",
        ),
        EncoderSpec(
            "imagebind",
            Fraction(2),
            224,
            *CLIP,
            width=1024,
            licence="CC-BY-NC-SA-4.0",
            upstream="facebookresearch/ImageBind@53680b02d7e37b19b124fa37bae4b6c98c38f5be",
            clip_frames=2,
        ),
        EncoderSpec(
            "languagebind",
            Fraction(2),
            224,
            *CLIP,
            width=768,
            licence="MIT",
            upstream="PKU-YuanGroup/LanguageBind@7070c53375661cdb235801176b564b45f96f0648",
            clip_frames=8,
        ),
        # Trained on every fourth of 30 frames a second (Bardes et al., 2404.08471, appendix C).
        EncoderSpec(
            "vjepa",
            Fraction(15, 2),
            224,
            *IMAGENET,
            width=1024,
            licence="CC-BY-NC-4.0",
            upstream="facebookresearch/jepa@51c59d518fc63c08464af6de585f78ac0c7ed4d5",
            clip_frames=16,
        ),
        # Trained on 4 frames a second (Assran et al., 2506.09985, section 2).
        EncoderSpec(
            "vjepa2",
            Fraction(4),
            256,
            *IMAGENET,
            width=1024,
            licence="MIT",
            upstream="facebook/vjepa2-vitl-fpc64-256",
        ),
        # Every second of Kinetics' 25 frames a second (Arnab et al., 2103.15691, section 4.1).
        EncoderSpec(
            "vivit",
            Fraction(25, 2),
            224,
            *SYMMETRIC,
            width=768,
            licence="MIT",
            upstream="google/vivit-b-16x2-kinetics400",
            clip_frames=32,
        ),
        # Trained on 4 frames a second (Luo et al., 2306.17203, section 4).
        EncoderSpec(
            "cavp",
            Fraction(4),
            224,
            *UNTOUCHED,
            width=512,
            licence="MIT",
            upstream="luosiallen/Diff-Foley@0ba1e8add81e3e04da4f91ae04535581e79ee040",
        ),
        EncoderSpec(
            "mini",
            Fraction(2),
            224,
            *LITE,
            width=1280,
            licence="Apache-2.0",
            upstream="vta-mini",
        ),
    )
}


def spec_of(name: str) -> EncoderSpec:
    """The published facts of an encoder. Raises :class:`ConfigError` for an unknown name."""
    if name not in SPECS:
        raise ConfigError(f"no encoder {name!r}.", hint=f"Choose {', '.join(SPECS)}.")
    return SPECS[name]
