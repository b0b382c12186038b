"""The use case: a film, or none, and words in; a set of stems and their sum out."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vtacli import __version__
from vtacli.cost import Cost, estimate
from vtacli.errors import OutputError, printable
from vtacli.media.door import check_room
from vtacli.media.spool import SoundSpool, check_writable
from vtacli.media.staging import Staging
from vtacli.models import ModelHandle
from vtacli.plan_dicts import footage_dict, scene_dict
from vtacli.planning import windows_of
from vtacli.progress import Note, Report, Step, ignore
from vtacli.signal.loudness import to_db
from vtacli.stages import Stages
from vtacli.stems.balance import Tracks, common_gain, peak_of_sum
from vtacli.stems.files import MadeFile, Piece, check_pieces, pieces_of, provisional, write_piece
from vtacli.stems.job import StemJob, make_stem_job
from vtacli.stems.options import StemOptions
from vtacli.stems.sounding import Share, keep, sound_of
from vtacli.stems.watching import Stem, Watched, watch
from vtacli.takes import Remarks, listener_of
from vtacli.timeline import Scene

NOTICEABLE_DB = 0.1
BYTES_A_SAMPLE = 4


@dataclass(frozen=True)
class StemPlan:
    """What :func:`make_stems` will do."""

    job: StemJob
    folder: Path
    scenes: tuple[Scene, ...]
    stems: tuple[Stem, ...]
    pieces: tuple[Piece, ...]
    windows: int
    cost: Cost

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        job = self.job
        return {
            **_head(job, self.folder),
            "model": job.request.variant.name,
            "licence": job.request.variant.licence,
            "steps": job.request.steps,
            "scenes": [scene_dict(s) for s in self.scenes],
            "stems": [stem.to_dict() for stem in self.stems],
            "files": [printable(path.name) for piece in self.pieces for path in piece.paths],
            "windows": self.windows,
            "cost": self.cost.to_dict(),
            "options": job.options.to_dict(),
        }


@dataclass(frozen=True)
class StemSet:
    """What was made. ``gain`` is the amplitude that all stems share; ``true_peak`` is the largest
    of any file's, full scale 1.0. ``remarks``: of each stem."""

    job: StemJob
    folder: Path
    scenes: tuple[Scene, ...]
    stems: tuple[Stem, ...]
    files: tuple[MadeFile, ...]
    gain: float
    true_peak: float
    remarks: tuple[Remarks, ...]
    seconds: dict[str, float]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON values; the names are an interface and stay."""
        job, variant = self.job, self.job.request.variant
        return {
            **_head(job, self.folder),
            "samples": job.samples,
            "rate_hz": job.options.rate_hz,
            "seed": job.seed,
            "gain_db": to_db(self.gain),
            "true_peak_dbtp": to_db(self.true_peak) if self.true_peak else None,
            "scenes": [scene_dict(s) for s in self.scenes],
            "stems": [
                stem.to_dict()
                | {"windows": [said.window_dict(w) for w in windows_of(job.request, stem.scenes)]}
                for stem, said in zip(self.stems, self.remarks, strict=True)
            ],
            "files": [file.to_dict() for file in self.files],
            "seconds": {k: round(v, 3) for k, v in self.seconds.items()},
            "warnings": list(self.warnings),
            "provenance": {
                "program": f"vta {__version__}",
                "model": job.options.generate.model,
                "variant": variant.name,
                "licence": variant.licence,
                "bandwidth_hz": job.bandwidth_hz,
                "steps": job.request.steps,
                "distilled": job.request.distilled,
                "options": job.options.with_seed(job.seed).to_dict(),
            },
        }


def plan_stems(
    film: Path | None,
    folder: Path,
    options: StemOptions,
    model: ModelHandle,
    report: Report = ignore,
) -> StemPlan:
    """Say what would be made. Nothing is written; without prompts the picture is looked at.

    Raises the errors of :mod:`vtacli.errors`.
    """
    seed = options.generate.seed or 0
    place = _existing(folder)
    job = make_stem_job(film, place, options, seed, model.variant, model.few_steps, report)
    check_pieces(provisional(job, folder), options)
    seen = watch(job, model, report, with_frames=False)
    with seen.frames:
        return _plan(job, folder, seen, model)


def make_stems(
    film: Path | None,
    folder: Path,
    options: StemOptions,
    model: ModelHandle,
    report: Report = ignore,
) -> StemSet:
    """Make the stems and write them into ``folder``, which is made where there is none.

    The film is decoded once. Every refusal comes before sound is made. One batch of windows is in
    memory, never a track. However this ends, all files of the set are there or none. Raises the
    errors of :mod:`vtacli.errors`.
    """
    run = Stages(report)
    with ExitStack() as open_things:
        with run.stage("check"):
            asked = options.generate.seed
            seed = secrets.randbits(31) if asked is None else asked
            place = _existing(folder)
            job = make_stem_job(
                film, place, options, seed, model.variant, model.few_steps, run.report
            )
            check_pieces(provisional(job, folder), options)
            check_writable(place)
            model.check_device()
        with run.stage("decode"):
            seen = watch(job, model, run.report, with_frames=True)
            open_things.enter_context(seen.frames)
            plan = _plan(job, folder, seen, model)
            check_room(place, plan.cost.disk_bytes)
        run.report(
            Note(f"{len(plan.stems)} stems, {plan.windows} windows, seed {job.seed}", "detail")
        )
        with run.stage("load"):
            run.report(Step("load", 0, 1))
            loaded = model.load()
            run.report(Step("load", 1, 1))
        with run.stage("generate"):
            listener = listener_of(job.request, model.listener, run.report)
            share = Share(run.report, [len(windows_of(job.request, s.scenes)) for s in plan.stems])
            spools, peaks, remarks = [], [], []
            for stem in plan.stems:
                spool = open_things.enter_context(SoundSpool(options.rate_hz, place))
                said = Remarks()
                blocks = sound_of(loaded, job, stem, seen, listener, share, said)
                peaks.append(keep(blocks, spool, job.channels, options.mix.width))
                spools.append(spool)
                remarks.append(said)
                share.next()
                for line in said.lines(stem.scenes):
                    run.report(Note(f"{printable(stem.name)}: {line}", "detail"))
        with run.stage("measure"):
            loudest = peak_of_sum(spools, run.report)
            gain = common_gain([*peaks, loudest], options.mix.gain_db, options.mix.ceiling_dbtp)
            _explain(plan.stems, peaks, gain, options, run.report)
            form = options.form
            tracks = Tracks(tuple(spools), gain, None if form.lossy else form.bits)
        with run.stage("write"), made_folder(folder):
            files = write_pieces(plan, tracks, run.report)
    return StemSet(
        job=job,
        folder=folder,
        scenes=plan.scenes,
        stems=plan.stems,
        files=tuple(files),
        gain=gain,
        true_peak=max([*peaks, loudest]) * gain,
        remarks=tuple(remarks),
        seconds=run.seconds,
        warnings=tuple(run.warnings),
    )


def write_pieces(plan: StemPlan, tracks: Tracks, report: Report) -> list[MadeFile]:
    """Write all files; they have their names when this returns, and none has where it raises."""
    job, pieces = plan.job, plan.pieces
    files: list[MadeFile] = []
    made = datetime.now(UTC).replace(microsecond=0)
    with Staging(job.options.generate.overwrite) as staging:
        for number, piece in enumerate(pieces):
            report(Step("write", number, len(pieces), piece.base.name))
            files += write_piece(job, piece, tracks, staging, made, len(plan.scenes))
        report(Step("write", len(pieces), len(pieces)))
    return files


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """A folder that is there meanwhile, and is taken away again where nothing came into it.

    Raises OutputError where it cannot be made.
    """
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder cannot be made: {(error.strerror or str(error)).lower()}.", path=folder
        ) from error
    try:
        yield
    finally:
        if made:
            with suppress(OSError):
                folder.rmdir()  # only an empty one goes


def _existing(folder: Path) -> Path:
    """Where files without a name may lie: the folder, or the one that it will be made in.

    Raises OutputError where there is neither.
    """
    if folder.is_dir():
        return folder
    if folder.exists() or folder.is_symlink():
        raise OutputError("This is no folder.", path=folder, hint="Choose another name.")
    if not folder.parent.is_dir():
        raise OutputError(
            "The folder to write to does not exist, nor the one above it.",
            path=folder,
            hint="Make it first.",
        )
    return folder.parent


def _plan(job: StemJob, folder: Path, seen: Watched, model: ModelHandle) -> StemPlan:
    pieces = pieces_of(job, folder, seen.stems)
    check_pieces(pieces, job.options)
    windows = sum(len(windows_of(job.request, stem.scenes)) for stem in seen.stems)
    request = job.request
    cost = estimate(
        request.variant,
        windows=windows,
        steps=request.steps,
        batch_size=request.options.batch_size,
        duration_s=job.duration_s,
        film_bytes=_bytes_of(job, pieces, len(seen.stems)),
        weights_bytes=model.weights_bytes,
        device=request.options.device,
        guided=not request.distilled,
        manners=request.options.manners,
        near_draft=request.near_draft,
    )
    return StemPlan(job, folder, seen.scenes, seen.stems, pieces, windows, cost)


def _bytes_of(job: StemJob, pieces: tuple[Piece, ...], stems: int) -> int:
    """Of the tracks on disk and of the files, as floats: more than is needed, never less."""
    samples = stems * job.samples + sum(len(piece.extract) for piece in pieces)
    return samples * job.channels * BYTES_A_SAMPLE


def _head(job: StemJob, folder: Path) -> dict[str, Any]:
    return {
        "film": footage_dict(job.footage) if job.footage else None,
        "output": printable(folder),
        "duration_s": float(job.duration_s),
        "duration_exact": str(job.duration_s),
        "start_timecode": job.start.text if job.start else None,
        "timecode_rate": str(job.start.rate) if job.start else None,
    }


def _explain(
    stems: tuple[Stem, ...], peaks: list[float], gain: float, options: StemOptions, report: Report
) -> None:
    for stem, peak in zip(stems, peaks, strict=True):
        if peak == 0.0:
            report(Note(f"The stem {printable(stem.name)!r} is silent.", "warning"))
    lowered_db = options.mix.gain_db - to_db(gain)
    if lowered_db > NOTICEABLE_DB:
        report(
            Note(
                f"All stems alike were lowered by {lowered_db:.1f} dB, so that neither one of "
                f"them nor their sum passes {options.mix.ceiling_dbtp:+.1f} dBTP."
            )
        )
