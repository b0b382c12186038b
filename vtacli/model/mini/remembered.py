"""Answers that are asked for more than once, kept for as long as what they are about."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

MOST = 16
"""Answers that are kept: several questions are asked of each window of a batch."""


class Remembered(Generic[Answer]):
    """The last :data:`MOST` answers, each about some objects, which are the same only if they are
    one object and are not kept alive, and about some values."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[list[weakref.ref[object]], Answer]] = OrderedDict()

    def of(
        self,
        objects: tuple[object | None, ...],
        values: tuple[Hashable, ...],
        ask: Callable[[], Answer],
    ) -> Answer:
        """What ``ask`` answers, or answered before about the same."""
        there = [thing for thing in objects if thing is not None]
        key = (tuple(None if thing is None else id(thing) for thing in objects), values)
        refs, answer = self._kept.get(key, (None, None))
        # An object that is gone may have left its number to another.
        if refs is not None and all(r() is t for r, t in zip(refs, there, strict=True)):
            return answer  # type: ignore[return-value]
        answer = ask()
        self._kept[key] = ([weakref.ref(thing) for thing in there], answer)
        self._kept.move_to_end(key)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return answer
