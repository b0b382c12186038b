"""Which loudspeaker each channel of a layout belongs to, and what it weighs in loudness.

Layouts have ffmpeg's names, ``5.1(side)`` for example, and their channels stand in its order.
The weights are those of Recommendation ITU-R BS.1770-5, Annex 1: a loudspeaker near ear height
that stands between 60 and 120 degrees from the front counts 1.41 times (+1.5 dB), low-frequency
effects do not count, all others count once.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

LAYOUTS: dict[str, tuple[str, ...]] = {
    "mono": ("FC",),
    "stereo": ("FL", "FR"),
    "2.1": ("FL", "FR", "LFE"),
    "3.0": ("FL", "FR", "FC"),
    "3.0(back)": ("FL", "FR", "BC"),
    "4.0": ("FL", "FR", "FC", "BC"),
    "quad": ("FL", "FR", "BL", "BR"),
    "quad(side)": ("FL", "FR", "SL", "SR"),
    "3.1": ("FL", "FR", "FC", "LFE"),
    "5.0": ("FL", "FR", "FC", "BL", "BR"),
    "5.0(side)": ("FL", "FR", "FC", "SL", "SR"),
    "4.1": ("FL", "FR", "FC", "LFE", "BC"),
    "5.1": ("FL", "FR", "FC", "LFE", "BL", "BR"),
    "5.1(side)": ("FL", "FR", "FC", "LFE", "SL", "SR"),
    "6.0": ("FL", "FR", "FC", "BC", "SL", "SR"),
    "6.0(front)": ("FL", "FR", "FLC", "FRC", "SL", "SR"),
    "hexagonal": ("FL", "FR", "FC", "BL", "BR", "BC"),
    "6.1": ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    "6.1(back)": ("FL", "FR", "FC", "LFE", "BL", "BR", "BC"),
    "6.1(front)": ("FL", "FR", "LFE", "FLC", "FRC", "SL", "SR"),
    "7.0": ("FL", "FR", "FC", "BL", "BR", "SL", "SR"),
    "7.0(front)": ("FL", "FR", "FC", "FLC", "FRC", "SL", "SR"),
    "7.1": ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
    "7.1(wide)": ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC"),
    "7.1(wide-side)": ("FL", "FR", "FC", "LFE", "FLC", "FRC", "SL", "SR"),
    "octagonal": ("FL", "FR", "FC", "BL", "BR", "BC", "SL", "SR"),
}
USUAL = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""What so many channels are where nothing says it."""

SURROUND = 10 ** (1.5 / 10)
"""+1.5 dB: 1.41."""


def speakers(layout: str, channels: int) -> tuple[str, ...]:
    """The loudspeakers of ``channels`` channels by ffmpeg's names, ``FL`` for example.

    A layout that is not known, or does not fit, is taken for the usual one of that many channels;
    beyond eight for loudspeakers without a name. ``3 channels (FL+FR+LFE)`` is read too.
    """
    listed = re.search(r"\(([A-Z0-9]+(?:\+[A-Z0-9]+)+)\)$", layout) or re.fullmatch(
        r"([A-Z0-9]+(?:\+[A-Z0-9]+)*)", layout
    )
    found = LAYOUTS.get(layout) or (tuple(listed[1].split("+")) if listed else ())
    if len(found) == channels:
        return found
    usual = USUAL.get(channels)
    return LAYOUTS[usual] if usual else ("",) * channels


def loudness_weights(layout: str, channels: int) -> NDArray[np.float64]:
    """(C,) power weights of ITU-R BS.1770-5, Annex 1, Table 4.

    Back channels stand at 110 degrees, as surrounds do, where there are no side channels, and at
    135 degrees where there are.
    """
    names = speakers(layout, channels)
    surround = {"SL", "SR"} if "SL" in names else {"BL", "BR"}
    weights = [
        0.0 if name in ("LFE", "LFE2") else SURROUND if name in surround else 1.0 for name in names
    ]
    return np.array(weights, np.float64)
