"""``vta review`` at work: a server for one session, until somebody stops it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

from vtacli.models import ModelHandle
from vtacli.progress import Report
from vtacli.review.desk import Desk
from vtacli.review.server import ReviewServer
from vtacli.review.source import SessionSource
from vtacli.session.state import State
from vtacli.window_cache.facade import remembered

FindModel = Callable[[State], ModelHandle]


@dataclass(frozen=True)
class Review:
    """A server that is ready. ``door``: a file that only this user can read, which leads a browser
    to the page; a command line with the token in it could be read by everybody."""

    session: Path
    server: ReviewServer
    door: Path

    @property
    def address(self) -> str:
        """The page's, with the token: a secret."""
        return self.server.gate.address

    def serve(self) -> None:
        """Answer until an exception, such as Ctrl-C's, ends it."""
        self.server.serve_forever(poll_interval=0.2)


@contextmanager
def reviewing(
    session: Path,
    port: int,
    find_model: FindModel,
    report: Report,
    tell: Report,
    film: Path | None = None,
) -> Iterator[Review]:
    """A server on 127.0.0.1 for a session; port 0 is any that is free.

    ``tell`` hears from another thread what the page's buttons have done. ``film``: where the
    session's film lies, if it was moved. At the end the job at
    work is cancelled, and nothing of the server is left. Raises ConfigError, MediaError.
    """
    # models are closed last: a job may still be at work with one
    with ExitStack() as models, ExitStack() as open_things:

        def known(state: State) -> ModelHandle:
            return models.enter_context(remembered(find_model(state), tell)).handle

        source = SessionSource(session, known, film, report)
        folder = tempfile.TemporaryDirectory(prefix="vta-review-", ignore_cleanup_errors=True)
        work = Path(open_things.enter_context(folder))
        desk = Desk(source, work, tell)
        server = open_things.enter_context(ReviewServer(port, desk))
        door = work / "open.html"
        door.write_text(_door(server.gate.address), encoding="utf-8")
        open_things.callback(desk.jobs.stop)
        desk.jobs.start()
        yield Review(source.path, server, door)


def _door(address: str) -> str:
    where = escape(address, quote=True)
    return (
        '<!doctype html><meta charset="utf-8"><title>vta review</title>'
        f'<meta http-equiv="refresh" content="0; url={where}"><a href="{where}">To the page</a>'
    )
