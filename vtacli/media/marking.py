"""Says in a film's own metadata that its sound was generated: as far as each container keeps it.

MP4 keeps a comment, and an XMP packet in a ``uuid`` box of its own (Adobe's XMP specification,
part 3); MOV a comment, and the packet in its user data; Matroska and WebM any names, for the film
and for the track; MXF any names that begin with ``comment_``.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

from vtacli.errors import StorageError
from vtacli.media.container import open_film
from vtacli.provenance import HEAD, Provenance

XMP_BOX = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes


def marking_arguments(
    provenance: Provenance, muxer: str, film: Path, track: int, *, mixed: bool
) -> list[str]:
    """Arguments of ffmpeg for the output. A comment that the film has stays, before ours.

    ``track``: the new track's number in the output. ``mixed``: whether it holds sound of the
    film's own. The film as a whole is a composite whatever the track is: its picture is there.
    """
    whole = provenance.of_composite()
    tags = whole.tags()
    if muxer == "mxf":
        return [a for k, v in tags.items() for a in ("-metadata", f"comment_{k}={v}")]
    tags["comment"] = "\n".join([*_own_comment(film), tags["comment"]])
    if muxer in ("mp4", "mov"):
        arguments = ["-metadata", f"comment={tags['comment']}"]
        return arguments + (["-metadata", f"xmp={whole.xmp()}"] if muxer == "mov" else [])
    sound = whole if mixed else provenance
    return [a for k, v in tags.items() for a in ("-metadata", f"{k}={v}")] + [
        a for k, v in sound.tags().items() for a in (f"-metadata:s:{track}", f"{k}={v}")
    ]


def append_xmp(path: Path, provenance: Provenance) -> None:
    """Put the XMP packet into an MP4 file that is otherwise finished, after its last box.

    Nothing that was there moves. Raises StorageError where the disk is full.
    """
    content = XMP_BOX + provenance.of_composite().xmp().encode()
    try:
        with path.open("ab") as file:
            file.write((8 + len(content)).to_bytes(4, "big") + b"uuid" + content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(f"Writing failed: {error.strerror}.", path=path) from error


def _own_comment(film: Path) -> list[str]:
    """The film's comment without what an earlier run of this program said in it."""
    with open_film(film) as container:
        found = next((v for k, v in container.metadata.items() if k.lower() == "comment"), "")
    kept = [line for line in found.splitlines() if not line.startswith(f"{HEAD}; vta ")]
    return ["\n".join(kept)] if any(kept) else []
