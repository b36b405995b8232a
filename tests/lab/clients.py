"""The clients of the load: each sends one request at a time, never a second time, and says which release answered."""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

TIMEOUT_SECONDS = 20.0
SWITCHING_PROTOCOLS = 101
SERVICE_RESTART = 1012  # RFC 6455's registry of close codes: the service restarts, come again
CUT = 1006  # the same: no close frame came
SENT_AGAIN = "it had to be sent"
RELEASE_HEADER = "x-notes-release"  # the notes example says it in every answer; /health does so in its body, too
SLOT_HEADER = "x-notes-slot"
NOTE = json.dumps({"text": "sent by the load"}).encode()


class WrongAnswerError(Exception):
    """An answer came, but not the one that must come."""


class StatusError(WrongAnswerError):
    """The answer has another status than it must have."""

    def __init__(self, status: int, expected: int, headers: Mapping[str, str] | http.client.HTTPMessage):
        super().__init__(f"status {status} instead of {expected}")
        self.status, self.headers = status, headers


ERRORS = (
    WrongAnswerError,
    OSError,
    ValueError,
    KeyError,
    http.client.HTTPException,
    httpx.HTTPError,
    WebSocketException,
)


@dataclass(frozen=True)
class Answer:
    """A good answer: the release that gave it, and the slot where it says that; `closed` is the code with which a
    WebSocket was closed instead.
    """

    release: str
    closed: int = 0
    slot: str = ""


@dataclass(frozen=True)
class Target:
    """A site: the name that it must prove to have, and where it is reached."""

    name: str
    address: str
    ca_file: Path
    port: int = 443

    def trust(self) -> ssl.SSLContext:
        """Return a context for one client, which may set its protocols in it."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def reach(self) -> socket.socket:
        """Open a connection to the site, without TLS yet."""
        connection = socket.create_connection((self.address, self.port), timeout=TIMEOUT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


class Client(Protocol):
    """What sends requests, one after another."""

    def request(self) -> Answer:
        """Send one request and return its good answer, or raise one of ERRORS."""

    def close(self) -> None:
        """End the connection, if one is open; the next request opens another."""


def _answer(status: int, expected: int, headers: Mapping[str, str] | http.client.HTTPMessage, body: bytes) -> Answer:
    if status != expected:
        raise StatusError(status, expected, headers)
    return Answer(headers.get(RELEASE_HEADER) or str(json.loads(body)["release"]), slot=headers.get(SLOT_HEADER) or "")


class KeptConnection:
    """HTTP/1.1 over one connection, as the strictest client has it: what the server closed without a word is a failure.

    It is the standard library's client, because that sends on the connection that it has; others look first whether it
    is still open, and quietly open a new one.
    """

    def __init__(self, target: Target, method: str, path: str):
        self._target, self._method, self._path, self._trust = target, method, path, target.trust()
        self._body = NOTE if method == "POST" else None
        self._expected = 201 if method == "POST" else 200
        self._connection = http.client.HTTPConnection(target.name, timeout=TIMEOUT_SECONDS)

    def request(self) -> Answer:
        """See Client."""
        if self._connection.sock is None:
            self._connection.sock = self._trust.wrap_socket(self._target.reach(), server_hostname=self._target.name)
        headers = {"Content-Type": "application/json"} if self._body else {}
        self._connection.request(self._method, self._path, self._body, headers)
        response = self._connection.getresponse()
        body = response.read()
        answer = _answer(response.status, self._expected, response.headers, body)
        self.look_at(body)
        return answer

    def look_at(self, body: bytes) -> None:
        """Raise WrongAnswerError where a good answer is another request's."""

    def close(self) -> None:
        """See Client."""
        self._connection.close()


class Attentive(KeptConnection):
    """The same as most clients have it: they look first whether it was closed, and open another then."""

    def request(self) -> Answer:
        """See Client."""
        if self._connection.sock and select.select([self._connection.sock], [], [], 0)[0]:
            self.close()
        return super().request()


class NewConnection(KeptConnection):
    """HTTP/1.1 with a connection, and a TLS handshake, for each request."""

    def request(self) -> Answer:
        """See Client."""
        try:
            return super().request()
        finally:
            self.close()


class Http2:
    """HTTP/2 over one connection. A request that httpx sends a second time (after a GOAWAY) is a failure."""

    def __init__(self, target: Target, path: str):
        self._target, self._trust = target, target.trust()
        self._url = f"https://{target.address}:{target.port}{path}"
        self._client = self._open()

    def _open(self) -> httpx.Client:
        return httpx.Client(http1=False, http2=True, verify=self._trust, timeout=TIMEOUT_SECONDS, trust_env=False)

    def request(self) -> Answer:
        """See Client."""
        sent = 0

        def trace(event: str, _details: Mapping[str, Any]) -> None:
            nonlocal sent
            sent += event == "http2.send_request_headers.started"

        response = self._client.get(
            self._url,
            headers={"Host": self._target.name},
            extensions={"sni_hostname": self._target.name, "trace": trace},
        )
        if sent != 1:
            raise WrongAnswerError(f"{SENT_AGAIN} {sent} times")
        return _answer(response.status_code, 200, response.headers, response.content)

    def close(self) -> None:
        """See Client."""
        self._client.close()
        self._client = self._open()


class Echo:
    """A WebSocket that gets back what it sends; closed with 1012, it comes again at once, and must be let in.

    One that is cut without a word, which Nginx does a minute after a reload, comes again, too, if it was open for
    `cut_after_seconds`; without these it is a failure.
    """

    def __init__(self, target: Target, cut_after_seconds: float | None = None):
        self._cut_after_seconds, self._opened = cut_after_seconds, 0.0
        self._target, self._trust = target, target.trust()
        # With TLS 1.3 the server's session tickets come as the request is sent. The library reads and writes in two
        # threads, which OpenSSL does not bear: on loopback one of 300 connections broke, of 4400 by TLS 1.2 none.
        self._trust.maximum_version = ssl.TLSVersion.TLSv1_2
        self._connection: ClientConnection | None = None
        self._release = ""
        self._sent = 0

    def request(self) -> Answer:
        """See Client; to be closed so is a good answer, too, provided that a new connection is made at once."""
        if self._connection is None:
            self._connect()
        assert self._connection is not None
        self._sent += 1
        try:
            self._connection.send(str(self._sent))
            echo = self._connection.recv(timeout=TIMEOUT_SECONDS)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else CUT
            if code != SERVICE_RESTART and not (code == CUT and self._was_open_for_long()):
                raise
            self._connect()
            return Answer(self._release, closed=code)
        if echo != str(self._sent):
            raise WrongAnswerError(f"sent {self._sent}, got {echo!r}")
        return Answer(self._release)

    def _connect(self) -> None:
        try:
            self._connection = connect(
                f"wss://{self._target.name}/ws",
                sock=self._target.reach(),
                ssl=self._trust,
                server_hostname=self._target.name,
                open_timeout=TIMEOUT_SECONDS,
                proxy=None,
                legacy=True,  # the connection itself, not a context manager
            )
        except InvalidStatus as refused:
            answer = refused.response
            raise StatusError(answer.status_code, SWITCHING_PROTOCOLS, dict(answer.headers.raw_items())) from None
        self._opened = time.monotonic()
        response = self._connection.response
        # granian does not send on what an application adds to this answer.
        self._release = response.headers.get(RELEASE_HEADER, "") if response else ""

    def _was_open_for_long(self) -> bool:
        least = self._cut_after_seconds
        return least is not None and time.monotonic() - self._opened >= least

    def close(self) -> None:
        """See Client."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
