"""Real servers on loopback for the tests of this folder."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# In the place of a status: no answer before the server ends.
SILENCE = 0


class Server(http.server.ThreadingHTTPServer):
    """Answers with the statuses that it was given, the last one again and again, and notes the requests' headers."""

    def __init__(self, statuses: list[int]):
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = statuses
        self.requests: list[dict[str, str]] = []
        self.ended = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append({"path": self.path, **{key.lower(): value for key, value in self.headers.items()}})
        statuses = self.server.statuses
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        if status == SILENCE:
            self.server.ended.wait()
            return
        self.send_response(status)
        self.send_header("Location", "https://elsewhere.test/")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def answering(*statuses: int) -> Iterator[Server]:
    """Run a server that answers with `statuses` in turn."""
    server = Server(list(statuses))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
