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
from diffusers.models.modeling_utils import ModelMixin  # noqa: F401
from numpy.typing import NDArray

from vtacli.errors import WeightsMissing
from vtacli.model.condition import Condition
from vtacli.model.contract import Drawn, NoiseKey, Reference, WindowContent
from vtacli.model.guess import Guess
from vtacli.model.mini.choice import SURE_ENOUGH, choose, strikes_of_onsets
from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.draft import BED, HIT, Bank, Placement, lay
from vtacli.model.mini.kinds import bed_share
from vtacli.model.mini.likeness import likeness
from vtacli.model.mini.module import MiniModule
from vtacli.model.mini.picture import PictureClassifier
from vtacli.model.mini.picture_words import CLASSES, Mixture, PictureWords
from vtacli.model.mini.reference import OwnBanks, encoded, reference_start
from vtacli.model.mini.remembered import Remembered
from vtacli.model.mini.start import struck_start
from vtacli.model.mini.text import TextSpace
from vtacli.model.variants import VARIANTS
from vtacli.signal.control import (
    ControlCurves,
    curves_of_motion,
    curves_of_strikes,
    hit_curve,
)
from vtacli.signal.media import Frames

STILL = 2e-4
"""Energy of motion (mean luma change in 1/25 s, of full luma) under which nothing moves."""
BANK, TEXT, PICTURE = "bank.safetensors", "text", "picture"


