"""The clients of a soak: those of the tests' load, each in a thread of its own, with every request recorded."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.soak import faults
from benchmarks.soak.history import Recorder, Request
from tests.lab import clients
from tests.lab.clients import Client, KeptConnection, StatusError, Target, WrongAnswerError

CLIENTS: Mapping[str, int] = {
    faults.GET: 2,
    faults.IDLE_GET: 1,
    faults.SLOW_GET: 1,
    faults.POST: 2,
    faults.NEW: 1,
    faults.HTTP_2: 1,
    faults.WEBSOCKET: 1,
}
SLOW_SECONDS = 3


class Write(KeptConnection):
    """Keeps a note of its own each time, and looks whether the answer is about that one."""

    def __init__(self, target: Target, name: str):
        super().__init__(target, "POST", "/notes")
        self.name, self.number, self.note = name, 0, ""

    def request(self) -> clients.Answer:
        """See Client."""
        self.number += 1
        self.note = f"{self.name} {self.number}"
        self._body = json.dumps({"text": self.note}).encode()
        return super().request()

    def look_at(self, body: bytes) -> None:
        """See KeptConnection."""
        if (answered := json.loads(body)["text"]) != self.note:
            raise WrongAnswerError(f"the answer is about {answered!r}, not about {self.note!r}")


OPEN: Mapping[str, Callable[[Target, str], Client]] = {
    faults.GET: lambda target, _: KeptConnection(target, "GET", "/health"),
    faults.IDLE_GET: lambda target, _: KeptConnection(target, "GET", "/health"),
    faults.SLOW_GET: lambda target, _: KeptConnection(target, "GET", f"/slow?seconds={SLOW_SECONDS}"),
    faults.POST: Write,
    faults.NEW: lambda target, _: clients.NewConnection(target, "GET", "/health"),
    faults.HTTP_2: lambda target, _: clients.Http2(target, "/health"),
    faults.WEBSOCKET: lambda target, _: clients.Echo(target),
}


@dataclass
class Load:
    """Everybody who asks while the soak goes on, so many times less often; `sent` counts by client."""

    target: Target
    recorder: Recorder
    slowness: float = 1.0
    sent: dict[str, int] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        names = [(kind, f"{kind} {number}") for kind, count in CLIENTS.items() for number in range(1, count + 1)]
        self.threads = [threading.Thread(target=self._ask, args=one, daemon=True) for one in names]

    def stop(self) -> None:
        """End, and return when the last request has ended."""
        self.stopped.set()
        for thread in self.threads:
            thread.join(2 * clients.TIMEOUT_SECONDS)

    def _ask(self, kind: str, name: str) -> None:
        """Send one request after another, evenly spaced; a late one is not made up for."""
        client, due = OPEN[kind](self.target, f"{self.recorder.mark} {name}"), time.monotonic()
        while not self.stopped.wait(max(0.0, due - time.monotonic())):
            due = max(due + faults.INTERVALS[kind] * self.slowness, time.monotonic())
            self.sent[name] = self.sent.get(name, 0) + 1
            self.recorder.request(ask(client, name, self.sent[name], self.recorder.now))
        client.close()


def ask(client: Client, name: str, number: int, now: Callable[[], float]) -> Request:
    """Send one request, and return how it ended."""
    sent = now()
    try:
        answer = client.request()
    except clients.ERRORS as error:
        ended = now()
        client.close()
        status, headers = (error.status, error.headers) if isinstance(error, StatusError) else (0, {})
        problem = f"{type(error).__name__}: {error}"
        retry = "retry-after" in {key.lower() for key in headers}
        return Request(name, number, sent, ended, status, "", "", _note(client), problem, retry)
    status = clients.SERVICE_RESTART if answer.closed else 200
    return Request(name, number, sent, now(), status, answer.release, answer.slot, _note(client))


def _note(client: Client) -> str:
    return client.note if isinstance(client, Write) else ""


@contextmanager
def load(target: Target, recorder: Recorder, slowness: float = 1.0) -> Iterator[Load]:
    """Have everybody ask while the block runs."""
    running = Load(target, recorder, slowness)
    for thread in running.threads:
        thread.start()
    try:
        yield running
    finally:
        running.stop()
