"""What is known of a clip before anything is compared: its picture, and each of its sounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.films.words import WordSpace
from vtacli.evaluation.listeners import YamnetListener
from vtacli.evaluation.listening_to import SetListener
from vtacli.evaluation.metrics.levels import Levels, levels_of
from vtacli.signal.av_peaks import own_audio_peaks, published_audio_peaks
from vtacli.signal.media import Audio

if TYPE_CHECKING:
    from vtacli.evaluation.films.binding import Binder
    from vtacli.evaluation.films.synchrony import Synchrony

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Ears:
    """``listener``: whose embeddings and classes count. ``tagger``: whose tags meet captions, None
    where no caption is to be judged; ``words``: where captions and its classes meet.
    ``synchrony``: who says how far sounds are off pictures, ``binder``: in whose space pictures
    meet sounds; None where their weights are not there. ``left_out``: sentences on figures that
    nobody gives."""

    listener: SetListener
    tagger: YamnetListener | None = None
    words: WordSpace | None = None
    synchrony: Synchrony | None = None
    binder: Binder | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A clip's picture. Times in s from its start.

    ``strikes_s``: of the motion curve; ``flow_px``: (pictures,) as
    :func:`vtacli.media.flow.flow_of` gives it, None where it was not asked for. ``motion``:
    (time, energy) points to draw. ``sync``: the file of what Synchformer sees, None where it was
    not asked or the clip is too short. ``bound``: (D,) in the space of :class:`Ears`' binder, or
    None.
    """

    duration_s: float
    frame_rate: float
    strikes_s: Values
    flow_px: Values | None = None
    motion: tuple[tuple[float, float], ...] = ()
    cuts_s: tuple[float, ...] = ()
    sync: Path | None = None
    bound: Values | None = None


@dataclass(frozen=True)
class Heard:
    """A sound. ``onsets_s``: as this program hears them; ``peaks_s``: as AV-Align's authors do.
    ``embeddings``: (P, D), none of silence;
    ``classes``: (Q, C) or None; ``tags``: (521,) or None. ``sync``: the file of what Synchformer
    hears, or None. ``bound``: (D,) or None, as a picture has it, and kept apart from the rest."""

    levels: Levels
    onsets_s: Values
    peaks_s: Values
    embeddings: Values
    classes: Values | None
    tags: Values | None = None
    sync: Path | None = None
    bound: Values | None = None

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """To be kept in a file."""
        levels = self.levels
        found: dict[str, NDArray[Any]] = {
            "levels": np.array(
                [
                    levels.loudness_lufs,
                    levels.rms_dbfs,
                    levels.true_peak_dbtp,
                    levels.silent_share,
                ]
            ),
            "onsets_s": self.onsets_s,
            "peaks_s": self.peaks_s,
            "embeddings": self.embeddings.astype(np.float32),
        }
        if self.classes is not None:
            found["classes"] = self.classes.astype(np.float32)
        if self.tags is not None:
            found["tags"] = self.tags
        return found

    @staticmethod
    def of_arrays(arrays: dict[str, NDArray[Any]]) -> Heard:
        def given(name: str) -> Values | None:
            return arrays[name].astype(np.float64) if name in arrays else None

        return Heard(
            levels=Levels(*(float(x) for x in arrays["levels"])),
            onsets_s=arrays["onsets_s"],
            peaks_s=arrays["peaks_s"],
            embeddings=arrays["embeddings"].astype(np.float64),
            classes=given("classes"),
            tags=given("tags"),
        )


@dataclass(frozen=True)
class Clip:
    """One film with its sounds. ``true``: its own, None where it has none; ``noise``: white noise
    as loud, the far end of what sets are measured by. ``hits_s``: known moments, None where nobody
    wrote any. ``caption``: a point in the text space, (D,), and its words."""

    name: str
    seen: Seen
    made: Heard
    true: Heard | None = None
    noise: Heard | None = None
    hits_s: tuple[float, ...] | None = None
    caption: str | None = None
    caption_point: Values | None = None


def hear(sound: Audio, ears: Ears) -> Heard:
    """Everything that is compared of one sound."""
    listened = ears.listener.listen(sound)
    classes = listened.classes
    return Heard(
        levels=levels_of(sound),
        onsets_s=own_audio_peaks(sound),
        peaks_s=published_audio_peaks(sound),
        embeddings=np.asarray(listened.embeddings, np.float64),
        classes=None if classes is None else np.asarray(classes, np.float64),
        tags=ears.tagger.tags(sound) if ears.tagger else None,
    )


def noise_like(sound: Audio, seed: int) -> Audio:
    """White noise of a sound's length and RMS, mono."""
    wave = sound.data.mean(axis=0)
    level = float(np.sqrt(np.mean(wave.astype(np.float64) ** 2))) if len(wave) else 0.0
    drawn = np.random.default_rng(seed).normal(0.0, level, len(wave))
    return Audio(drawn.astype(np.float32)[None], sound.rate_hz)