class MiniConditioner(MiniModule, ConfigMixin):  # type: ignore[misc]
    """Windows of film to a :class:`Condition` of one token and 155 channels of control.

    The token is the prompt's sentence vector; without a prompt, what the picture looks like it
    sounds like, shorter the less sure it is. The channels are the folded curves and flags of
    :mod:`vtacli.signal.control`, then the draft's latents and the draft's flag.
    """

    loads_strictly = True

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, variant: str = "vta-mini", pictures_a_window: int = 6):
        super().__init__()
        self.facts = VARIANTS[variant]
        # Registered last by `attach`: the network is a submodule, the tables are plain values.
        self.picture = PictureClassifier()
        self._looks = Remembered[Mixture]()
        self._laid = Remembered[tuple[Bank, list[Placement]]]()

    def attach(self, folder: Path, text: TextSpace, words: PictureWords, bank: Bank) -> None:
        """Give the tables that are not parameters. ``folder`` is where they came from."""
        self.folder, self.words, self.bank = folder, words, bank
        self.text = text.reading(bank.labels)
        self.label_vectors: NDArray[np.float32] = self.text.embed(list(bank.labels)).numpy()
        self._own = OwnBanks(bank)

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

    def looks_like(self, frames: Frames) -> Mixture:
        """What pictures suggest: the point (D,) on the CPU, and the guesses."""
        return self._looks.of((frames,), (), lambda: self._look(frames))

    @torch.no_grad()
    def _look(self, frames: Frames) -> Mixture:
        probabilities = torch.zeros(0, CLASSES)
        if len(frames):
            # What a shot shows changes slowly, and each picture costs as much as a denoising step.
            count = min(len(frames), self.config.pictures_a_window)
            chosen = np.linspace(0, len(frames) - 1, count).round().astype(int)
            pictures = torch.from_numpy(frames.data[chosen]).to(self.device, self.dtype)
            probabilities = self.picture(pictures / 255).float().softmax(dim=-1).cpu()
        return self.words.mixture(probabilities)

    def guess(self, frames: Frames) -> Guess:
        """What the pictures look like, and sound like, in words."""
        mixture = self.looks_like(frames)
        return Guess(mixture.seen, tuple(mixture.guesses))

    def bed_share(self, phrase: str) -> float:
        """The share of even recordings among those that the bank has of such a thing."""
        return bed_share(self.bank, self.label_vectors, self.text.embed([phrase])[0].numpy())

    def said(self, content: WindowContent) -> torch.Tensor:
        """(D,) The prompt's vector, or the picture's where there is no prompt."""
        if content.prompt:
            return self.text.embed([content.prompt])[0]
        return self.looks_like(content.frames).embedding.float()

    def nothing_to_hear(self, content: WindowContent) -> bool:
        """Whether nothing is asked for, nothing moves, and the picture suggests no sound: then
        silence is right, and need not be left to a sampler's luck."""
        if content.prompt or content.hits or content.motion is None:
            return False
        if content.references and content.reference_strength > 0:
            own = self._own.own(content.references)
            if own.of(BED):
                return False  # a bed is asked for by being given; a blow waits for a movement
        moves = float(content.motion.values[:, 0].max(initial=0.0)) >= STILL
        return not moves and float(self.looks_like(content.frames).embedding.norm()) < SURE_ENOUGH

    def encoded(self, reference: Reference, codec: MelCodec) -> Reference:
        """A sound of the user's own, ready to be laid."""
        return encoded(reference, codec)

    def control(self, content: WindowContent, said: torch.Tensor) -> torch.Tensor:
        """(channels, steps) float32: curves, flags, draft, draft flag."""
        frames, steps = self.facts.mel_frames, self.facts.latent_shape[1]
        onset, energy = self._motion(content)
        if onset is not None and (strikes := _strikes(content, onset)):
            # Where it is known what strikes, the rest of the motion only makes false blows: on 8
            # renders F1 .70 -> .88 for written hits, .44 -> .56 for the picture's own.
            onset, energy = curves_of_strikes(strikes, frames)
        hits = hit_curve(content.hits, frames) if content.hits else None
        curves = torch.from_numpy(ControlCurves(frames, hits, onset, energy).folded(steps))
        bank, placements = self.placements(content)
        draft = torch.zeros(self.facts.latent_shape[0] + 1, steps)
        if placements:
            draft[:-1] = lay(bank, placements, steps, float(self.facts.window_s) / steps)
            draft[-1] = 1
        return torch.cat([curves, draft])

    def _motion(
        self, content: WindowContent
    ) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        if content.motion is None:
            return None, None
        return curves_of_motion(content.motion, self.facts.mel_frames)

    def placements(self, content: WindowContent) -> tuple[Bank, list[Placement]]:
        """What is laid as the draft of a window, and the bank of which it is laid."""
        if not content.draft:
            return self.bank, []
        asked = (content.key, content.hits, content.prompt, content.at_s)
        given = (content.references, content.reference_strength)
        return self._laid.of(
            (content.frames, content.motion), (asked, given), lambda: self._lay(content)
        )

    def _lay(self, content: WindowContent) -> tuple[Bank, list[Placement]]:
        strikes = _strikes(content, self._motion(content)[0])
        # One draw a scene: all windows of a scene get their timbre from the same recordings.
        key = NoiseKey(content.key.seed, content.key.scene, 0).seed_64("draft")
        rng = np.random.default_rng(key)
        window_s = float(self.facts.window_s)
        laid = choose(
            self.bank,
            self.label_vectors,
            self.said(content).numpy(),
            strikes,
            window_s,
            rng,
            written=bool(content.hits),
            at_s=content.at_s,
        )
        if not content.references or content.reference_strength == 0:
            return self.bank, laid
        own = self._own.own(content.references)
        return own.bank, own.replaced(laid, strikes, window_s, rng, content.at_s)

    def drawn(
        self,
        content: WindowContent,
        latents: torch.Tensor,
        start: torch.Tensor | None,
        codec: MelCodec,
    ) -> tuple[Drawn, ...]:
        """What the draft of a window was made of, and how like it ``latents`` (C, T, 1) are.
        ``start``: the same of where sampling began, as :meth:`start` gave it; None where it began
        as noise."""
        bank, placements = self.placements(content)
        if not placements:
            return ()
        laid = self._start(content, codec) if start is None else start[..., 0]
        made = latents[..., 0].float().numpy()
        step_s = float(self.facts.window_s) / made.shape[1]
        return likeness(bank, placements, laid.numpy(), made, step_s)

    def noise_share(self, content: WindowContent) -> float:
        """How much of what sampling begins with is noise; the rest is the draft, of whose timbre
        it knows more than a small denoiser. All of it where there is no draft."""
        _, laid = self.placements(content)
        if not laid:
            return 1.0
        if content.references and content.reference_strength > 0:
            return reference_start(content.reference_strength)
        return self.facts.draft_noise

    def start(self, contents: Sequence[WindowContent], codec: MelCodec) -> torch.Tensor:
        """(B, C, T, 1) float32 on the CPU: latents near which sampling may begin."""
        return torch.stack([self._start(c, codec) for c in contents])[..., None]

    def _start(self, content: WindowContent, codec: MelCodec) -> torch.Tensor:
        bank, laid = self.placements(content)
        steps = self.facts.latent_shape[1]
        step_s = float(self.facts.window_s) / steps
        strikes = _strikes(content, self._motion(content)[0])
        if strikes and any(bank.kinds[place.recording] == HIT for place in laid):
            return struck_start(bank, laid, strikes, codec, steps, step_s)
        return lay(bank, laid, steps, step_s)

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


def _strikes(
    content: WindowContent, onset: NDArray[np.float32] | None
) -> list[tuple[float, float]]:
    """What strikes in a window: what the editor wrote; else, what the picture's onsets say."""
    if content.hits or onset is None:
        return list(content.hits)
    return strikes_of_onsets(onset)
