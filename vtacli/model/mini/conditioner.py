"""The encoder of vta-mini: words, pictures, motion, hits and the bank, made one condition."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray

from vtacli.errors import WeightsMissing
from vtacli.model.condition import Condition
from vtacli.model.contract import NoiseKey, WindowContent
from vtacli.model.mini.choice import SURE_ENOUGH, choose, strikes_of_onsets
from vtacli.model.mini.draft import Bank, lay
from vtacli.model.mini.picture import PictureClassifier
from vtacli.model.mini.picture_words import CLASSES, Mixture, PictureWords
from vtacli.model.mini.text import TextSpace
from vtacli.model.variants import VARIANTS
from vtacli.signal.control import ControlCurves, curves_of_motion, hit_curve

STILL = 2e-4
"""Energy of motion (mean luma change in 1/25 s, of full luma) under which nothing moves."""
BANK, TEXT, PICTURE = "bank.safetensors", "text", "picture"


class MiniConditioner(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Windows of film to a :class:`Condition` of one token and 59 channels of control.

    The token is the prompt's sentence vector; without a prompt, what the picture looks like it
    sounds like, shorter the less sure it is. The channels are the folded curves and flags of
    :mod:`vtacli.signal.control`, then the draft's latents and the draft's flag.
    """

    loads_strictly = True

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, variant: str = "vta-mini", pictures_a_window: int = 8):
        super().__init__()
        self.facts = VARIANTS[variant]
        # Registered last by `attach`: the network is a submodule, the tables are plain values.
        self.picture = PictureClassifier()

    def attach(self, folder: Path, text: TextSpace, words: PictureWords, bank: Bank) -> None:
        """Give the tables that are not parameters. ``folder`` is where they came from."""
        self.folder, self.text, self.words, self.bank = folder, text, words, bank
        self.label_vectors: NDArray[np.float32] = text.embed(list(bank.labels)).numpy()

    @classmethod
    def from_pretrained(cls, folder: str | Path, **kwargs: Any) -> MiniConditioner:
        """Open ``folder``: config.json, bank.safetensors, text/ and picture/.

        Raises WeightsMissing or WeightsRefused.
        """
        place = Path(folder) / str(kwargs.get("subfolder") or "")
        if not (place / BANK).is_file():
            raise WeightsMissing("the bank of recordings is absent.", path=place / BANK)
        config = json.loads((place / "config.json").read_text(encoding="utf-8"))
        model: MiniConditioner = cls(**{k: v for k, v in config.items() if not k.startswith("_")})
        model.picture = PictureClassifier.from_folder(place / PICTURE)
        text = TextSpace.from_folder(place / TEXT)
        model.attach(place, text, PictureWords.shipped(text), Bank.load(place / BANK))
        model.eval()
        return model

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        """Write the folder that :meth:`from_pretrained` reads."""
        place = Path(save_directory)
        place.mkdir(parents=True, exist_ok=True)
        self.save_config(place)
        self.bank.save(place / BANK)
        for part in (TEXT, PICTURE):
            if (self.folder / part).resolve() != (place / part).resolve():
                shutil.copytree(self.folder / part, place / part, dirs_exist_ok=True)

    @torch.no_grad()
    def looks_like(self, content: WindowContent) -> Mixture:
        """What the picture suggests: its point (D,) on the CPU, and the guesses."""
        probabilities = torch.zeros(0, CLASSES)
        if len(content.frames):
            # What a shot shows changes slowly, and each picture costs as much as a denoising step.
            count = min(len(content.frames), self.config.pictures_a_window)
            chosen = np.linspace(0, len(content.frames) - 1, count).round().astype(int)
            pictures = torch.from_numpy(content.frames.data[chosen]).to(self.device, self.dtype)
            probabilities = self.picture(pictures / 255).float().softmax(dim=-1).cpu()
        return self.words.mixture(probabilities)

    def said(self, content: WindowContent) -> torch.Tensor:
        """(D,) The prompt's vector, or the picture's where there is no prompt."""
        if content.prompt:
            return self.text.embed([content.prompt])[0]
        return self.looks_like(content).embedding.float()

    def nothing_to_hear(self, content: WindowContent) -> bool:
        """Whether nothing is asked for, nothing moves, and the picture suggests no sound: then
        silence is right, and need not be left to a sampler's luck."""
        if content.prompt or content.hits or content.motion is None:
            return False
        moves = float(content.motion.values[:, 0].max(initial=0.0)) >= STILL
        return not moves and float(self.looks_like(content).embedding.norm()) < SURE_ENOUGH

    def control(self, content: WindowContent, said: torch.Tensor) -> torch.Tensor:
        """(channels, steps) float32: curves, flags, draft, draft flag."""
        frames, steps = self.facts.mel_frames, self.facts.latent_shape[1]
        onset = energy = None
        if content.motion is not None:
            onset, energy = curves_of_motion(content.motion, frames)
        hits = hit_curve(content.hits, frames) if content.hits else None
        curves = torch.from_numpy(ControlCurves(frames, hits, onset, energy).folded(steps))
        strikes = list(content.hits)
        if not strikes and onset is not None:
            strikes = strikes_of_onsets(onset)
        # One draw a scene: all windows of a scene get their timbre from the same recordings.
        key = NoiseKey(content.key.seed, content.key.scene, 0).seed_64("draft")
        window_s = float(self.facts.window_s)
        placements = choose(
            self.bank,
            self.label_vectors,
            said.numpy(),
            strikes,
            window_s,
            np.random.default_rng(key),
        )
        draft = torch.zeros(self.facts.latent_shape[0] + 1, steps)
        if placements:
            draft[:-1] = lay(self.bank, placements, steps, window_s / steps)
            draft[-1] = 1
        return torch.cat([curves, draft])

    def condition(self, contents: Sequence[WindowContent]) -> Condition:
        """See :class:`vtacli.model.conditioning.Conditioner`."""
        said = [self.said(c) for c in contents]
        control = torch.stack([self.control(c, s) for c, s in zip(contents, said, strict=True)])
        tokens = torch.stack(said)[:, None]
        # Neither words nor a picture: nobody knows what is to be heard, which is not "nothing".
        mask = torch.tensor([[bool(c.prompt) or len(c.frames) > 0] for c in contents])
        return Condition(tokens, mask, control).to(self.device, self.dtype)

    def uncondition(self, contents: Sequence[WindowContent] | None, like: Condition) -> Condition:
        """See :class:`vtacli.model.conditioning.Conditioner`."""
        tokens = torch.zeros(len(like), 1, like.tokens.shape[2])
        mask = torch.zeros(len(like), 1, dtype=torch.bool)
        for i, content in enumerate(contents or ()):
            if content.negative:
                tokens[i, 0] = self.text.embed([content.negative])[0]
                mask[i, 0] = True
        control = None if like.control is None else torch.zeros_like(like.control)
        return Condition(tokens.to(like.tokens), mask.to(like.mask.device), control)
