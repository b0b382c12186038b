"""A session's chosen takes as a film, without the model: read back, mixed, muxed, put in place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vtacli import __version__
from vtacli.errors import ConfigError, MediaError, printable
from vtacli.finishing import finish
from vtacli.foley import Foley, Recorder
from vtacli.mastering import Master
from vtacli.media.door import check_output
from vtacli.media.probe import probe
from vtacli.media.spool import SoundSpool
from vtacli.media.staging import Staging, flush
from vtacli.options import RATE_HZ, MixOptions
from vtacli.progress import Note, Report, ignore
from vtacli.provenance import Provenance
from vtacli.rendition import Rendition, plan_rendition
from vtacli.session.choices import choices_of, mix_json
from vtacli.session.files import hash_file, read_take
from vtacli.session.film import stored
from vtacli.session.journal import REFIT, RENDER
from vtacli.session.session import Session
from vtacli.session.state import HeldGains, State, Stretches
from vtacli.signal.ducking import DuckingGain
from vtacli.signal.loudness import to_db
from vtacli.signal.mix import Gains
from vtacli.signal.programme import Loudness
from vtacli.stages import Stages
from vtacli.track import FinishedTrack, Held, mix_down

KEPT_HASHES = 4
"""Of films written under one name: enough for a crash between two of them."""


@dataclass(frozen=True)
class Rendered:
    """A film that a session wrote. ``sha256``: of the file."""

    session: Path
    output: Path
    sha256: str
    duration_s: Fraction
    samples: int
    audio: str
    track: str
    gains: Gains
    loudness: Loudness
    master: Master | None
    ducking: DuckingGain | None
    finished: FinishedTrack
    seconds: dict[str, float]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON values; the names are an interface and stay."""
        peak = self.loudness.true_peak_dbtp
        return {
            "session": printable(self.session),
            "output": printable(self.output),
            "sha256": self.sha256,
            "duration_s": float(self.duration_s),
            "duration_exact": str(self.duration_s),
            "samples": self.samples,
            "rate_hz": RATE_HZ,
            "audio": self.audio,
            "track": self.track,
            "foley_gain_db": _db(self.gains.foley),
            "scene_gains_db": [_db(p.gain) for p in self.finished.foley.scenes],
            "mix_gain_db": to_db(self.gains.mix),
            "true_peak_dbtp": None if peak == float("-inf") else peak,
            "loudness": self.loudness.to_dict(),
            "master": None if self.master is None else self.master.to_dict(),
            "ducking": None if self.ducking is None else self.ducking.to_dict(),
            "seconds": {k: round(v, 3) for k, v in self.seconds.items()},
            "warnings": list(self.warnings),
        }


def render(
    session: Session,
    output: Path | None = None,
    *,
    mix: MixOptions | None = None,
    overwrite: bool = False,
    provenance: bool | None = None,
    refit: bool = False,
    report: Report = ignore,
) -> Rendered:
    """Write the film with the chosen takes; ``session`` is open for writing.

    ``output`` None: the session's own. ``mix`` None: as ``vta generate`` was asked. ``refit``: the
    gains that all scenes share are chosen anew. A film that the session itself wrote is replaced
    without ``overwrite``. However this ends, the output is whole or as it was. No model is used.
    Raises the errors of :mod:`vtacli.errors`.
    """
    run = Stages(report)
    with run.stage("check"):
        options = choices_of(session.state.request, session.path)
        mix = mix or options.mix
        marked = options.provenance if provenance is None else provenance
        film = session.film
        target = check_writable_film(session, film, output or session.output, overwrite)
        rendition = _rendition(session, film, target, mix)
    with SoundSpool(RATE_HZ, session.work) as spool:
        with run.stage("read"):
            recorder = _recorded(session, spool, mix.width)
        speech = _speech(session, rendition, run.report)
        key = mix_json(replace(mix, mode=rendition.mode))
        before = None if refit else session.state.held_for(key)
        part = session.work / f"film{target.suffix}"
        track = finish(
            replace(rendition, output=part),
            recorder,
            _ducking(rendition, speech),
            mark_of(session.state, options.prompt, options.references) if marked else None,
            run,
            Held(before.trim, before.master) if before else None,
            session.work,
        )
        sha256 = hash_file(part)
        state = _told(session, target, sha256, speech)
        if before is None:
            state = state.holding(HeldGains(key, track.held.trim, track.held.master))
        what = f"{stored(target, session.path)} written"
        session.commit(REFIT if refit else RENDER, what, state)
        _put(part, target, film)
    assert track.loudness is not None
    return Rendered(
        session=session.path,
        output=target,
        sha256=sha256,
        duration_s=rendition.footage.duration_s,
        samples=len(track.foley),
        audio=rendition.mode,
        track=rendition.track_text(),
        gains=track.gains,
        loudness=track.loudness,
        master=track.master,
        ducking=track.foley.ducking,
        finished=track,
        seconds=run.seconds,
        warnings=tuple(run.warnings),
    )


