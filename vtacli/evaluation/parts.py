"""What the codec and the vocoder lose by themselves, and what all the weights weigh.

Held-out recordings go through the vocoder alone (copy-synthesis of the true mel) and through
codec and vocoder; the tagger and the log-mel say what became of them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

from vtacli.evaluation.figures import Figure
from vtacli.evaluation.judge import distance
from vtacli.evaluation.notebook import Row
from vtacli.evaluation.statistics import Interval, of_mean
from vtacli.evaluation.study import Result, Study
from vtacli.signal.media import Audio
from vtacli.signal.mel import log_mel
from vtacli.training.library import Recording

SECTION = "parts"
MULTIPLE = 1280
"""Samples of eight mel frames: nothing is padded."""
AT_MOST = 163_840
SHORTEST = 2560


def measure(study: Study) -> Result:
    """Codec, vocoder and both in a row over held-out recordings, and the weights' size."""
    figures, details = [], {}
    if study.handle.folder is not None:
        megabytes = sum(f.stat().st_size for f in study.handle.folder.rglob("*") if f.is_file())
        size = Interval(megabytes / 1e6, None, None, 1)
        figures.append(
            Figure("weights", "weights", size, 64.0, 40.0, False, "MB", "every file", digits=1)
        )
    if study.catalogue is not None and hasattr(study.model, "pipeline"):
        rows = _copies(study)
        details["recordings"] = rows
        figures += _figures(rows, study.suite.seed)
    return Result(figures, details)


def _copies(study: Study) -> list[Row]:
    library = study.library
    long_enough = [r for r in library.held_out() if r.length // MULTIPLE * MULTIPLE >= SHORTEST]
    if study.suite.copies is not None and len(long_enough) > study.suite.copies:
        picked = np.linspace(0, len(long_enough) - 1, study.suite.copies).round().astype(int)
        long_enough = [long_enough[i] for i in picked]
    study.use("codec and vocoder", (r.file for r in long_enough))
    book = study.notebook(SECTION)
    rows = []
    for recording in study.each(SECTION, long_enough, lambda r: r.file):
        row = book.measured(recording.file, partial(_copy, study, recording))
        strict = recording.file in study.sounds.strict
        rows.append({"file": recording.file, "label": recording.label, "strict": strict, **row})
    return rows


@torch.no_grad()
def _copy(study: Study, recording: Recording) -> Row:
    pipeline = study.pipeline
    whole = study.library.wave(recording)[:AT_MOST]
    true = torch.from_numpy(whole[: len(whole) // MULTIPLE * MULTIPLE])[None]
    mel = log_mel(true)
    place = pipeline.vae.device
    latents = pipeline.vae.encode(mel[:, None].to(place)).mean
    coded = pipeline.vae.decode(latents).sample
    # Grain is drawn anew, not coded: it moves a copy away from the one true mel, as another
    # minute of the same rain would. The code itself is judged by the mel without it.
    plain = coded
    if hasattr(pipeline.vae, "reconstruct"):
        plain = pipeline.vae.reconstruct(pipeline.vae.raw(latents))
    copies = {
        "vocoder": pipeline.vocoder(mel[:, None].to(place)),
        "both": pipeline.vocoder(coded),
    }
    original = study.judge.hears(Audio(true.numpy(), 16_000))
    first = original.likeliest(1)[0]
    row: dict[str, Any] = {
        "codec_l1": float((plain[:, 0].cpu() - mel).abs().mean()),
        "grain_l1": float((coded[:, 0].cpu() - mel).abs().mean()),
    }
    for name, made in copies.items():
        wave = made.float().cpu().reshape(1, -1)[:, : true.shape[1]]
        heard = study.judge.hears(Audio(wave.numpy(), 16_000))
        frames = min(wave.shape[1] // 160, mel.shape[1])
        row[f"{name}_l1"] = float((log_mel(wave)[:, :frames] - mel[:, :frames]).abs().mean())
        row[f"{name}_distance"] = distance(original.embedding, heard.embedding)
        row[f"{name}_recognised"] = first in heard.likeliest()
    return row


def _figures(rows: list[Row], seed: int) -> list[Figure]:
    on = f"{len(rows)} held-out recordings"
    lines = (
        ("vocoder_l1", "vocoder: log-mel L1 of copy-synthesis", 0.2, 0.1, False),
        ("codec_l1", "mel VAE: log-mel L1", 0.3, 0.15, False),
        ("grain_l1", "mel VAE with its grain drawn: log-mel L1", None, None, False),
        ("vocoder_distance", "vocoder: distance of the copy", None, None, False),
        ("both_distance", "codec and vocoder: distance of the copy", None, None, False),
        ("vocoder_recognised", "vocoder: first class still in the top ten", None, None, True),
        (
            "both_recognised",
            "codec and vocoder: first class still in the top ten",
            None,
            None,
            True,
        ),
    )
    figures = [
        Figure(
            key,
            title,
            of_mean([float(r[key]) for r in rows], seed),
            floor,
            goal,
            more,
            measured=on,
            digits=3 if key.endswith("l1") else 2,
        )
        for key, title, floor, goal, more in lines
    ]
    strangers = [r for r in rows if r["strict"]]
    if strangers:
        # what training heard of the same author or the same series flatters
        figures += [
            Figure(
                f"{key}_strict",
                f"{title}, strangers only",
                of_mean([float(r[key]) for r in strangers], seed),
                more_is_better=more,
                measured=f"{len(strangers)} of other authors and series",
                digits=3,
            )
            for key, title, _, _, more in lines[:2]
        ]
    return figures
