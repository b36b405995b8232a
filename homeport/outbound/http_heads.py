"""The head of a request to an HTTP proxy: what is asked for, by whom, and what is passed on of it. Pure.

Two forms are known (RFC 9110, 7.6 and 9.3.6; RFC 9112, 3.2): CONNECT to a host and port, and the absolute address of
a page without TLS.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

END = b"\r\n\r\n"
# Enough for what package managers send, an index's token among it; Nginx takes 32 KB by default.
LONGEST_HEAD_BYTES = 64 * 1024
# What speaks of one connection alone (RFC 9110, 7.6.1), a wish for an interim answer, and the password for us.
OF_A_CONNECTION = frozenset(
    ("connection", "expect", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "upgrade")
)


@dataclass(frozen=True)
class Place:
    """Where a connection is to lead; a tunnel is led there as it is, and of anything else each request is read."""

    host: str
    port: int
    tunnel: bool = True

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True)
class Head:
    """A request without its content: `target` as it stands, and each header's name and value."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def value(self, name: str) -> str:
        """Return a header's value; "" when it is not there."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def content_bytes(self) -> int:
        """Return how much content follows; raise ValueError where only the content itself would tell."""
        if self.value("transfer-encoding"):
            raise ValueError("content without a length is not passed on")
        length = self.value("content-length") or "0"
        if not (length.isascii() and length.isdigit()):
            raise ValueError("its Content-Length is not a number")
        return int(length)

    @property
    def place(self) -> Place:
        """Return where it is to go; raise ValueError for what is no request to a proxy."""
        tunnel = self.method == "CONNECT"
        parts = urlsplit(f"//{self.target}" if tunnel else self.target)
        port = parts.port or (0 if tunnel else 80)
        if not parts.hostname or not port or (not tunnel and parts.scheme != "http"):
            raise ValueError("it is not a request to a proxy")
        return Place(parts.hostname, port, tunnel)

    def is_from(self, user: str, password: str) -> bool:
        """Tell whether it bears this user's name and password (RFC 7617)."""
        wanted = base64.b64encode(f"{user}:{password}".encode()).decode()
        kind, _, given = self.value("proxy-authorization").partition(" ")
        return kind.lower() == "basic" and hmac.compare_digest(given.strip().encode(), wanted.encode())

    def passed_on(self, *, absolute: bool, authorization: str = "") -> bytes:
        """Return it as the next one gets it: `absolute` for another proxy, with what that one wants to see.

        The answer is the connection's last one, so that nobody here has to know where it ends.
        """
        parts = urlsplit(self.target)
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        rows = [(name, value) for name, value in self.headers if name.lower() not in OF_A_CONNECTION]
        rows += [("Connection", "close"), *([("Proxy-Authorization", authorization)] if authorization else [])]
        lines = [f"{self.method} {self.target if absolute else path} HTTP/1.1", *(": ".join(row) for row in rows)]
        return "\r\n".join(lines).encode("latin-1") + END


def parse(data: bytes) -> Head:
    """Return the head in these bytes; raise ValueError when they are not one."""
    first, *lines = data.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, _, rest = first.partition(" ")
    target, _, version = rest.partition(" ")
    if version not in ("HTTP/1.1", "HTTP/1.0") or not method.isalpha() or not target:
        raise ValueError("it is not an HTTP request")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or any(one in line for one in "\r\n\0"):
            raise ValueError("it has a line that is not a header")
        headers.append((name, value.strip()))
    return Head(method, target, tuple(headers))


def connect(place: Place, authorization: str = "") -> bytes:
    """Return the request for a tunnel, for another proxy."""
    more = f"Proxy-Authorization: {authorization}\r\n" if authorization else ""
    return f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{more}\r\n".encode("latin-1")


def last_answer(head: bytes) -> bytes:
    """Return the head of a server's answer with the note that no other one follows on this connection."""
    first, *lines = head.split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower().decode("latin-1") not in OF_A_CONNECTION]
    return b"\r\n".join([first, *kept, b"Connection: close"])


def answer(status: int, words: str, *headers: str) -> bytes:
    """Return an answer of our own: its words are in the status line, where apt and pip show them."""
    plain = " ".join(words.encode("ascii", "replace").decode().split())
    lines = [f"HTTP/1.1 {status} {plain}", "Connection: close", "Content-Length: 0", *headers]
    return "\r\n".join(lines).encode() + END
