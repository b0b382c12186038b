"""Pictures and sounds in ImageBind's one space, where its weights are: for the IB-score.

The score is MMAudio's (Cheng et al., 2412.15322; hkchengrex/av-benchmark at 050a5cd): the cosine
of the embeddings of picture and sound. A picture's is the mean over three squares along its longer
side and over pairs of frames two seconds apart; a sound's over three clips of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.films.reading import kept
from vtacli.evaluation.listening_to import mono_at
from vtacli.evaluation.notebook import digest
from vtacli.media.probe import Footage
from vtacli.media.sampling import sample_frames
from vtacli.model.encoders.spec import spec_of
from vtacli.model.published import mark_of, one_file
from vtacli.signal.media import Audio, Frames
from vtacli.timeline import Span

if TYPE_CHECKING:
    import torch

    from vtacli.evaluation.films.material import Clip, Heard, Values
    from vtacli.model.imagebind import ImageBindPair

EDITION = 1
"""Changes with anything that changes where a picture or a sound lies."""
FOLDER = "imagebind"
"""On a shelf."""
LICENCE = spec_of("imagebind").licence
NOT_BOUND = (
    f"The IB-score is not measured: the weights of ImageBind are on no shelf. Its makers' "
    f"imagebind_huge.pth ({LICENCE}: not for commerce) goes into a folder {FOLDER} beside the "
    f"models."
)
PLACES = (Fraction(0), Fraction(1, 2), Fraction(1))
"""Of the squares along a picture's longer side."""
PER_SECOND = Fraction(1)


class Binder:
    """Opens the weights when the first thing is embedded, which nothing is that was kept.

    Raises WeightsMissing where the folder holds no file of weights, and then WeightsRefused where
    it is not ImageBind's.
    """

    def __init__(self, folder: Path, device: str | torch.device = "cpu"):
        self._folder, self._device = folder, device
        self.mark = mark_of(one_file(folder))
        self.about = {"weights": self.mark, "licence": LICENCE}

    @cached_property
    def _pair(self) -> ImageBindPair:
        from vtacli.model.imagebind import ImageBindPair

        return ImageBindPair(self._folder, self._device)

    def picture(self, footage: Footage, until_s: Fraction) -> Values | None:
        """(D,) of a film up to a time."""
        from vtacli.model.imagebind import SIZE_PX

        span = Span(Fraction(0), until_s)
        views: list[Frames] = []
        for place in PLACES:
            with sample_frames(
                footage, span, frames_per_second=PER_SECOND, frame_size_px=SIZE_PX, place=place
            ) as store:
                view = store.between(span)
            # of a square picture there is one square
            if not views or not np.array_equal(views[0].data, view.data):
                views.append(view)
        return self._pair.seen(*views)

    def sound(self, sound: Audio) -> Values | None:
        """(D,) of a sound's channels' mean; upstream takes the first channel."""
        from vtacli.model.imagebind import RATE_HZ

        return self._pair.heard(mono_at(sound, RATE_HZ))


def bind(
    clip: Clip,
    binder: Binder,
    footage: Footage,
    until_s: Fraction,
    true: Audio | None,
    made: Audio,
    cache: Path,
) -> Clip:
    """The clip with its picture's and its sounds' places in the space, which are kept in files of
    their own in ``cache``: another listener needs them no second time."""

    def point(kind: str, of: list[Any], embed: Callable[[], Values | None]) -> Values | None:
        path = cache / f"{digest('imagebind', EDITION, kind, binder.mark, *of)}.npz"
        arrays = kept(path, lambda: _arrays(embed()))
        return arrays["bound"] if len(arrays["bound"]) else None

    def hear(heard: Heard, sound: Audio) -> Heard:
        of = [sound.rate_hz, sha256(sound.data.tobytes()).hexdigest()]
        return replace(heard, bound=point("sound", of, lambda: binder.sound(sound)))

    film = footage.path.stat()
    of = [footage.path.name, film.st_size, film.st_mtime_ns, float(until_s)]
    seen = point("picture", of, lambda: binder.picture(footage, until_s))
    return replace(
        clip,
        seen=replace(clip.seen, bound=seen),
        made=hear(clip.made, made),
        true=hear(clip.true, true) if clip.true is not None and true is not None else clip.true,
    )


def _arrays(point: Values | None) -> dict[str, NDArray[Any]]:
    return {"bound": np.zeros(0) if point is None else point}
