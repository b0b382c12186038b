"""Results as text for a person. What a program reads is each result's own ``to_dict``."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vtacli.errors import printable
from vtacli.provenance import bandwidth_text

if TYPE_CHECKING:
    from vtacli.dub import Dubbed
    from vtacli.health import Check
    from vtacli.media.probe import Footage, StreamInfo
    from vtacli.media.streams import KeptStream
    from vtacli.model.contract import Reference
    from vtacli.planning import Plan
    from vtacli.timeline import Scene


def clock(time_s: Fraction) -> str:
    """``H:MM:SS.mmm`` from the film's start, rounded down."""
    whole, milli = divmod(time_s.numerator * 1000 // time_s.denominator, 1000)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}.{milli:03}"


def counted(count: int, noun: str, many: str = "s") -> str:
    """``1 scene``, ``2 scenes``."""
    return f"{count} {noun}{'' if count == 1 else many}"


def rate_text(rate: Fraction) -> str:
    """``25``, ``29.97`` or ``23.976``."""
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")


def stream_text(stream: StreamInfo) -> str:
    """One stream in a few words: number, kind, codec, and what is known of it."""
    parts = [f"{stream.index}: {stream.kind} {stream.codec}"]
    if stream.kind == "audio":
        parts.append(f"{stream.layout or f'{stream.channels} channels'}, {stream.rate_hz} Hz")
    parts += [p for p in (stream.language, stream.title and f"“{printable(stream.title)}”") if p]
    return ", ".join(parts)


def footage_text(footage: Footage) -> RenderableType:
    """For ``vta probe``."""
    wide, high = footage.display_size
    exact = footage.duration_s
    rows = [
        ("length", f"{clock(exact)} ({exact} s, {footage.frames} pictures)"),
        ("picture", _picture(footage, wide, high)),
        ("rate", rate_text(footage.frame_rate) + (", variable" if footage.variable_rate else "")),
        ("timecode", footage.start_timecode.text if footage.start_timecode else "none"),
        ("chapters", str(footage.chapters)),
    ]
    rows += [("stream", stream_text(s)) for s in footage.streams]
    return Group(Text(printable(footage.path)), pairs(rows))


def plan_text(plan: Plan) -> RenderableType:
    """For ``vta plan`` and ``--dry-run``."""
    cost = plan.cost
    rows = [
        ("film", f"{printable(plan.job.footage.path)}, {clock(plan.job.footage.duration_s)}"),
        ("output", printable(plan.job.output)),
        ("new track", plan.job.track_text()),
        *plan.job.mixdown.lines(),
        *(("kept", _kept_text(k)) for k in plan.job.streams.kept),
        *(("replaced", stream_text(s)) for s in plan.job.streams.replaced),
        *(("lost", stream_text(s)) for s in plan.job.streams.lost),
        *(("note", text) for text in plan.job.streams.warnings),
        ("model", f"{plan.job.variant.name}, {plan.job.steps} steps, {plan.job.variant.licence}"),
        *(("reference", _reference_text(r)) for r in plan.job.references),
        ("time", f"about {_about(cost.seconds)} on {cost.basis}" if cost.seconds else "not known"),
        ("memory", f"about {cost.memory_bytes / 1e9:.1f} GB"),
        ("disk", f"about {cost.disk_bytes / 1e6:.0f} MB while working"),
    ]
    table = Table(box=None, pad_edge=False, header_style="bold")
    more = _asked_columns(plan)
    for column in ("scene", "from", "to", "length", "windows", *more):
        table.add_column(column, justify="left" if column in ("asked", "not") else "right")
    for scene in plan.scenes:
        span = scene.span
        count = sum(w.scene == scene.index for w in plan.windows)
        table.add_row(
            str(scene.index + 1),
            clock(span.start_s),
            clock(span.end_s),
            f"{float(span.duration_s):.3f} s",
            str(count),
            *(say(scene) for say in more.values()),
        )
    total = f"{counted(len(plan.scenes), 'scene')}, {counted(len(plan.windows), 'window')}"
    left = sum(not (s.prompt or s.mute) for s in plan.scenes)
    if plan.job.options.prompt:
        advice = f"Asked for: {printable(plan.job.options.prompt)}."
        if any(s.prompt for s in plan.scenes):
            advice += " The cue sheet's own words come before it."
    elif left == 0:
        advice = "The cue sheet says of every scene what is heard."
    elif plan.job.variant.takes_text:
        said = any(s.prompt for s in plan.scenes)
        which = "Where the cue sheet has no prompt" if said else "No prompt"
        advice = f"{which}: the sound is guessed from the picture. --prompt says it instead."
        if not plan.guesses and plan.job.variant.takes_references:
            advice += " --guess shows the guess."
    else:
        advice = "The sound is made from the picture alone."
    looks = [
        Text(f"scene {scene.index + 1} looks like: {guess.text()}")
        for scene, guess in zip(plan.scenes, plan.guesses, strict=False)
    ]
    return Group(pairs(rows), Text(), table, Text(total), *looks, Text(advice))


def _asked_columns(plan: Plan) -> dict[str, Callable[[Scene], str | Text]]:
    """Columns for what is asked of single scenes, where anything is."""
    scenes = plan.scenes
    with_hits = plan.job.options.hits is not None or any(s.hits for s in scenes)
    known: dict[str, tuple[bool, Callable[[Scene], str | Text]]] = {
        "hits": (with_hits, lambda s: str(len(s.hits))),
        "takes": (any(s.takes > 1 for s in scenes), lambda s: str(s.takes)),
        "seed": (any(s.seed is not None for s in scenes), lambda s: _or_nothing(s.seed)),
        "gain": (any(s.gain_db for s in scenes), lambda s: f"{s.gain_db:+g} dB"),
        "mute": (any(s.mute for s in scenes), lambda s: "mute" if s.mute else ""),
        "lock": (any(s.lock for s in scenes), lambda s: "lock" if s.lock else ""),
        "asked": (any(s.prompt for s in scenes), lambda s: Text(printable(s.prompt or ""))),
        "not": (any(s.negative for s in scenes), lambda s: Text(printable(s.negative or ""))),
    }
    return {name: say for name, (there, say) in known.items() if there}


def _or_nothing(value: int | None) -> str:
    return "" if value is None else str(value)


def result_text(result: Dubbed) -> RenderableType:
    """For ``vta generate``."""
    stages = ", ".join(f"{name} {took:.1f}" for name, took in result.seconds.items())
    rows = [
        ("output", printable(result.output)),
        ("length", f"{clock(result.duration_s)}, {result.samples} samples at {result.rate_hz} Hz"),
        ("new track", result.track),
        ("scenes", f"{len(result.scenes)}, in {counted(len(result.windows), 'window')}"),
        ("seed", str(result.seed)),
        *(("made again", v.text()) for v in result.remarks.verdicts.values()),
        ("bandwidth", f"{bandwidth_text(result.bandwidth_hz)}: nothing above it is generated"),
        *_ducking_rows(result),
        ("loudness", _loudness_text(result)),
        ("true peak", f"{result.true_peak_dbtp:.1f} dBTP"),
        ("time", f"{sum(result.seconds.values()):.1f} s ({stages})"),
    ]
    return pairs(rows)


def _ducking_rows(result: Dubbed) -> list[tuple[str, str]]:
    if result.ducking is None:
        return []
    count, took = len(result.ducking.stretches), result.ducking.speech_s
    depth_db = result.ducking.ducking.depth_db
    return [
        ("ducking", f"{depth_db:g} dB in {counted(count, 'stretch', 'es')} of speech, {took:.1f} s")
    ]


def _loudness_text(result: Dubbed) -> str:
    now = result.loudness.integrated_lufs
    text = f"{now:.1f} LUFS" if now > float("-inf") else "none: too short or too quiet"
    master = result.master
    if master is None:
        return text
    text += f" ({master.spec.name}), before {master.before.integrated_lufs:.1f}"
    if master.limited_s:
        text += f"; limited for {master.limited_s:.2f} s, by up to {master.limited_db:.1f} dB"
    return text


def checks_text(checks: list[Check]) -> RenderableType:
    """For ``vta doctor``."""
    width = max(len(check.name) for check in checks)
    text = Text()
    for number, check in enumerate(checks):
        text.append("\n" if number else "")
        text.append("ok  " if check.ok else "NO  ", style="green" if check.ok else "bold red")
        text.append(f"{check.name:<{width}}  {check.found}")
    return text


def _reference_text(reference: Reference) -> str:
    # imported here: what shows a film's headers need not wait for signal processing
    from vtacli.signal.nature import BED, HIT, PASSAGE, nature_of

    kinds = {HIT: "a hit", BED: "a bed", PASSAGE: "a passage"}
    sound = reference.sound
    kind = kinds[nature_of(sound.data[0], sound.rate_hz).kind]
    return f"{printable(reference.name)}, {kind}, {sound.duration_s:.2f} s"


def _kept_text(kept: KeptStream) -> str:
    change = "" if kept.copied else f", becomes {kept.codec}"
    return f"{stream_text(kept.info)}{change}"


def _picture(footage: Footage, wide: int, high: int) -> str:
    text = f"{footage.width}×{footage.height} {footage.pixel_format}"
    if (wide, high) != (footage.width, footage.height):
        text += f", shown as {wide}×{high}"
    if footage.rotation:
        text += f", turned by {footage.rotation}°"
    return text


def pairs(rows: list[tuple[str, str]]) -> Text:
    """Names and values in two columns; a name that repeats is said once."""
    width = max(len(name) for name, _ in rows)
    text, before = Text(), ""
    for number, (name, value) in enumerate(rows):
        text.append("\n" if number else "")
        text.append(f"{'' if name == before else name:<{width}}  ", style="dim")
        text.append(value)
        before = name
    return text


def _about(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
