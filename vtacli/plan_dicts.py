"""Films, streams, scenes and windows as JSON values; the names are an interface and stay."""

from __future__ import annotations

from typing import Any

from vtacli.errors import printable
from vtacli.media.probe import Footage, StreamInfo
from vtacli.timeline import Scene, Window


def stream_dict(stream: StreamInfo) -> dict[str, Any]:
    """One stream as JSON values."""
    return {
        "index": stream.index,
        "kind": stream.kind,
        "codec": stream.codec,
        "language": stream.language,
        "title": stream.title,
        "channels": stream.channels,
        "layout": stream.layout,
        "rate_hz": stream.rate_hz,
        "disposition": list(stream.disposition),
    }


def scene_dict(scene: Scene) -> dict[str, Any]:
    """One scene as JSON values; times in seconds, and exactly as fractions. None for a prompt, a
    negative prompt or a seed: the film's."""
    return {
        "index": scene.index,
        "start_s": float(scene.span.start_s),
        "end_s": float(scene.span.end_s),
        "exact": [str(scene.span.start_s), str(scene.span.end_s)],
        "prompt": scene.prompt,
        "negative": scene.negative,
        "seed": scene.seed,
        "takes": scene.takes,
        "gain_db": scene.gain_db,
        "mute": scene.mute,
        "lock": scene.lock,
        "hits": [{"time_s": float(h.time_s), "strength": h.strength} for h in scene.hits],
    }


def window_dict(window: Window) -> dict[str, Any]:
    """One window as JSON values; times in seconds."""
    return {
        "scene": window.scene,
        "index": window.index,
        "start_s": float(window.span.start_s),
        "end_s": float(window.span.end_s),
        "fade_in_s": float(window.fade_in_s),
        "fade_out_s": float(window.fade_out_s),
    }


def footage_dict(footage: Footage) -> dict[str, Any]:
    """A film as JSON values; its length in seconds, and exactly as a fraction."""
    return {
        "path": printable(footage.path),
        "container": footage.container,
        "duration_s": float(footage.duration_s),
        "duration_exact": str(footage.duration_s),
        "frame_rate": str(footage.frame_rate),
        "variable_rate": footage.variable_rate,
        "frames": footage.frames,
        "width": footage.width,
        "height": footage.height,
        "rotation": footage.rotation,
        "sample_aspect": str(footage.sample_aspect),
        "pixel_format": footage.pixel_format,
        "bit_depth": footage.bit_depth,
        "colour": dict(footage.colour),
        "start_timecode": footage.start_timecode.text if footage.start_timecode else None,
        "chapters": footage.chapters,
        "streams": [stream_dict(s) for s in footage.streams],
    }
