"""One request for a file, over HTTPS, HTTP or from the disk, and what its answer means.

No redirect is followed to where the first address could not have been asked: HTTPS never becomes
HTTP, and nothing on the network points into this machine. A secret goes to the host that it is
for, and to no other.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import ssl
import stat
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urljoin, urlsplit

from vtacli import __version__
from vtacli.errors import ConfigError, WeightsMissing, WeightsRefused

REDIRECTS = 5
_IN_URLS = "%/:=&?~#+!$,;'@()*[]"
_MOVED = (301, 302, 303, 307, 308)


class Interrupted(Exception):
    """The transfer broke off, or the server asks for patience: worth another try.

    ``wait_s``: how long the server asks to wait; None where it does not say.
    """

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Body(Protocol):
    def read1(self, count: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Reply:
    """``status`` is 200, 206 or 416. ``start``: the body's first byte is this one of the file.

    ``total``: bytes of the whole file, where the server says; ``self_ending``: the body's end is
    marked in it (chunked), so that it cannot be cut off unseen. ``validator``: what If-Range may
    carry (a strong ETag or a date), if anything.
    """

    status: int
    body: Body
    start: int
    total: int | None
    self_ending: bool
    validator: str | None
    kind: str


def is_local(url: str) -> bool:
    """Whether a URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(url: str, *, allow_http: bool = False) -> None:
    """Raise ConfigError for an address that is not asked."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"{url!r} is no address: {error}.") from error
    if parts.scheme == "file":
        if host not in (None, "", "localhost"):
            raise ConfigError(f"{url}: a file URL names a file of this machine.")
        return
    if parts.scheme not in ("https", "http") or not host:
        raise ConfigError(f"{url!r} is none of https://, http:// and file://.")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"The address at {host} carries a password, which would be shown about.")
    if parts.scheme == "http" and not allow_http and not is_local(url):
        raise ConfigError(
            f"{url}: what comes over plain HTTP can be changed on its way.",
            hint="Use https, or --allow-http.",
        )


def ask(
    url: str,
    *,
    start: int = 0,
    validator: str | None = None,
    secret: Mapping[str, str] | None = None,
    allow_http: bool = False,
    timeout_s: float = 30.0,
) -> Reply:
    """Ask for a file from byte ``start`` on.

    ``validator``: send the rest only where the file is still the one that had it. ``secret``:
    headers for the first host alone. Raises :class:`Interrupted` where another try may help, and
    WeightsMissing, WeightsRefused or ConfigError where it would not.
    """
    check_url(url, allow_http=allow_http)
    if urlsplit(url).scheme == "file":
        return _from_disk(url, start)
    first, here = urlsplit(url), quote(url, safe=_IN_URLS)
    for _ in range(REDIRECTS + 1):
        headers = {"User-Agent": f"vta/{__version__}", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if validator:
                headers["If-Range"] = validator
        if secret and urlsplit(here)[:2] == first[:2]:
            headers.update(secret)
        status, reply = _request(here, headers, timeout_s)
        if status not in _MOVED:
            return _understood(status, reply, start, here)
        reply.close()
        # Headers are read as Latin-1: byte for byte what the server wrote, whatever it meant.
        said = quote(reply.headers.get("Location", ""), safe=_IN_URLS, encoding="latin-1")
        onward = urljoin(here, said)
        _check_redirect(url, onward, allow_http)
        here = onward
    raise WeightsRefused(f"{url} leads on and on.")


def _check_redirect(first: str, onward: str, allow_http: bool) -> None:
    try:
        parts = urlsplit(onward)
        secure = parts.scheme == "https" and parts.hostname
        plain = parts.scheme == "http" and urlsplit(first).scheme == "http"
        plain = plain and (allow_http or (is_local(first) and is_local(onward)))
    except ValueError:
        secure = plain = None
    if not secure and not plain:
        raise WeightsRefused(f"{first} leads to {onward}, which is not followed.")
    if is_local(onward) and not is_local(first):
        raise WeightsRefused(f"{first} leads into this machine, to {onward}.")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


@cache
def _certificates() -> ssl.SSLContext:
    context = ssl.create_default_context()
    with suppress(ImportError):  # some Pythons come without the system's certificates
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _request(
    url: str, headers: dict[str, str], timeout_s: float
) -> tuple[int, http.client.HTTPResponse | urllib.error.HTTPError]:
    handlers: list[Any] = [_Stay]
    if urlsplit(url).scheme == "https":
        handlers.append(urllib.request.HTTPSHandler(context=_certificates()))
    opener = urllib.request.build_opener(*handlers)
    try:
        reply = opener.open(urllib.request.Request(url, headers=headers), timeout=timeout_s)
        return reply.status, reply
    except urllib.error.HTTPError as error:
        return error.code, error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise WeightsMissing(
                f"{_host(url)} is not who it says it is: {error.reason.verify_message}.",
                hint="SSL_CERT_FILE names certificates of your own.",
            ) from error
        raise Interrupted(f"{_host(url)} cannot be reached: {error.reason}") from error
    except TimeoutError as error:
        raise Interrupted(f"{_host(url)} does not answer") from error
    except (OSError, http.client.HTTPException) as error:
        raise Interrupted(f"{_host(url)} broke off: {error or type(error).__name__}") from error


def _understood(
    status: int,
    reply: http.client.HTTPResponse | urllib.error.HTTPError,
    start: int,
    url: str,
) -> Reply:
    headers = reply.headers
    if status in (200, 206, 416):
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            reply.close()
            raise WeightsRefused(f"{url}: the server sends it encoded, which was not asked for.")
        first, total = 0, None
        if status == 200:
            total = _number(headers.get("Content-Length"))
        else:
            first, total = _range(headers.get("Content-Range", ""))
            if status == 206 and first != start:
                reply.close()
                raise WeightsRefused(f"{url}: the server sent another part than was asked for.")
        tag, date = headers.get("ETag", ""), headers.get("Last-Modified")
        return Reply(
            status=status,
            body=reply,
            start=first,
            total=total,
            self_ending="chunked" in headers.get("Transfer-Encoding", "").lower(),
            validator=tag if tag.startswith('"') else date,
            kind=headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        )
    reply.close()
    if status in (408, 425, 429) or status >= 500:
        raise Interrupted(
            f"{_host(url)} answers {status}", waiting_time(headers.get("Retry-After"))
        )
    if status in (401, 403):
        raise WeightsMissing(
            f"{url}: the server lets only some in ({status}).",
            hint="Accept the model's terms on its page; for the hub, log in with `hf auth login`.",
        )
    raise WeightsMissing(f"{url}: there is no such file ({status}).")


def _from_disk(url: str, start: int) -> Reply:
    path = Path(urllib.request.url2pathname(urlsplit(url).path))
    try:
        # without O_NONBLOCK a FIFO would keep whoever opens it waiting
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", getattr(os, "O_BINARY", 0)))
    except OSError as error:
        raise WeightsMissing(f"cannot be read: {error.strerror}.", path=path) from error
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise WeightsRefused("not a regular file.", path=path)
    file = os.fdopen(handle, "rb")
    begin = start if start <= facts.st_size else 0
    file.seek(begin)
    return Reply(
        status=206 if begin else 200,
        body=file,
        start=begin,
        total=facts.st_size,
        self_ending=False,
        validator=f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"',
        kind="",
    )


def _range(text: str) -> tuple[int, int | None]:
    """First byte and whole length of a Content-Range: ``bytes 5-9/10``, ``bytes */10``."""
    unit, _, rest = text.strip().partition(" ")
    span, _, total = rest.partition("/")
    first = _number(span.partition("-")[0])
    return (first if unit == "bytes" and first is not None else -1), _number(total)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isascii() and text.strip().isdigit() else None


def waiting_time(text: str | None) -> float | None:
    """Retry-After, seconds or a date, as seconds from now."""
    if text is None:
        return None
    if (seconds := _number(text)) is not None:
        return float(seconds)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
