"""Who may talk to the review server: this machine's browser, with the token, from its own page.

A web page from elsewhere can make a browser send requests to 127.0.0.1, and by DNS rebinding it
can even read the answers. So every request must name this server as its host, and carry the
token that was printed (in the address once, in a cookie from then on); whatever changes something
must come from a page of this very origin.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from email.message import Message

NAMES = ("127.0.0.1", "localhost")
"""What a browser may call this machine. No name server is asked for either."""


@dataclass(frozen=True)
class Gate:
    """The keeper of one server."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def cookie(self) -> str:
        """The cookie's name: cookies are shared by all ports of a host."""
        return f"vta-review-{self.port}"

    @property
    def address(self) -> str:
        """Where the page is, token included: a secret."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    def set_cookie(self) -> str:
        """The header's value that a browser with the token is given."""
        return f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"

    def knows(self, token: str) -> bool:
        """Whether a token is the right one, in a time that does not tell how much of it is."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def refusal(self, headers: Message, *, changes: bool, entering: bool = False) -> str:
        """Why a request is refused, or nothing. ``changes``: it is no mere reading.
        ``entering``: it brings the token in its address, and is answered by a cookie alone."""
        host = headers.get("Host", "")
        if host not in {f"{name}:{self.port}" for name in NAMES}:
            return "This server goes by the name 127.0.0.1 alone."
        origin = headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            return "Another page asked."
        if changes and origin is None:
            return "It is not said which page asked."
        site = headers.get("Sec-Fetch-Site", "none")
        if site not in ("same-origin", "none") and not entering:
            return "Another page asked."
        if not entering and not self.knows(_cookie(headers.get("Cookie", ""), self.cookie)):
            return "Open the address that vta review has printed, with its token."
        return ""


def _cookie(header: str, name: str) -> str:
    # not http.cookies, which gives up at the first odd cookie; those of every server that this
    # machine ever had on 127.0.0.1 come along
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return next((value for key, _, value in pairs if key == name), "")
