"""Model folders of the VTA-LDM family: the reference checkpoint's denoiser, autoencoder and vocoder
behind any encoder and auxiliaries, at toy widths, with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from published_model import imported, opened

from vtacli.model.assembled import Assembled
from vtacli.model.controlled import ControlledUNet
from vtacli.model.pipeline import VtaPipeline

CLIP = {
    "vision": {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 224,
        "patch_size": 56,
        "projection_dim": 16,
    }
}
SMALL = {"width": 16, "depth": 1, "heads": 2}
MADE_OF: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "vta-ldm-base": ("clip4clip", CLIP, ()),
    "vta-ldm-pe": ("clip4clip", CLIP, ("position",)),
    "vta-ldm-text": ("clip4clip", CLIP, ("text-add",)),
    "vta-ldm-text-concat": ("clip4clip", CLIP, ("text-concat",)),
    "vta-ldm-flow": ("clip4clip", CLIP, ("flow-token", "flow-control")),
    "vta-ldm-ib": ("imagebind", {"patch_px": 56, "out_width": 12, **SMALL}, ()),
    "vta-ldm-lb": ("languagebind", {"patch_px": 56, "mlp": 32, "out_width": 12, **SMALL}, ()),
    "vta-ldm-jepa": ("vjepa", {"patch_px": 56, "mlp": 32, **SMALL}, ()),
    "vta-ldm-jepa2": (
        "vjepa2",
        {
            "vision": {
                "crop_size": 256,
                "patch_size": 64,
                "hidden_size": 24,
                "num_attention_heads": 2,
                "num_hidden_layers": 1,
            }
        },
        (),
    ),
    "vta-ldm-vivit": (
        "vivit",
        {
            "vision": {
                "image_size": 224,
                "tubelet_size": [2, 56, 56],
                "hidden_size": 16,
                "num_attention_heads": 2,
                "num_hidden_layers": 1,
                "intermediate_size": 32,
            }
        },
        (),
    ),
    "vta-ldm-cavp": ("cavp", {"base": 1, "width": 12}, ()),
}
"""Encoder, its settings and auxiliaries, for each variant."""
TEXT = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "projection_dim": 16,
}


def write_model(variant: str, folder: Path) -> Path:
    """A model folder of that variant."""
    torch.manual_seed(11)
    reference = opened(imported("text"))
    encoder, settings, auxiliaries = MADE_OF[variant]
    wants_words = any(name.startswith("text") for name in auxiliaries)
    said = reference.encoder.config
    size = {"vocab_size": said.text["vocab_size"], "eos_token_id": said.text["eos_token_id"]}
    made = Assembled(
        encoder,
        settings,
        list(auxiliaries),
        said.width,
        text=TEXT | size if wants_words else None,
    )
    if made.words is not None:
        made.words.tokenizer = reference.encoder.tokenizer
    unet = reference.unet
    if made.control_channels:
        unet = ControlledUNet.widened(unet, made.control_channels)
        torch.nn.init.normal_(unet.conv_in.weight, std=0.1)  # so that the control is heard
    pipeline = VtaPipeline(
        made, unet, reference.vae, reference.vocoder, reference.scheduler, variant=variant
    )
    pipeline.save_pretrained(folder)
    return folder
