"""What all video encoders share: frozen weights, opened strictly, and pixels made of frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vtacli.errors import ConfigError, WeightsMissing, WeightsRefused
from vtacli.model import published
from vtacli.model.encoders.features import Features
from vtacli.model.encoders.spec import EncoderSpec, spec_of
from vtacli.model.headers import read_header
from vtacli.model.rounded import opened
from vtacli.model.strict import check_keys
from vtacli.signal.media import Frames

Made = TypeVar("Made", bound="Frozen")
Tokens = tuple[Tensor, NDArray[np.float64]]
"""(S, D), and the moments (S,) that they speak of."""


class Frozen(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A network with weights that nobody trains, opened strictly.

    A subclass gives ``NAME`` and, for upstream files, :meth:`settings_of` and
    :meth:`upstream_name`; its ``__init__`` ends with :meth:`freeze`.
    """

    NAME: ClassVar[str]
    UPSTREAM_IGNORED: ClassVar[tuple[str, ...]] = ()
    """Beginnings of names in an upstream file that belong to other networks, each one known."""

    def freeze(self) -> None:
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode: what is frozen has no dropout either."""
        frozen: Self = super().train(False)
        return frozen

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Self:
        """As diffusers does, from a local folder, whose names must be exactly the network's.
        Raises :class:`WeightsMissing` and :class:`WeightsRefused`."""
        check_folder(cls, Path(folder, options.get("subfolder") or ""))
        model: Self = super().from_pretrained(
            folder, **{"use_safetensors": True, "local_files_only": True} | options
        )
        model.freeze()
        return model

    @classmethod
    def from_upstream(cls, path: str | Path, **settings: Any) -> Self:
        """From the file that its makers publish, under their names; none may be missing and none
        unknown. Its settings are what the shapes say, then what a ``config.json`` beside it says,
        then ``settings``, the later before the earlier. Nothing in the file is run.

        Raises :class:`WeightsMissing`, :class:`WeightsRefused`, and :class:`ConfigError` for
        settings that it does not know.
        """
        place = Path(path)
        state = cls.upstream_state(read_upstream(place), place)
        try:
            sizes = joined(cls.settings_of(state), cls._said_beside(place), settings)
        except KeyError as error:
            raise WeightsRefused(
                f"this is no {cls.NAME}: it has no parameter {error}.", path=place
            ) from error
        except (IndexError, ValueError, ZeroDivisionError) as error:
            raise WeightsRefused(
                f"this is no {cls.NAME}: its shapes make no sense ({error}).", path=place
            ) from error
        model: Any = made_with(cls, sizes)
        names = {ours: cls.upstream_name(ours) for ours in model.state_dict()}
        check_keys(state, names.values(), place)
        for ours, own in model.state_dict().items():
            theirs = state[names[ours]]
            if theirs.shape != own.shape:
                raise WeightsRefused(
                    f"{names[ours]} has shape {tuple(theirs.shape)}, not {tuple(own.shape)}.",
                    path=place,
                )
            own.copy_(theirs)
        made: Self = model
        return made

    @classmethod
    def upstream_state(cls, whole: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
        """The tensors of this network alone, under their upstream names."""
        used = {k: v for k, v in whole.items() if not str(k).startswith(cls.UPSTREAM_IGNORED)}
        return published.tensors_of(used, path)

    @classmethod
    def settings_of(cls, state: Mapping[str, Tensor]) -> dict[str, Any]:
        """The configuration that an upstream state's shapes tell."""
        return {}

    @classmethod
    def settings_beside(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration that upstream's own ``config.json`` tells, as far as shapes do not."""
        return {}

    @classmethod
    def _said_beside(cls, path: Path) -> dict[str, Any]:
        beside = path.with_name("config.json")
        return cls.settings_beside(published.read_json(beside)) if beside.is_file() else {}

    @classmethod
    def upstream_name(cls, ours: str) -> str:
        """Upstream's name of one of our parameters."""
        return ours


class FrozenEncoder(Frozen):
    """Frames to tokens.

    A subclass gives ``frame_size_px``, ``token_width`` and :meth:`tokens_of` besides. Tokens are
    float32 whatever the weights' own precision.
    """

    @property
    def frame_size_px(self) -> int:
        raise NotImplementedError

    @property
    def token_width(self) -> int:
        raise NotImplementedError

    @property
    def clip_frames(self) -> int | None:
        """Frames a call sees at once, where it must be exactly so many."""
        return spec_of(self.NAME).clip_frames

    def tokens_of(self, pixels: Tensor, times_s: NDArray[np.float64]) -> Tokens:
        """Normalised pixels (T, 3, size, size), T at least 1, and their times (T,) to tokens."""
        raise NotImplementedError

    @property
    def spec(self) -> EncoderSpec:
        """The published facts, with this one's own sizes."""
        return replace(
            spec_of(self.NAME),
            frame_size_px=self.frame_size_px,
            width=self.token_width,
            clip_frames=self.clip_frames,
        )

    @torch.no_grad()
    def forward(self, frames: Frames) -> Features:
        """(T, 3, size, size) uint8 to tokens. No frames give no tokens. Raises
        :class:`ValueError` for pictures of another size."""
        size = self.frame_size_px
        if frames.data.shape[2:] != (size, size):
            raise ValueError(
                f"the encoder {self.NAME} sees {size}x{size} frames, "
                f"got {frames.data.shape[2]}x{frames.data.shape[3]}"
            )
        if len(frames) == 0:
            nothing = torch.zeros(0, self.token_width, device=self.device)
            return Features(nothing, torch.zeros(0, dtype=torch.float64))
        tokens, times_s = self.tokens_of(self.pixels(frames.data), frames.times_s)
        return Features(tokens.float(), torch.from_numpy(np.array(times_s, np.float64)))

    def pixels(self, data: NDArray[np.uint8]) -> Tensor:
        """(T, 3, H, W) uint8 -> the same shape normalised, on the encoder's device."""
        raw = torch.from_numpy(np.ascontiguousarray(data)).to(self.device).float() / 255
        spec = spec_of(self.NAME)
        mean, std = (torch.tensor(x, device=self.device) for x in (spec.mean, spec.std))
        return ((raw - mean[:, None, None]) / std[:, None, None]).to(self.dtype)


def made_with(kind: type[Made], settings: Mapping[str, Any]) -> Made:
    """An encoder of these settings. Raises :class:`ConfigError` for one that it does not know."""
    try:
        return kind(**settings)
    except TypeError as error:
        raise ConfigError(f"the encoder {kind.NAME} cannot be made so: {error}.") from error


def check_folder(kind: Any, folder: Path) -> None:
    """Raise unless a folder holds a ``kind`` of diffusers' layout, with its very names: diffusers
    would fill what is missing with random numbers. :class:`WeightsMissing` where nothing is,
    :class:`WeightsRefused` where it is another thing."""
    files = sorted(folder.glob("*.safetensors"))
    if not files or not (folder / "config.json").is_file():
        raise WeightsMissing(f"there is no {kind.__name__} here.", path=folder)
    said = published.read_json(folder / "config.json").get("_class_name")
    if said != kind.__name__:
        raise WeightsRefused(f"this holds a {said}, not a {kind.__name__}.", path=folder)
    names = [name for file in files for name in read_header(file).tensors]
    with torch.device("meta"):
        expected = kind.from_config(kind.load_config(folder)).state_dict()
    check_keys(names, expected, folder)


def read_upstream(path: Path) -> dict[str, Any]:
    """A published file, pickle or safetensors. Raises as :meth:`Frozen.from_upstream`."""
    if path.suffix != ".safetensors":
        return published.load_pickle(path)
    read_header(path)
    try:
        return opened(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsRefused(f"cannot be read: {error}.", path=path) from error


def joined(*settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, the later before the earlier; mappings in them are joined likewise."""
    found: dict[str, Any] = {}
    for some in settings:
        for name, value in some.items():
            old = found.get(name)
            both = isinstance(old, Mapping) and isinstance(value, Mapping)
            found[name] = {**old, **value} if both and old is not None else value
    return found


def clips(count: int, length: int) -> list[NDArray[np.int64]]:
    """The numbers of ``count`` frames in calls of exactly ``length``: the last frame is repeated
    to fill the last call."""
    return [
        np.minimum(np.arange(start, start + length), count - 1) for start in range(0, count, length)
    ]


def tubelet_times(times_s: NDArray[np.float64], tubelet: int) -> NDArray[np.float64]:
    """The middle of each ``tubelet`` neighbouring frames, of the last ones where fewer are left.
    (T,) -> (ceil(T / tubelet),)"""
    return np.array(
        [times_s[i : i + tubelet].mean() for i in range(0, len(times_s), tubelet)], np.float64
    )


def thinned(frames: Frames, frames_per_second: Fraction) -> Frames:
    """At most so many frames a second, those nearest to an even grid from the first one on.
    Frames that are not denser are given as they are."""
    if len(frames) < 2:
        return frames
    times = frames.times_s - frames.times_s[0]
    step_s = float(1 / frames_per_second)
    if times[-1] / (len(times) - 1) > 0.9 * step_s:
        return frames
    grid = np.arange(0.0, times[-1] + 0.5 * step_s, step_s)
    chosen = np.unique([int(np.abs(times - t).argmin()) for t in grid])
    return Frames(frames.data[chosen], frames.times_s[chosen])
