"""The review page over HTTP, for this machine alone."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from vtacli.errors import ConfigError, VtaError
from vtacli.review.gate import Gate
from vtacli.review.page import policy
from vtacli.review.ranges import Unsatisfiable, wanted_bytes

if TYPE_CHECKING:
    from vtacli.review.desk import Desk

LARGEST_BODY = 64 * 1024
PIECE = 256 * 1024
STALLED_S = 600.0
"""A player that has read ahead as far as it likes leaves its connection standing."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
ENTERED = (
    b"<!doctype html><title>vta review</title>"
    b'<meta http-equiv="refresh" content="0; url=/"><a href="/">On to the page</a>'
)
"""The answer to an address with the token, which is gone from the browser's line by this. Were it
a redirect from another page, the browser would leave a strict cookie out."""
_TAKE = re.compile(r"/media/take/(\d{1,6})/(\d{1,6})/[0-9a-f]{8,64}", re.ASCII)
_FILM = re.compile(r"/media/film/(\d{1,9})", re.ASCII)


class ReviewServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1. Port 0: any that is free.

    Raises ConfigError where the port is taken or may not be used.
    """

    daemon_threads = True
    # Another process with the same port would get the page's requests, and its cookie.
    allow_reuse_port = False

    def __init__(self, port: int, desk: Desk) -> None:
        try:
            super().__init__(("127.0.0.1", port), Handler)
        except OSError as error:
            raise ConfigError(
                f"Port {port} cannot be used: {(error.strerror or str(error)).lower()}.",
                hint="Give another with --port, or leave it out.",
            ) from error
        self.desk = desk
        self.gate = Gate(self.server_address[1])

    def server_bind(self) -> None:
        """As the base class of the base class: the one between asks a name server who we are."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no error; whatever else gets this far is ours."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self.desk.jobs.say(f"This is a bug in vta ({type(error).__name__}: {error}).", bad=True)


class Handler(BaseHTTPRequestHandler):
    """One connection of a browser."""

    server: ReviewServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "vta", ""
    timeout = STALLED_S
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Addresses hold the token: none is written down."""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        token = parse_qs(asked.query).get("token", [""])[0]
        if asked.path == "/" and token:
            self._enter(token)
        elif why := self.server.gate.refusal(self.headers, changes=False):
            self._refuse(HTTPStatus.FORBIDDEN, why)
        elif found := _TAKE.fullmatch(asked.path):
            self._file(self.server.desk.take_file(*map(int, found.groups())), "audio/flac")
        elif found := _FILM.fullmatch(asked.path):
            self._file(self.server.desk.film_file(int(found.group(1))), "video/mp4")
        elif asked.path in self._PAGES:
            kind, make = self._PAGES[asked.path]
            self._told(make, kind, self.server.desk)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        if why := self.server.gate.refusal(self.headers, changes=True):
            self.close_connection = True  # the body was not read
            self._refuse(HTTPStatus.FORBIDDEN, why)
            return
        body = self._body()
        if body is None:
            return
        path = urlsplit(self.path).path
        try:
            self.server.desk.ask(path.removeprefix("/do/") if path.startswith("/do/") else "", body)
        except VtaError as error:
            self._json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
        else:
            self._json({"asked": True}, HTTPStatus.ACCEPTED)

    _PAGES: ClassVar[dict[str, tuple[str, Callable[[Desk], str]]]] = {
        "/": ("text/html", lambda desk: desk.html()),
        "/lanes": ("text/html", lambda desk: desk.lanes()),
        "/state": ("application/json", lambda desk: json.dumps(desk.state())),
        "/page.json": ("application/json", lambda desk: json.dumps(desk.parts())),
    }

    def _enter(self, token: str) -> None:
        gate = self.server.gate
        why = gate.refusal(self.headers, changes=False, entering=True)
        if why or not gate.knows(token):
            self._refuse(HTTPStatus.FORBIDDEN, why or "The token is not the right one.")
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Set-Cookie", gate.set_cookie())
        self._finish(ENTERED, "text/html; charset=utf-8")

    def _body(self) -> dict[str, Any] | None:
        """A JSON object, or None where the request was answered already."""
        kind = self.headers.get("Content-Type", "").split(";")[0].strip()
        length = self.headers.get("Content-Length", "")
        if kind != "application/json" or not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._refuse(HTTPStatus.BAD_REQUEST, "A JSON object of reasonable size is expected.")
            return None
        try:
            body = json.loads(self.rfile.read(int(length)))
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self._refuse(HTTPStatus.BAD_REQUEST, "A JSON object is expected.")
            return None
        return body

    def _told(self, make: Callable[[Desk], str], kind: str, desk: Desk) -> None:
        try:
            text = make(desk)
        except VtaError as error:
            self._json({"error": str(error)}, HTTPStatus.CONFLICT)
            return
        self.send_response(HTTPStatus.OK)
        self._finish(text.encode(), f"{kind}; charset=utf-8")

    def _file(self, path: Path | None, kind: str) -> None:
        """A file of the session, or the part that is asked for."""
        try:
            file = path.open("rb") if path else None
        except OSError:
            file = None
        if file is None:
            self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")
            return
        with file:
            size = file.seek(0, 2)
            try:
                wanted = wanted_bytes(self.headers.get("Range"), size)
            except Unsatisfiable:
                self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                self.send_header("Content-Range", f"bytes */{size}")
                self._finish(b"", kind)
                return
            self.send_response(HTTPStatus.OK if wanted is None else HTTPStatus.PARTIAL_CONTENT)
            part = range(size) if wanted is None else wanted
            if wanted is not None:
                self.send_header("Content-Range", f"bytes {part.start}-{part.stop - 1}/{size}")
            self.send_header("Accept-Ranges", "bytes")
            self._headers(kind, len(part), "private, max-age=86400")
            if self.command == "HEAD":
                return
            file.seek(part.start)
            left = len(part)
            while left and (piece := file.read(min(PIECE, left))):
                self.wfile.write(piece)
                left -= len(piece)

    def _json(self, answer: dict[str, Any], status: HTTPStatus) -> None:
        self.send_response(status)
        self._finish(json.dumps(answer).encode(), "application/json")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        if self.command == "POST":
            self._json({"error": why}, status)
            return
        self.send_response(status)
        self._finish(f"{why}\n".encode(), "text/plain; charset=utf-8")

    def _finish(self, content: bytes, kind: str) -> None:
        self._headers(kind, len(content), "no-store")
        if self.command != "HEAD":
            self.wfile.write(content)

    def _headers(self, kind: str, length: int, cache: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", cache)
        for name, value in HEADERS.items():
            if name == "Content-Security-Policy" and self.path == "/":
                value = f"{policy(live=True)}; frame-ancestors 'none'"
            self.send_header(name, value)
        self.end_headers()
