"""Loading the model that all films share: on which devices, how often, on how many threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from vtacli.batch.shared_model import SharedModel
from vtacli.batch.values import ModelFacts
from vtacli.model.contract import Listener, SoundModel
from vtacli.models import ModelHandle
from vtacli.signal.media import Audio

MOST_COPIES = 8
WORKING_SHARE = 3
"""A model at work takes up to so many times its weights."""
FindModel = Callable[..., ModelHandle]
"""As :func:`vtacli.models.find`."""


@dataclass(frozen=True)
class Wanted:
    """Which model, and how it is held: names that another process can look up by itself.

    ``threads``: of the processor, for each lane. torch rounds sums otherwise when it shares them
    out otherwise, so the number is the same wherever results are to be. ``lanes``: calls that may
    run at a time; 0: one for each accelerator, or for each ``threads`` cores.
    """

    find: FindModel
    name: str
    device: str = "auto"
    dtype: str = "auto"
    weights_dir: Path | None = None
    batch_size: int = 4
    threads: int = 1
    lanes: int = 0

    def handle(self, device: str | None = None) -> ModelHandle:
        """Raises WeightsMissing or WeightsRefused; reads no weights."""
        return self.find(
            self.name,
            device=device or self.device,
            dtype=self.dtype,
            weights_dir=self.weights_dir,
        )

    def devices(self) -> list[str]:
        """The device of each lane."""
        if self.device in ("auto", "cuda"):
            import torch

            if count := torch.cuda.device_count():
                return [f"cuda:{n % count}" for n in range(self.lanes or count)]
        if self.device.startswith(("cuda", "mps")):
            return [self.device] * (self.lanes or 1)
        return [self.device] * (self.lanes or self._copies())

    def _copies(self) -> int:
        """As many as have cores of their own, and take no more than a quarter of the memory."""
        room = _memory_bytes() // 4
        fitting = room // max(1, WORKING_SHARE * self.handle().weights_bytes)
        return max(1, min(cores() // self.threads, MOST_COPIES, fitting))


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_bytes() -> int:
    """Of the machine; a small one where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 1 << 32


class Held:
    """A model in memory, with its listener; a context manager. ``handle``: loads what is held.

    Raises WeightsMissing, WeightsRefused and DeviceError.
    """

    def __init__(self, wanted: Wanted) -> None:
        handle = wanted.handle()
        self.shared = SharedModel(
            [_maker(wanted, device) for device in wanted.devices()], wanted.batch_size
        )
        self._listener: Listener | None = None
        self._hearing = Lock()
        try:
            self._listener = handle.listener()
        except BaseException:
            self.shared.close()
            raise
        names = None if self._listener is None else tuple(self._listener.names)
        self.facts = facts_of(handle, names, wanted.weights_dir)
        self.handle = replace(handle, load=lambda: self.shared)

    def hear(self, sound: Audio) -> NDArray[np.float32]:
        """As :meth:`vtacli.model.contract.Listener.hear`, one thread at a time."""
        assert self._listener is not None
        with self._hearing:
            return self._listener.hear(sound)

    def close(self) -> None:
        self.shared.close()

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def facts_of(
    handle: ModelHandle, listener: tuple[str, ...] | None, weights_dir: Path | None
) -> ModelFacts:
    return ModelFacts(
        name=handle.name,
        variant=handle.variant,
        few_steps=handle.few_steps,
        weights_bytes=handle.weights_bytes,
        listener=listener,
        folder=handle.folder,
        weights_dir=weights_dir,
    )


def _maker(wanted: Wanted, device: str) -> Callable[[], SoundModel]:
    def load() -> SoundModel:
        model = wanted.handle(device).load()
        if torch := sys.modules.get("torch"):  # not there: a model that does without it
            torch.set_num_threads(wanted.threads)
        return model

    return load
