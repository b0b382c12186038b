"""A real HTTP server for weights, which misbehaves when told to, and a hub's way of answering.

Files lie under plain paths, and under ``/OWNER/NAME/resolve/REVISION/FILE`` as on the hub: its
large files are answered with a redirect to a plain path, as there.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c0ffee" + "0" * 34
Misbehaviour = Callable[["Handler"], None]


@dataclass
class Asked:
    """One request: what was asked, what was answered, how much of a body went out."""

    method: str
    path: str
    headers: Message  # whatever case their names are in
    status: int = 0
    sent: int = 0


@dataclass
class Library:
    """What a server has, how it errs (once for each entry of a path's list), and its log."""

    files: dict[str, bytes] = field(default_factory=dict)
    errors: dict[str, list[Misbehaviour]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    etags: dict[str, str] = field(default_factory=dict)
    bytes_per_s: float | None = None
    large: int = 1000
    url: str = ""

    def of(self, path: str, method: str = "GET") -> list[Asked]:
        return [a for a in self.asked if a.path == path and a.method == method]

    def sent(self, path: str) -> int:
        return sum(a.sent for a in self.of(path))

    def put_on_hub(self, repository: str, name: str, data: bytes) -> None:
        self.files[f"hub:{repository}/{name}"] = data
        self.files[cdn_path(data)] = data

    def etag(self, path: str) -> str:
        return self.etags.get(path, f'"{hashlib.sha256(self.files[path]).hexdigest()}"')


def cdn_path(data: bytes) -> str:
    return f"/cdn/{hashlib.sha256(data).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    library: Library

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.note = Asked(self.command, self.path, self.headers)
        self.library.asked.append(self.note)
        waiting = self.library.errors.get(self.path)
        if waiting:
            waiting.pop(0)(self)
        elif "/resolve/" in self.path:
            self._as_hub()
        else:
            self.whole()

    def _as_hub(self) -> None:
        repository, _, rest = self.path.strip("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        data = self.library.files.get(f"hub:{repository}/{name}")
        if data is None or revision not in ("main", COMMIT):
            self.begin(404, {"X-Error-Code": "EntryNotFound"}, 0)
            return
        said = {"X-Repo-Commit": COMMIT, "X-Linked-Size": str(len(data))}
        if len(data) >= self.library.large:
            said["X-Linked-ETag"] = f'"{hashlib.sha256(data).hexdigest()}"'
            # another host, as there: redirects on its own the hub's client follows by itself
            elsewhere = self.library.url.replace("127.0.0.1", "localhost")
            said["Location"] = f"{elsewhere}{cdn_path(data)}"
            self.begin(302, said, 0)
            return
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        self.begin(200, {**said, "ETag": f'"{blob}"'}, len(data))
        self.body(data)

    def whole(self, *, ranges: bool = True, heed_if_range: bool = True, kind: str = "") -> None:
        """The file as a good server sends it, or one that knows no ranges."""
        data = self.library.files.get(self.path)
        if data is None:
            self.begin(404, {}, 0)
            return
        etag = self.library.etag(self.path)
        said = {"ETag": etag, "Content-Type": kind or "application/octet-stream"}
        asked = self.headers.get("Range") if ranges else None
        condition = self.headers.get("If-Range")
        if asked and (not heed_if_range or condition in (None, etag)):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                self.begin(416, {"Content-Range": f"bytes */{len(data)}"}, 0)
                return
            said["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.begin(206, said, len(data) - start)
            self.body(data[start:])
            return
        self.begin(200, said, len(data))
        self.body(data)

    def begin(self, status: int, headers: dict[str, str], length: int | None) -> None:
        self.note.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def body(self, data: bytes) -> None:
        if self.command == "HEAD":
            return
        pace = self.library.bytes_per_s
        step = 1 << 16 if pace is None else max(1, int(pace / 50))
        try:
            for at in range(0, len(data), step):
                self.wfile.write(data[at : at + step])
                self.note.sent += len(data[at : at + step])
                if pace is not None:
                    time.sleep(1 / 50)
        except OSError:
            self.close_connection = True

    def hang_up(self) -> None:
        self.close_connection = True


def cut_at(share: float) -> Misbehaviour:
    """Send this share of what was asked for, then hang up."""

    def misbehave(handler: Handler) -> None:
        data = handler.library.files[handler.path]
        asked = handler.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        said = {"ETag": handler.library.etag(handler.path)}
        if start:
            said["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        rest = data[start:]
        handler.begin(206 if start else 200, said, len(rest))
        handler.body(rest[: int(len(rest) * share)])
        handler.hang_up()

    return misbehave


def stall_at(share: float, seconds: float) -> Misbehaviour:
    def misbehave(handler: Handler) -> None:
        data = handler.library.files[handler.path]
        handler.begin(200, {"ETag": handler.library.etag(handler.path)}, len(data))
        handler.body(data[: int(len(data) * share)])
        handler.wfile.flush()
        time.sleep(seconds)
        handler.hang_up()

    return misbehave


def say(status: int, headers: dict[str, str] | None = None, data: bytes = b"") -> Misbehaviour:
    def misbehave(handler: Handler) -> None:
        handler.begin(status, headers or {}, len(data))
        handler.body(data)

    return misbehave


def without_ranges(handler: Handler) -> None:
    handler.whole(ranges=False)


@contextmanager
def serving(library: Library | None = None) -> Iterator[Library]:
    """A server of one's own on a free port of this machine."""
    library = library or Library()
    handler = type("OwnHandler", (Handler,), {"library": library})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    library.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield library
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
