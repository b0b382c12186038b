"""Who listens when sets of sounds are compared: an embedding, and a distribution over classes.

The figures of FAD, KID, IS and KL are those of one listener, and mean nothing beside another's.
YAMNet comes with the program. Others are opened from a folder of weights that somebody put on a
shelf; their loaders are strict, and none stands in for another.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vtacli.errors import ConfigError, WeightsMissing
from vtacli.evaluation.listening_to import Listened, SetListener, mono_at, sounding
from vtacli.evaluation.metrics.classes import softmax
from vtacli.model.yamnet import (
    HOP,
    PATCH_HOP_FRAMES,
    PATCH_SAMPLES,
    RATE_HZ,
    Yamnet,
    class_names,
)
from vtacli.signal.media import Audio

__all__ = ["LISTENERS", "Listened", "SetListener", "YamnetListener", "open_listener"]

LEAST = 1e-9
"""Tags' scores are at least this, and as far from 1, before their logits are taken."""


class YamnetListener:
    """YAMNet: 1024 numbers and 521 AudioSet classes for each 0.96 s, every 0.48 s.

    Its embedding of near silence is eight times as long as that of any sound, so that a clip's
    pauses would decide every distance of sets. Stretches under -60 dBFS therefore have no
    embedding (their share of the time is a figure of its own); they do have classes, of which
    silence is one.
    """

    name = "yamnet"
    about = (
        "YAMNet, 1024 numbers each 0.48 s that is not silent; classes: softmax of its 521 logits"
    )

    def __init__(self, folder: Path):
        self.tagger = Yamnet.from_folder(folder)
        self.names = class_names(folder)

    @torch.no_grad()
    def listen(self, sound: Audio) -> Listened:
        wave = mono_at(sound, RATE_HZ)
        tags = self.tagger(torch.from_numpy(wave))
        scores = np.clip(tags.scores[0].double().numpy(), LEAST, 1 - LEAST)
        classes = softmax(np.log(scores) - np.log1p(-scores))
        kept = sounding(wave, PATCH_HOP_FRAMES * HOP, PATCH_SAMPLES, len(scores))
        return Listened(tags.embeddings[0].numpy()[kept], classes.astype(np.float32))

    @torch.no_grad()
    def tags(self, sound: Audio) -> NDArray[np.float64]:
        """(521,) the mean of its scores over a sound."""
        tags = self.tagger(torch.from_numpy(mono_at(sound, RATE_HZ)))
        return np.asarray(tags.scores[0].double().mean(dim=0).numpy(), np.float64)


LISTENERS = {
    "yamnet": "vtacli.evaluation.listeners:YamnetListener",
    "vggish": "vtacli.evaluation.network_listeners:VggishListener",
    "panns": "vtacli.evaluation.network_listeners:PannsListener",
    "passt": "vtacli.evaluation.network_listeners:PasstListener",
    "clap": "vtacli.evaluation.network_listeners:ClapListener",
}
"""Name, which is also the folder's on a shelf -> what opens it from there."""

WHERE = {
    "vggish": "torchvggish's vggish-10086976.pth",
    "panns": "Cnn14_mAP=0.431.pth of audioset_tagging_cnn",
    "passt": "passt-s-f128-p16-s10-ap.476-swa.pt of kkoutini/PaSST",
    "clap": "a CLAP of transformers, laion/clap-htsat-unfused for example",
}
"""What goes into the folder."""


def open_listener(name: str, folder: Path | None) -> SetListener:
    """The listener of that name. ``folder``: where its weights lie, None where they are on no
    shelf. Raises ConfigError for an unknown name, WeightsMissing, WeightsRefused."""
    if name not in LISTENERS:
        raise ConfigError(
            f"There is no listener {name!r}.", hint=f"There are {', '.join(LISTENERS)}."
        )
    if folder is None:
        raise WeightsMissing(
            f"The weights of the listener {name} are on no shelf.",
            hint=f"They go into a folder {name} beside the models: {WHERE[name]}."
            if name in WHERE
            else "Name their folder: --tagger.",
        )
    module, _, kind = LISTENERS[name].partition(":")
    opened: SetListener = getattr(import_module(module), kind)(folder)
    return opened
