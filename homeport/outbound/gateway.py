"""An HTTP proxy without a port: it serves the connections that it is given, and none without the password.

It reads the head of what is asked for, opens the way, and from then on passes bytes. TLS is between the host and the
place that it wants: nothing of that is seen, or could be changed, here.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Protocol

from homeport.errors import HomeportError
from homeport.outbound.http_heads import END, LONGEST_HEAD_BYTES, Head, Place, answer, last_answer, parse
from homeport.outbound.routes import NoRouteError, Route, open_route

USER = "homeport"
PASSWORD_BYTES = 24
# Time-out for a client that connects and sends nothing, as another account of the host could do many times.
HEAD_SECONDS = 15.0
# pip and uv open up to 50 at once (uv, UV_CONCURRENT_DOWNLOADS), beside those of others that wait to be turned away.
MOST_CONNECTIONS = 200
BLOCK_BYTES = 32 * 1024


class Connection(Protocol):
    """The common methods of paramiko's channels and of sockets."""

    def recv(self, size: int, /) -> bytes:
        """Return what there is; nothing at the end."""

    def sendall(self, data: bytes, /) -> None:
        """Send all of it."""

    def settimeout(self, seconds: float | None, /) -> None:
        """Have what waits longer fail."""

    def close(self) -> None:
        """End it."""


class Gateway:
    """Serves connections of one host, for one command. `private` names what may be reached that is not public."""

    def __init__(self, private: Collection[str] = (), *, route: Callable[[Place, Collection[str]], Route] = open_route):
        self.password = secrets.token_urlsafe(PASSWORD_BYTES)
        self._private = private
        self._route = route
        self._problems: dict[Place, HomeportError] = {}
        self._open: set[Any] = set()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def problem(self) -> HomeportError | None:
        """Return why a place was not reached that nobody has reached since; None when all were."""
        return next(iter(self._problems.values()), None)

    def shown(self, line: str) -> str:
        """Return a line of a command's output as people see it: no password, and errors with what was not reached.

        The host's programs say no more than that their proxy does not lead on, or less. But the error may have another
        cause (a build asked for a place that it can do without), so that theirs stays.
        """
        line = line.replace(self.password, "****")
        besides = f"; besides, {self.problem.line()}" if self.problem and line.startswith("error: ") else ""
        return f"{line.rstrip()}{besides}" if besides else line

    def accept(self, connection: Connection, *_: object) -> None:
        """Serve a connection, beside whatever else is going on."""
        with self._lock:
            refused = self._closed or len(self._open) >= MOST_CONNECTIONS
            if not refused:
                self._open.add(connection)
        if refused:
            connection.close()
            return
        threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """End all connections, and accept no more."""
        with self._lock:
            self._closed, still = True, tuple(self._open)
        for one in still:
            _end(one)

    def _serve(self, connection: Connection) -> None:
        try:
            connection.settimeout(HEAD_SECONDS)
            self._answer(connection)
        except (OSError, EOFError):
            pass  # one of the two has gone away
        finally:
            _end(connection)
            with self._lock:
                self._open.discard(connection)

    def _answer(self, connection: Connection) -> None:
        head, rest = _read_head(connection)
        if head is None:
            connection.sendall(answer(400, "Bad Request"))
        elif not head.is_from(USER, self.password):
            words = "Proxy Authentication Required"
            connection.sendall(answer(407, words, 'Proxy-Authenticate: Basic realm="homeport"'))
        else:
            try:
                place, content = head.place, head.content_bytes
            except ValueError as error:
                connection.sendall(answer(400, str(error)))
                return
            self._lead(connection, head, place, rest, content)

    def _lead(self, connection: Connection, head: Head, place: Place, rest: bytes, content: int) -> None:
        try:
            route = self._route(place, self._private)
        except NoRouteError as error:
            self._problems[place] = error
            connection.sendall(answer(502, error.problem))
            return
        self._problems.pop(place, None)
        with self._lock:
            self._open.add(route.connection)
            closed = self._closed
        try:
            if closed:
                return
            connection.settimeout(None)
            route.connection.settimeout(None)
            if place.tunnel:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                route.connection.sendall(rest)
                _both_ways(connection, route.connection)
            else:
                passed = head.passed_on(absolute=route.by_proxy, authorization=route.authorization)
                route.connection.sendall(passed)
                _pass_content(connection, route.connection, rest, content)
                # Who asks on, or goes away, ends this one: a server may leave its connection open all the same.
                threading.Thread(target=_end_with, args=(connection, route.connection), daemon=True).start()
                connection.sendall(_answer_head(route.connection))
                _pass(route.connection, connection)
        finally:
            _end(route.connection)
            with self._lock:
                self._open.discard(route.connection)


def _read_head(connection: Connection) -> tuple[Head | None, bytes]:
    """Return a request's head (None when there is no valid one), and the bytes after it."""
    data = b""
    while END not in data:
        more = connection.recv(BLOCK_BYTES)
        data += more
        if not more or len(data) > LONGEST_HEAD_BYTES:
            return None, b""
    head, _, rest = data.partition(END)
    try:
        return parse(head), rest
    except ValueError:
        return None, b""


def _pass_content(source: Connection, target: Connection, rest: bytes, content: int) -> None:
    """Pass on the content of one request, and nothing of another one that was sent right after it."""
    left = content
    data = rest[:left]
    while left:
        target.sendall(data)
        left -= len(data)
        if left:
            data = source.recv(min(left, BLOCK_BYTES))
            if not data:
                return


def _answer_head(source: Connection) -> bytes:
    """Return the head of an answer, and what came with it, as that of a connection's last one."""
    data = b""
    while END not in data and len(data) <= LONGEST_HEAD_BYTES:
        more = source.recv(BLOCK_BYTES)
        if not more:
            return data
        data += more
    head, end, rest = data.partition(END)
    return last_answer(head) + end + rest


def _end_with(client: Connection, server: Connection) -> None:
    with suppress(OSError, EOFError):
        client.recv(1)
    _end(server)


def _both_ways(one: Connection, other: Connection) -> None:
    back = threading.Thread(target=_pass, args=(other, one), daemon=True)
    back.start()
    _pass(one, other)
    back.join()


def _pass(source: Connection, target: Any) -> None:
    """Pass bytes on until there are no more, and tell the other side so."""
    with suppress(OSError, EOFError):
        while data := source.recv(BLOCK_BYTES):
            target.sendall(data)
    with suppress(OSError, EOFError):
        # A channel of paramiko has a name of its own for it.
        target.shutdown_write() if hasattr(target, "shutdown_write") else target.shutdown(1)


def _end(connection: Any) -> None:
    with suppress(OSError, EOFError):
        # Whoever waits for it in another thread is woken.
        connection.shutdown(2)
    with suppress(OSError, EOFError):
        connection.close()
