"""Where a model runs and in what precision, and what is said when it does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from vtacli.errors import ConfigError, DeviceError

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def choose_device(name: str) -> torch.device:
    """``auto`` is the first of cuda, mps and cpu that is here. Raises :class:`DeviceError` for
    one that is not, :class:`ConfigError` for one that cannot be."""
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, here in present.items() if here))
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"there is no kind of device called {name!r}.") from None
    if device.type not in present:
        raise ConfigError(f"{name} is no device that models run on.", hint="Use cpu, cuda or mps.")
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    if not present[device.type] or (device.index or 0) >= count:
        raise DeviceError(f"this machine has no {name}.", hint="Use --device cpu or auto.")
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """``auto`` is bfloat16 on a GPU that computes in it, otherwise float32. Raises
    :class:`ConfigError` for an unknown name."""
    if name == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if fast else torch.float32
    if name not in DTYPES:
        raise ConfigError(f"there is no dtype {name!r}.", hint=f"Choose {', '.join(DTYPES)}.")
    return DTYPES[name]


def description(device: str, dtype: str) -> str:
    """What computes, and how: ``cpu, float32, torch 2.13.0``. Samples of an equal seed may differ
    between two of them. Raises as :func:`choose_device` and :func:`choose_dtype` do."""
    place = choose_device(device)
    precision = str(choose_dtype(dtype, place)).removeprefix("torch.")
    kind = torch.cuda.get_device_name(place) if place.type == "cuda" else place.type
    return f"{kind}, {precision}, torch {torch.__version__}"


@contextmanager
def out_of_memory_told() -> Iterator[None]:
    """Turn every way in which torch runs out of memory into :class:`DeviceError`."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        told = isinstance(error, torch.OutOfMemoryError | MemoryError)
        if not told and not any(words in str(error).lower() for words in _OUT_OF_MEMORY):
            raise
        raise DeviceError(
            "the device ran out of memory.",
            hint="Lower --batch-size, or use --dtype bfloat16 or --device cpu.",
        ) from error
