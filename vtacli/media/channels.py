"""Which codecs hold which layouts, so that no channel is mixed into another, moved or lost.

ffmpeg's encoders take any layout and bring what they do not have to the nearest that they do have,
without a word: ALAC makes 6.1 of 7.1, AAC moves the channels of 6.0, FLAC calls 2.1 what players
take for 3.0. The lists here are what came back channel by channel (ffmpeg 9.0). Names are ffmpeg's.
"""

from __future__ import annotations

from pathlib import Path

from vtacli.errors import OutputError
from vtacli.media.streams import CODECS, NEW_TRACK_CODECS
from vtacli.signal.layouts import LAYOUTS, USUAL, speakers

_BACK = {"quad(side)": "quad", "5.0(side)": "5.0", "5.1(side)": "5.1"}
"""Codecs have one pair of surrounds in these and do not say whether it stands beside or behind."""
_VORBIS = frozenset({"mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"})
_HELD: dict[str, frozenset[str]] = {
    "flac": _VORBIS,  # RFC 9639, 9.1.3
    "opus": _VORBIS,  # RFC 7845, 5.1.1.2
    "alac": frozenset({"mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1(back)", "7.1(wide)"}),
    "aac": frozenset(
        {"mono", "stereo", "2.1", "3.0", "3.0(back)", "4.0", "quad", "3.1", "5.0", "4.1", "5.1"}
        | {"hexagonal", "6.1(back)", "7.0", "7.1", "7.1(wide)", "octagonal"}
    ),
}
"""PCM is not here: it holds any number of channels in any order."""
_KBPS_A_CHANNEL = {"opus": (256, 96), "aac": (320, 128)}


def written_layout(layout: str, channels: int, codec: str) -> str | None:
    """The name under which a codec holds these channels, in the same order; None: it does not.

    ``layout`` may be empty or ``6 channels``. Such channels stay without a name in PCM, and are
    taken for the usual layout of so many elsewhere. It may also list its loudspeakers.
    """
    places = speakers(layout, channels)
    if "+" in layout:
        listed = "+".join(places)
        known = next((name for name, its in LAYOUTS.items() if its == places), listed)
    elif layout in ("", f"{channels} channels"):
        known = layout if codec == "pcm" else USUAL.get(channels, "")
    else:
        known = layout
    if codec == "pcm":
        return known
    known = _BACK.get(known, known)
    return known if known in _HELD[codec] and len(LAYOUTS[known]) == channels else None


def codec_for(muxer: str, asked: str, layout: str, channels: int, output: Path) -> str:
    """The codec of a new track with these channels: as asked, or where that is ``auto`` the first
    of the container's that holds them, exact ones before others.

    Raises OutputError where there is none. A codec that the container does not take is given
    back as it is, for whoever knows the container to refuse.
    """
    offered = NEW_TRACK_CODECS[muxer]
    holding = [c for c in offered if written_layout(layout, channels, c) is not None]
    if asked == "auto":
        best = sorted(holding, key=lambda c: muxer not in CODECS[c].exact_in)
        if best:
            return best[0]
    elif asked in holding or asked not in offered:
        return asked
    name = layout or f"{channels} channels"
    raise OutputError(
        f"{'No codec' if asked == 'auto' else asked} in {output.suffix} holds the film's {name} "
        "without mixing channels together.",
        path=output,
        hint=f"Use {' or '.join(holding)}." if holding else "Use mkv, mov or mp4.",
    )


def channel_arguments(codec: str, channels: int, sound: int) -> list[str]:
    """ffmpeg's arguments for the output's sound number ``sound``.

    Opus: without a mapping family ffmpeg moves the channels of 5.0 and 6.1. Lossy codecs get
    more bits where there are more channels.
    """
    arguments = []
    if codec == "opus" and channels > 2:
        arguments += [f"-mapping_family:a:{sound}", "1"]
    if codec in _KBPS_A_CHANNEL and channels > 2:
        least, each = _KBPS_A_CHANNEL[codec]
        arguments += [f"-b:a:{sound}", f"{max(least, each * channels)}k"]
    return arguments
