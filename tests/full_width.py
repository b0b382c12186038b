"""The published checkpoint at its full width, under its own names, with random numbers in it.

Names, shapes and sizes are those of the facts that the program carries; what it sounds like is
noise. 2.5 GB are written.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPConfig

from vtacli.model import published
from vtacli.model.checkpoint import _EYE, _TONGUE, _TOWER, Part, parts_of
from vtacli.model.encoders.clip4clip import Clip4Clip
from vtacli.model.vocoder import HifiGan

SUMMARY = {
    "task": "video2audio",
    "fea_encoder_name": "openai/clip-vit-large-patch14",
    "unet_model_config": "configs/diffusion_model_config_large_2048.json",
    "embedding_dim": 2048,
    "pe": False,
}
"""Names settings that the folder does not hold, as the published one does."""


def parts() -> tuple[Part, ...]:
    clip = CLIPConfig.from_dict(published.fact("clip-vit-large-patch14"))
    with torch.device("meta"):
        return parts_of(
            Clip4Clip(
                vision={key: getattr(clip.vision_config, key) for key in _TOWER + _EYE},
                text={key: getattr(clip.text_config, key) for key in _TOWER + _TONGUE},
                width=2048,
            ),
            UNet2DConditionModel.from_config(published.fact("vta-ldm-unet")),
            AutoencoderKL(
                in_channels=1,
                out_channels=1,
                down_block_types=("DownEncoderBlock2D",) * 3,
                up_block_types=("UpDecoderBlock2D",) * 3,
                block_out_channels=(128, 256, 512),
                layers_per_block=2,
                latent_channels=8,
                sample_size=256,
            ),
            HifiGan(channels=1024),
        )


def write(folder: Path) -> int:
    """Write the published files into the new ``folder``. Returns the bytes of their tensors."""
    folder.mkdir()
    tile = torch.randn(1 << 20, generator=torch.Generator().manual_seed(0)) * 0.02
    states: dict[str, dict[str, torch.Tensor]] = {}
    total = 0
    for part in parts():
        # the checkpoint is published in half precision, the first stage in full
        kind = torch.float16 if part.file == published.MODEL_FILE else torch.float32
        shapes = {ours: value.shape for ours, value in part.module.state_dict().items()}
        for ours, theirs in part.names().items():
            count = shapes[ours].numel()
            flat = tile.to(kind).repeat(count // len(tile) + 1)[:count].clone()
            if "norm" in ours and ours.endswith("weight"):
                flat += 1
            tensor = flat.reshape(shapes[ours])
            if part.component == "vae" and ".attentions." in ours and "to_" in ours:
                tensor = tensor[..., None, None] if tensor.ndim == 2 else tensor
            states.setdefault(part.file, {})[theirs] = tensor
            total += count * kind.itemsize
    states[published.FIRST_STAGE_FILE]["scale_factor"] = torch.tensor(0.9)
    torch.save(states[published.MODEL_FILE], folder / published.MODEL_FILE)
    first_stage = {"state_dict": states[published.FIRST_STAGE_FILE]}
    torch.save(first_stage, folder / published.FIRST_STAGE_FILE)
    (folder / published.SUMMARY_FILE).write_text(json.dumps(SUMMARY) + "\n")
    return total
