"""Synchformer: how far a sound is off its picture, in 21 steps from -2 to 2 s.

Iashin et al., "Synchformer: Efficient Synchronization from Sparse Cues" (ICASSP 2024, arXiv
2401.16423). Picture and sound are cut into segments of 0.64 s, every 0.32 s; a network of each
makes tokens of every segment, and a third one reads those of 14 segments, 4.8 s, at once. The
weights' names are those of v-iashin/Synchformer and of hkchengrex/av-benchmark
(``synchformer_state_dict.pth``).
"""

from vtacli.model.synchformer.network import Synchformer
from vtacli.model.synchformer.segments import (
    CROP,
    FRAME_RATE,
    SEGMENT_FRAMES,
    SEGMENT_SAMPLES,
    STEP_FRAMES,
    STEP_SAMPLES,
    segments_in,
)
from vtacli.model.synchformer.sound import RATE_HZ

__all__ = [
    "CROP",
    "FRAME_RATE",
    "RATE_HZ",
    "SEGMENT_FRAMES",
    "SEGMENT_SAMPLES",
    "STEP_FRAMES",
    "STEP_SAMPLES",
    "Synchformer",
    "segments_in",
]
