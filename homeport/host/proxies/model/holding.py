"""Where a request waits that Nginx or Caddy could not bring to its application, since that accepts no connections.

They ask here with a request of their own (templates/nginx/hold.conf, caddy/site.caddy); the client's stays there, where
nothing of it was sent. As soon as the live slot accepts connections, the answer has the proxy send it, for the first
time; after the site's `hold_seconds` it has it tell the client to come again. systemd starts this with the first of
them and lends it the socket, which only the proxy may use; it ends when nothing has waited for a while. It runs as a
user of its own.
"""

from __future__ import annotations

import contextlib
import re
import resource
import selectors
import socket
import time
from pathlib import Path
from typing import NamedTuple

from ...system.layout import BLUE, GREEN, Layout

# systemd's first descriptor (sd_listen_fds(3), SD_LISTEN_FDS_START).
FIRST_DESCRIPTOR = 3
IDLE_SECONDS = 30.0
# How often is looked whether a slot accepts, once for all that wait for it.
POLL_SECONDS = 0.05
# On loopback an answer comes at once, unless the queue of the listener is full.
CONNECT_SECONDS = 0.02
# Of all sites together; what comes then stays in the socket's queue. A site has 1024 (templates/nginx/hold_http.conf).
MOST_WAITING, OTHER_FILES = 4096, 64
# Of a question, with the headers of the client's that Caddy has in it (templates/caddy/Caddyfile: 32 KB).
MOST_BYTES = 40_960
HEAD_SECONDS = 5.0
UNAVAILABLE = "@homeport_unavailable"
ASKED = re.compile(
    rb"\r\nX-Homeport-Hold: ([a-z][a-z0-9-]{0,30}) (\d{1,3}) (\d{1,5}) (\d{1,5}) (@homeport_[a-z0-9_]+)"
    rb"(?: (\d{1,4}))?\r\n"
)


class Asked(NamedTuple):
    """What Nginx asks: for which application, for how many seconds, its ports, and which location sends the request.

    There is one for each slot, with its name at the end. What was sent before waits for `pause` milliseconds at least.
    """

    app: str
    seconds: int
    blue: int
    green: int
    again: str
    pause: int


class Waiting:
    """A connection of Nginx's: what came of its question, and since and until when (monotonic times) it waits."""

    def __init__(self, since: float):
        self.since, self.ends = since, since + HEAD_SECONDS
        self.head = b""
        self.asked: Asked | None = None


def parse(head: bytes) -> Asked | None:
    """Return what the whole head of a request of Nginx's asks; None for anything else."""
    found = ASKED.search(head)
    if not found:
        return None
    app, seconds, blue, green, again, pause = (one.decode() for one in found.groups(b"0"))
    return Asked(app, int(seconds), int(blue), int(green), again, int(pause))


def answer(location: str) -> bytes:
    """Return the answer that has Nginx go on in one of its locations."""
    return f"HTTP/1.0 200 OK\r\nX-Accel-Redirect: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def accepts(port: int) -> bool:
    """Tell whether somebody accepts connections on a port of this machine."""
    with socket.socket() as connection:
        connection.settimeout(CONNECT_SECONDS)
        return connection.connect_ex(("127.0.0.1", port)) == 0


def _is_held(layout: Layout) -> bool:
    """Tell whether the slot accepts connections and is not to get any (host/proxies/held.py)."""
    try:
        return float(layout.held.read_text()) > time.time()
    except (OSError, ValueError):
        return False


class Room:
    """Everybody who waits, on one thread. `root` is `/` on a host."""

    def __init__(self, listener: socket.socket, root: Path = Path("/"), most: int = MOST_WAITING):
        self._listener, self._root, self._most = listener, root, most
        self._selector = selectors.DefaultSelector()
        self._waiting: dict[socket.socket, Waiting] = {}
        self._looked = 0.0
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)

    def serve(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Let them wait, and return when nobody has for `idle_seconds`."""
        used = time.monotonic()
        while self._waiting or time.monotonic() - used < idle_seconds:
            timeout = POLL_SECONDS if self._waiting else idle_seconds
            for key, _ in self._selector.select(timeout):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket):
                    self._read(key.fileobj)
            if self._waiting:
                used = time.monotonic()
                self._look()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while len(self._waiting) < self._most:
                connection, _ = self._listener.accept()
                connection.setblocking(False)
                self._waiting[connection] = Waiting(time.monotonic())
                self._selector.register(connection, selectors.EVENT_READ)
            self._selector.unregister(self._listener)

    def _read(self, connection: socket.socket) -> None:
        """Take a part of the question in; whoever sends anything else, or goes away, is let go."""
        one = self._waiting[connection]
        try:
            data = connection.recv(MOST_BYTES)
        except OSError:
            data = b""
        one.head += data
        if not data or one.asked or len(one.head) > MOST_BYTES:
            self._let_go(connection)
        elif one.head.endswith(b"\r\n\r\n"):
            one.asked, one.head = parse(one.head), b""
            if one.asked is None:
                self._let_go(connection)
            else:
                one.ends = one.since + one.asked.seconds

    def _look(self) -> None:
        """Answer all whose slot accepts connections, or whose time is over."""
        now = time.monotonic()
        if now - self._looked < POLL_SECONDS:
            return
        self._looked = now
        live: dict[Asked, str] = {}
        for asked in {one.asked for one in self._waiting.values() if one.asked}:
            layout = Layout(asked.app, self._root)
            if _is_held(layout):
                continue
            slot = GREEN if layout.flag.exists() else BLUE
            if accepts(asked.green if slot == GREEN else asked.blue):
                live[asked] = slot
        for connection, one in list(self._waiting.items()):
            if one.asked in live and now >= one.since + one.asked.pause / 1000:
                self._let_go(connection, answer(f"{one.asked.again}_{live[one.asked]}"))
            elif now >= one.ends:
                self._let_go(connection, answer(UNAVAILABLE) if one.asked else b"")

    def _let_go(self, connection: socket.socket, data: bytes = b"") -> None:
        full = len(self._waiting) >= self._most
        del self._waiting[connection]
        self._selector.unregister(connection)
        with contextlib.suppress(OSError):
            connection.send(data)
        connection.close()
        if full:
            self._selector.register(self._listener, selectors.EVENT_READ)


def run() -> None:
    """Serve on the socket that systemd has opened."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    Room(socket.socket(fileno=FIRST_DESCRIPTOR), most=min(MOST_WAITING, files - OTHER_FILES)).serve()
