"""The frozen encoder that clips are prepared with: which one, opened, and named by its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from transformers import AutoTokenizer, CLIPTextModelWithProjection
from transformers.utils import logging as transformers_logging

from vtacli.errors import ConfigError, WeightsMissing, WeightsRefused
from vtacli.model.assembled import Assembled
from vtacli.model.contract import WindowContent
from vtacli.model.devices import choose_device
from vtacli.model.encoders import ENCODERS, encoder_class, open_encoder
from vtacli.model.encoders.base import FrozenEncoder
from vtacli.model.encoders.features import WindowFeatures
from vtacli.model.loading import quietly
from vtacli.model.mini.picture import WEIGHTS as PICTURE_WEIGHTS
from vtacli.model.words import SentenceTower
from vtacli.shelves import INDEX, installed, shelves


class FeatureMaker(Protocol):
    """What :class:`Assembled` is here: the frozen part of a conditioner."""

    @property
    def frame_size_px(self) -> int: ...

    @property
    def frames_per_second(self) -> Fraction: ...

    @property
    def takes_text(self) -> bool: ...

    def features(self, content: WindowContent) -> WindowFeatures: ...


@dataclass(frozen=True)
class EncoderChoice:
    """``encoder``: a name of :data:`ENCODERS`, or a folder: a model's, a conditioner's
    (:class:`Assembled`) or an encoder's own. ``auxiliaries``: which will join; they say whether
    words and flow are kept. ``weights``: a named encoder's folder, or the file that its makers
    publish; None looks on the shelves. ``text``: the folder of a CLIP as transformers saves it,
    whose text tower reads captions for a named encoder. ``settings`` and ``seed``: a named encoder
    of that size with random weights, for tests and for comparisons that are fair to all.
    ``device``: ``auto``, ``cpu`` or ``cuda``."""

    encoder: str
    auxiliaries: tuple[str, ...] = ()
    weights: Path | None = None
    text: Path | None = None
    settings: Mapping[str, Any] | None = None
    seed: int | None = None
    device: str = "cpu"

    def open(self) -> FeatureMaker:
        """Load it. Raises ConfigError, WeightsMissing, WeightsRefused and DeviceError."""
        folder = Path(self.encoder)
        if self.encoder in ENCODERS and not (folder / "config.json").is_file():
            maker = self._named()
        elif not folder.is_dir():
            raise ConfigError(
                f"There is no encoder {self.encoder!r}.",
                hint=f"It is {', '.join(ENCODERS)}, or a folder.",
            )
        else:
            with quietly():
                inside = folder / "encoder" if (folder / INDEX).is_file() else folder
                maker = self._in_folder(inside)
        maker.to(choose_device(self.device))
        maker.requires_grad_(False)
        return maker

    def _named(self) -> Assembled:
        if self.seed is not None:
            torch.manual_seed(self.seed)
            return self._around(open_encoder(self.encoder, self.settings))
        place = self.weights or _on_the_shelves(self.encoder)
        if place is None:
            raise WeightsMissing(
                f"The weights of the encoder {self.encoder} are not on this machine.",
                hint="Give their folder or published file with --weights, or a model's with "
                "--encoder DIR. --random-weights does without.",
            )
        if place.is_file():
            return self._around(encoder_class(self.encoder).from_upstream(place))
        return self._around(open_encoder(self.encoder, place))

    def _in_folder(self, folder: Path) -> Assembled:
        try:
            said = json.loads((folder / "config.json").read_text(encoding="utf-8"))["_class_name"]
        except (OSError, ValueError, KeyError) as error:
            raise WeightsRefused("The folder holds no encoder.", path=folder) from error
        if said == Assembled.__name__:
            whole: Assembled = Assembled.from_pretrained(folder, local_files_only=True)
            has = tuple(whole.joined)
            if missing := [a for a in self.auxiliaries if a not in has]:
                raise ConfigError(
                    f"This conditioner has no auxiliary {missing[0]!r}; it has "
                    f"{', '.join(has) or 'none'}.",
                    path=folder,
                )
            return whole
        known = {kind.__name__: kind for kind in map(encoder_class, ENCODERS)}
        if said not in known:
            raise WeightsRefused(f"The folder holds a {said}, which is no encoder.", path=folder)
        return self._around(known[said].from_pretrained(folder))

    def _around(self, encoder: FrozenEncoder) -> Assembled:
        """The encoder with what the auxiliaries ask for; the projection is never used here."""
        with torch.random.fork_rng(devices=[]):
            tower = None if self.text is None else open_tower(self.text)
            said = None if tower is None else tower.clip_text.config.to_dict()
            whole: Assembled = Assembled(
                encoder.spec.name, _settings_of(encoder), self.auxiliaries, width=8, text=said
            )
        whole.frames = encoder
        if tower is not None:
            whole.words = tower
        return whole


def open_tower(folder: Path) -> SentenceTower:
    """The text tower of a CLIP in transformers' layout, with its tokenizer.

    Raises WeightsMissing where the folder is none, WeightsRefused where parameters are missing.
    """
    if not (folder / "config.json").is_file():
        raise WeightsMissing("There is no CLIP here.", path=folder)
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        clip, found = CLIPTextModelWithProjection.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsRefused(f"The CLIP cannot be opened: {reason}.", path=folder) from error
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
    if found["missing_keys"]:
        raise WeightsRefused(f"The CLIP lacks {sorted(found['missing_keys'])[0]}.", path=folder)
    tower = SentenceTower(clip.config.to_dict())
    tower.clip_text, tower.tokenizer = clip.eval().requires_grad_(False), tokenizer
    return tower


def _settings_of(encoder: FrozenEncoder) -> dict[str, Any]:
    return {k: v for k, v in encoder.config.items() if not k.startswith("_")}


def _on_the_shelves(name: str) -> Path | None:
    """The weights of a named encoder: the mini's come with its model, others have a folder."""
    if name == "mini":
        model = installed(shelves()).get("vta-mini")
        return None if model is None else model / "encoder" / "picture" / PICTURE_WEIGHTS
    for shelf in shelves():
        for folder in (shelf / name, shelf / "encoders" / name):
            if (folder / "config.json").is_file():
                return folder
    return None


def facts_of(maker: FeatureMaker) -> dict[str, Any]:
    """What features depend on: the encoder's kind, settings and weights, and what is kept beside
    its tokens. What is trained (the projection), and auxiliaries that need nothing more than
    tokens (positions), are no part of it: one preparation serves them all."""
    assert isinstance(maker, Assembled)
    sees_flow = any(part.sees_flow for part in maker.joined.values())
    return {
        "name": maker.frames.spec.name,
        "settings": _plain(_settings_of(maker.frames)),
        "frames_per_second": str(maker.frames_per_second),
        "frame_size_px": maker.frame_size_px,
        "weights": weights_digest(maker.frames),
        "words": weights_digest(maker.words) if maker.takes_text and maker.words else None,
        "flow": maker.config.get("flow_method", "dis") if sees_flow else None,
    }


def weights_digest(module: nn.Module) -> str:
    """A hash of all parameters and buffers, in the order of their names."""
    digest = sha256()
    for name, value in sorted(module.state_dict().items()):
        plain = value.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}\0".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """Configuration values as JSON has them: tuples as lists, names as text."""
    return json.loads(json.dumps(value, default=str, sort_keys=True))