@contextmanager
def finished_track(
    session: Session, folder: Path, report: Report = ignore
) -> Iterator[FinishedTrack]:
    """The track of the chosen takes as it would be rendered, without a film. ``session`` may be
    open for reading alone: nothing of it changes. ``folder``: for files without a name.

    Where speech was never looked for, foley does not give way to it here.
    """
    options = choices_of(session.state.request, session.path)
    film = session.film
    rendition = _rendition(session, film, session.output, options.mix)
    with SoundSpool(RATE_HZ, folder) as spool:
        recorder = _recorded(session, spool, options.mix.width)
        key = mix_json(replace(options.mix, mode=rendition.mode))
        before = session.state.held_for(key)
        foley = Foley(spool, tuple(recorder.placed), _ducking(rendition, session.state.speech))
        yield mix_down(
            foley,
            rendition.own_sound,
            options.mix,
            rendition.mixdown,
            report,
            Held(before.trim, before.master) if before else None,
        )


def check_writable_film(session: Session, film: Path, output: Path, overwrite: bool) -> Path:
    """The absolute path of a film that the session may write: one that is not there, or that it
    wrote itself and nobody changed, or any with ``overwrite``. Raises OutputError."""
    own = False
    if not overwrite and session.exists and output.is_file():
        hashes = session.state.written.get(stored(output, session.path), ())
        own = bool(hashes) and hash_file(output) in hashes
    return check_output(film, output, overwrite or own)


def mark_of(state: State, prompt: str | None, references: tuple[Path, ...]) -> Provenance:
    """What the film says of its new sound, as :func:`vtacli.dub.provenance_of` says it."""
    model = state.model
    return Provenance(
        model=model["variant"],
        version=__version__,
        seed=state.seed,
        prompt=prompt,
        licence=model["licence"],
        bandwidth_hz=model["bandwidth_hz"],
        references=tuple(p.name for p in references),
    )


def _rendition(session: Session, film: Path, target: Path, mix: MixOptions) -> Rendition:
    footage = probe(film)
    if str(footage.duration_s) != session.facts.duration_s:
        raise MediaError(
            f"The film lasts {float(footage.duration_s):.3f} s, and the session's film "
            f"{float(Fraction(session.facts.duration_s)):.3f} s.",
            path=film,
        )
    return plan_rendition(footage, target, mix, overwrite=True)


def _recorded(session: Session, spool: SoundSpool, width: float) -> Recorder:
    missing = [s.number for s in session.state.scenes if s.take is None and not s.scene.mute]
    if missing:
        raise ConfigError(
            f"Scene {missing[0]} has no take yet.",
            path=session.path,
            hint="Run the `vta generate` again that began the session, or `vta redo`.",
        )
    recorder = Recorder(spool, width)
    for scene in session.state.scenes:
        take = scene.take
        if scene.scene.mute or take is None:
            recorder.add(scene.scene, ())
            continue
        path = session.path / take.file
        if not path.is_file() or hash_file(path) != take.sha256:
            raise MediaError(
                f"Take {take.number} of scene {scene.number} is gone or damaged.",
                path=path,
                hint="Bring the file back from a copy, pick another take, or `vta redo` the scene.",
            )
        recorder.add(scene.scene, read_take(path, take.halvings, take.samples))
    return recorder


def _speech(session: Session, rendition: Rendition, report: Report) -> dict[int, Stretches]:
    """Where somebody speaks, as it is known, and found out where it is not."""
    known = dict(session.state.speech)
    stream = rendition.mixdown.dialogue
    if rendition.mixdown.ducking is not None and stream is not None and stream.index not in known:
        # imported here: layers of networks, which a session that has listened once does without
        from vtacli.models import load_voice_detector
        from vtacli.speech import find_speech

        found = find_speech(rendition.footage, stream.index, load_voice_detector(), report)
        if not found:
            report(Note(f"Nobody speaks in stream {stream.index}: the foley stays as it is."))
        known[stream.index] = tuple(found)
    return known


def _ducking(rendition: Rendition, speech: Any) -> DuckingGain | None:
    ducking, stream = rendition.mixdown.ducking, rendition.mixdown.dialogue
    if ducking is None or stream is None or stream.index not in speech:
        return None
    return DuckingGain(speech[stream.index], ducking, RATE_HZ)


def _told(session: Session, target: Path, sha256: str, speech: dict[int, Stretches]) -> State:
    state, name = session.state, stored(target, session.path)
    before = [h for h in state.written.get(name, ()) if h != sha256]
    written = {**state.written, name: (sha256, *before)[:KEPT_HASHES]}
    return replace(state, speech=speech, written=written)


def _put(part: Path, target: Path, film: Path) -> None:
    """Give a finished film its name, in one step."""
    if part.stat().st_dev == target.parent.stat().st_dev:
        part.replace(target)
        flush(target.parent)
        return
    with Staging(True, film) as files:  # another disk: copied first, then named
        copy = files.part(target)
        shutil.copyfile(part, copy)
    part.unlink()


def _db(gain: float) -> float | None:
    return round(to_db(gain), 3) if gain > 0 else None
