"""From the sounds of scenes to the written film: recorded, mixed, muxed and read back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from vtacli.foley import Foley, Recorder
from vtacli.media.channels import written_layout
from vtacli.media.mux import NewTrack, write_film
from vtacli.provenance import Provenance
from vtacli.rendition import Rendition
from vtacli.scene_sound import SceneSound
from vtacli.signal.ducking import DuckingGain
from vtacli.stages import Stages
from vtacli.timeline import Scene
from vtacli.track import FinishedTrack, Held, mix_down

TITLES = {"mix": "Mix with foley", "add": "Foley", "replace": "Foley"}


def lay(scenes: Iterable[Scene], sounds: Iterator[SceneSound], recorder: Recorder) -> None:
    """Record every scene of a film from what is made of those that are not muted, in order."""
    for scene in scenes:
        if scene.mute:
            recorder.add(scene, ())
            continue
        sound = next(sounds)
        if sound.scene.index != scene.index:
            raise ValueError(f"scene {sound.scene.index + 1} came instead of {scene.index + 1}")
        recorder.add(scene, sound.blocks())


def finish(
    rendition: Rendition,
    recorder: Recorder,
    ducking: DuckingGain | None,
    mark: Provenance | None,
    run: Stages,
    held: Held | None = None,
    folder: Path | None = None,
) -> FinishedTrack:
    """Mix what was recorded and write the film, which is whole or not there afterwards.

    ``mark``: what the film says of its new sound. ``held``: see :func:`vtacli.track.mix_down`.
    ``folder``: where the finished track lies meanwhile; None: beside the output.
    """
    foley = Foley(recorder.spool, tuple(recorder.placed), ducking)
    output = rendition.output
    with ExitStack() as open_things:
        with run.stage("mix"):
            track = mix_down(
                foley, rendition.own_sound, rendition.mix, rendition.mixdown, run.report, held
            )
            beside = output if folder is None else folder / output.name
            wav = open_things.enter_context(track.as_wav(beside=beside))
        with run.stage("write"):
            layout = written_layout(track.layout, track.channels, rendition.streams.codec)
            write_film(
                rendition.footage,
                rendition.streams,
                [NewTrack(wav, TITLES[rendition.mode], layout=layout or "")],
                output,
                overwrite=rendition.overwrite,
                provenance=mark,
                report=run.report,
            )
    return track
