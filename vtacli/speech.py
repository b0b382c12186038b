"""Where somebody speaks in a film's own sound."""

from __future__ import annotations

import numpy as np

from vtacli.media.audio import OriginalSound
from vtacli.media.probe import Footage
from vtacli.model.voice import CHUNK, RATE_HZ, Voice, VoiceNet
from vtacli.progress import Report, Step, ignore
from vtacli.signal.ducking import Stretch, speech_stretches
from vtacli.signal.layouts import speakers

STAGE = "listen"


def find_speech(
    footage: Footage, stream: int, net: VoiceNet, report: Report = ignore
) -> tuple[Stretch, ...]:
    """Stretches of speech in seconds of film. The track is read once, from end to end.

    Two things are listened to: all channels but the low-frequency effects as one, and the centre
    alone where there is one, for that is where surround sound keeps its dialogue. Raises
    MediaError where ``stream`` cannot be read.
    """
    sound = OriginalSound(footage, stream, RATE_HZ)
    places = speakers(sound.layout, sound.channels)
    heard = [i for i, place in enumerate(places) if not place.startswith("LFE")] or [0]
    centre = places.index("FC") if "FC" in places and len(heard) > 1 else None
    everything, alone = Voice(net), Voice(net)
    found = []
    done = 0
    for block in sound.blocks(RATE_HZ * 4, report):
        done += len(block)
        last = done >= sound.length
        p = everything.hear(block.data[heard].mean(axis=0, dtype=np.float32), last)
        if centre is not None:
            p = np.maximum(p, alone.hear(block.data[centre], last))
        found.append(p)
        report(Step(STAGE, done, sound.length))
    probabilities = np.concatenate(found) if found else np.zeros(0, np.float32)
    duration_s = sound.length / RATE_HZ
    return tuple(speech_stretches(probabilities, CHUNK / RATE_HZ, duration_s))
