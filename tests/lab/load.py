"""A steady load of real clients on a lab site over TLS, its certificate verified, that counts every request.

Nothing is sent twice: a request that is not answered as it must be is a failure, with its time, kind and reason. What
is sent, how fast and for how long is bounded. It knows the routes of the notes example.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from benchmarks.relay import relay
from tests.lab import clients
from tests.lab.clients import Answer, Client, Target

MOST_SECONDS = 2400
MOST_REQUESTS = 100_000


@dataclass(frozen=True)
class Kind:
    """One kind of traffic: how many clients, and how long each waits from one request to the next."""

    clients: int
    interval_seconds: float
    open: Callable[[Target], Client]


KEEP_ALIVE_GET, KEEP_ALIVE_POST, NEW_CONNECTION = "keep-alive GET", "keep-alive POST", "new connection"
HTTP_2, FIVE_SECONDS, WEBSOCKET = "HTTP/2", "5 s", "WebSocket"

# About 65 requests a second: enough that a switch of some milliseconds meets one, and bearable for two cores that run
# the machine, the proxy, two slots and this.
EVERYTHING: Mapping[str, Kind] = {
    KEEP_ALIVE_GET: Kind(2, 0.08, lambda target: clients.KeptConnection(target, "GET", "/health")),
    KEEP_ALIVE_POST: Kind(1, 0.15, lambda target: clients.KeptConnection(target, "POST", "/notes")),
    NEW_CONNECTION: Kind(1, 0.2, lambda target: clients.NewConnection(target, "GET", "/health")),
    HTTP_2: Kind(1, 0.06, lambda target: clients.Http2(target, "/health")),
    FIVE_SECONDS: Kind(3, 5.1, lambda target: clients.KeptConnection(target, "GET", "/slow?seconds=5")),
    WEBSOCKET: Kind(1, 0.2, clients.Echo),
}
PROBE: Mapping[str, Kind] = {NEW_CONNECTION: replace(EVERYTHING[NEW_CONNECTION], interval_seconds=0.1)}


@dataclass(frozen=True)
class Failure:
    """A request that was not answered as it must be; `at` is in seconds since the epoch, when it was sent.

    `idle_seconds` is how long before that its client had sent the one before it.
    """

    at: float
    kind: str
    reason: str
    idle_seconds: float = 0.0

    def __str__(self) -> str:
        at = f"{time.strftime('%H:%M:%S', time.gmtime(self.at))}.{self.at % 1 * 1000:03.0f}"
        return f"{at} {self.kind}, {self.idle_seconds:.2f} s after its last: {self.reason}"


@dataclass
class Report:
    """What a load has seen up to now: good answers by kind, failures, and which release gave each answer.

    `closed` counts WebSockets that were closed, by code; `began` is when the first good answer was asked for.
    """

    answered: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    releases: dict[str, list[str]] = field(default_factory=dict)
    closed: Counter[int] = field(default_factory=Counter)
    began: float | None = None

    def served(self, kind: str) -> list[str]:
        """Return the releases that answered requests of this kind, in their order, each change once."""
        return [release for release, _ in itertools.groupby(self.releases.get(kind, []))]

    @property
    def lost(self) -> list[Failure]:
        """Return the failures of a site that had answered before."""
        return [failure for failure in self.failures if self.began and failure.at > self.began]

    def __str__(self) -> str:
        total = sum(self.answered.values())
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.answered.items()))
        lines = [f"{len(self.failures)} failed, {total} answered ({kinds}); WebSockets closed: {dict(self.closed)}"]
        return "\n".join(lines + [str(failure) for failure in self.failures[:30]])


def reason(error: BaseException) -> str:
    """Return what is told of a failed request, for people and for the rows of tests/lab/routines.py."""
    cause = f" ({reason(error.__cause__)})" if error.__cause__ else ""
    return f"{type(error).__name__}: {error}{cause}"


class Load:
    """The clients, each in a thread of its own, from `start` to `stop`."""

    def __init__(self, target: Target, kinds: Mapping[str, Kind] = EVERYTHING):
        self.report = Report()
        self._target = target
        self._ends = time.monotonic() + MOST_SECONDS
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._left = MOST_REQUESTS
        self._threads = [
            threading.Thread(target=self._send, args=(name, kind, number / kind.clients), daemon=True)
            for name, kind in kinds.items()
            for number in range(kind.clients)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and return when the last request is answered."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(clients.TIMEOUT_SECONDS + 5)
        assert not any(thread.is_alive() for thread in self._threads)

    def _send(self, name: str, kind: Kind, offset: float) -> None:
        """Send requests of one kind one after another, evenly spaced; a late one is not made up for."""
        client = kind.open(self._target)
        before = 0.0
        due = time.monotonic() + offset * kind.interval_seconds
        while not self._stopped.wait(max(0.0, due - time.monotonic())) and self._one_more():
            due = max(due + kind.interval_seconds, time.monotonic())
            at = time.time()
            idle, before = at - (before or at), at
            try:
                self._note(name, client.request(), at)
            except clients.ERRORS as error:
                with self._lock:
                    self.report.failures.append(Failure(at, name, reason(error), idle))
                client.close()
        client.close()

    def _one_more(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0 and time.monotonic() < self._ends

    def _note(self, name: str, answer: Answer, at: float) -> None:
        with self._lock:
            self.report.began = self.report.began or at
            if answer.closed:
                self.report.closed[answer.closed] += 1
            else:
                self.report.answered[name] += 1
                self.report.releases.setdefault(name, []).append(answer.release)


@contextmanager
def load(target: Target, kinds: Mapping[str, Kind] = EVERYTHING) -> Iterator[Report]:
    """Send the load while the block runs; the report grows meanwhile and is complete after it."""
    running = Load(target, kinds)
    running.start()
    try:
        yield running.report
    finally:
        running.stop()


@contextmanager
def from_afar(target: Target, round_trip_seconds: float = 0.05) -> Iterator[Target]:
    """Yield the same site as it is reached over a line with this round trip."""
    with relay(target.address, target.port, round_trip_seconds) as port:
        yield replace(target, address="127.0.0.1", port=port)
