"""The kinds of faults: how often each comes, what it may cost whom, and how soon the site is back. Pure data.

What a fault may cost is what the documentation promises, never what was seen. Seconds are those of a quiet machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GET, IDLE_GET, SLOW_GET, POST = "keep-alive GET", "idle GET", "slow GET", "keep-alive POST"
NEW, HTTP_2, WEBSOCKET = "new connection", "HTTP/2", "WebSocket"
# How long a client of each kind waits from one request to the next: so late it notices that its connection has ended.
INTERVALS: Mapping[str, float] = {
    GET: 0.15,
    IDLE_GET: 5.0,
    SLOW_GET: 3.2,
    POST: 0.3,
    NEW: 0.4,
    HTTP_2: 0.25,
    WEBSOCKET: 0.5,
}
EVERYBODY = frozenset(INTERVALS)
KEPT = EVERYBODY - {NEW}
BUSY = frozenset({GET, POST, NEW})
# The health path goes on answering in maintenance; an open WebSocket stays open.
CLOSED_IN_MAINTENANCE = frozenset({POST, SLOW_GET, WEBSOCKET})
# A worker of Nginx that was told to end does so after this time at the latest (worker_shutdown_timeout).
SHUTDOWN_SECONDS = 60.0


@dataclass(frozen=True)
class Cost:
    """What a fault may cost clients of these kinds, of what was under way between its begin and its end.

    `each`: at most so many requests of one client (None: any number, while it is down). `linger_seconds`: the end
    counts so much later. `span_seconds`: from the first to the last request that is lost by one fault. `status`: only
    answers with this one.
    """

    kinds: frozenset[str]
    each: int | None = None
    linger_seconds: float = 1.0
    span_seconds: float | None = None
    status: int | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `cards`: how often it is in a deck that is shuffled. `bound_seconds`: the site is back so soon
    after the disturbance. `reason` says where the cost is written, or follows from.
    """

    name: str
    cards: int
    costs: tuple[Cost, ...]
    bound_seconds: float
    reason: str


def one_each(kinds: Iterable[str], more_seconds: float = 1.0) -> tuple[Cost, ...]:
    """Return the cost of a connection that ends: each client may lose the request with which it notices that."""
    return tuple(Cost(frozenset({kind}), 1, INTERVALS[kind] + more_seconds) for kind in sorted(kinds))


NOTHING: tuple[Cost, ...] = ()
# A WebSocket notices with its next message that it has ended.
DOWN = (Cost(EVERYBODY, linger_seconds=1.5), *one_each(EVERYBODY))
# In the midst of something longer.
DOWN_FOR_A_BOOT = (Cost(EVERYBODY, linger_seconds=1.5, span_seconds=30), *one_each(EVERYBODY))
CLOSED_SOON = one_each({WEBSOCKET}, SHUTDOWN_SECONDS + 10)
RELOADED_AFTER_CLOSING = (*one_each({HTTP_2}), *CLOSED_SOON)
RELOADED_SOON = (*one_each({HTTP_2, IDLE_GET, SLOW_GET}), *CLOSED_SOON)
RELOADED_AT_ONCE = (*one_each(KEPT - {WEBSOCKET}), *CLOSED_SOON)

_KINDS = (
    Kind("kill worker", 30, one_each(EVERYBODY), 5, "what the worker had in hand; another one answers"),
    Kind("kill manager", 9, DOWN, 20, "without a standby nobody answers until systemd has started it again"),
    Kind("kill proxy worker", 26, one_each(EVERYBODY), 5, "the connections of that worker; its master starts another"),
    Kind("kill proxy master", 8, DOWN, 10, "all connections; systemd starts Nginx again after half a second"),
    Kind("out of memory", 4, one_each(EVERYBODY), 10, "releases.md: a worker at its limit is killed and replaced"),
    Kind("reload", 24, RELOADED_SOON, 3, "architecture.md: clients that ask less than once a second; HTTP/2 by client"),
    Kind("raw reload", 10, RELOADED_AT_ONCE, 3, "architecture.md: requests on their way on idle connections"),
    Kind("log rotation", 10, NOTHING, 3, "Nginx opens its logs anew"),
    Kind("partition of clients", 20, DOWN, 10, "nobody gets through while it lasts"),
    Kind(
        "maintenance", 3, (Cost(CLOSED_IN_MAINTENANCE, status=503),), 3, "503 with Retry-After but for the health path"
    ),
    Kind("release", 7, NOTHING, 3, "a release loses no request"),
    Kind("rollback", 4, NOTHING, 3, "a rollback loses no request"),
    Kind("restart", 4, NOTHING, 3, "a restart loses no request"),
    Kind("failed migration", 2, NOTHING, 3, "the old release serves"),
    Kind("release that does not start", 2, NOTHING, 3, "the old release serves"),
    Kind("release that is not healthy", 1, NOTHING, 3, "the old release serves"),
    Kind(
        "release that dies when live",
        1,
        (Cost(EVERYBODY, span_seconds=10), *one_each({WEBSOCKET})),
        5,
        "architecture.md: the flag goes back when it dies in the watch",
    ),
    Kind("killed deploy", 6, NOTHING, 3, "architecture.md: one of the two releases serves; the next run goes on"),
    Kind("killed host program", 4, NOTHING, 3, "the same"),
    Kind("partition in a deploy", 2, NOTHING, 3, "the work goes on on the host; the next run goes on"),
    Kind("power cut", 3, DOWN, 40, "a boot"),
    Kind("power cut in a deploy", 3, DOWN_FOR_A_BOOT, 40, "a boot; it serves what the flag names"),
    Kind("reboot", 2, DOWN, 60, "a boot, and the ends of what runs"),
    Kind("full disk", 2, (Cost(frozenset({POST}), linger_seconds=2),), 5, "what has to be written"),
    Kind(
        "full disk in a release",
        2,
        (Cost(frozenset({POST}), linger_seconds=2, span_seconds=20),),
        5,
        "what has to be written, while it is full",
    ),
    Kind("clock step", 6, NOTHING, 3, "nothing that serves asks what time it is"),
    Kind("clock step in a release", 4, NOTHING, 3, "a release loses no request"),
    Kind("slow disk", 6, NOTHING, 3, "answers are late, none is lost"),
    Kind("slow disk in a release", 4, NOTHING, 3, "a release loses no request"),
    Kind("authority away", 2, RELOADED_AFTER_CLOSING, 3, "the certificate that is there is served"),
    Kind("renewal", 1, RELOADED_AFTER_CLOSING, 3, "architecture.md: nothing over HTTP/1.1"),
    Kind("upgrade of Nginx", 1, RELOADED_AFTER_CLOSING, 3, "architecture.md: nothing over HTTP/1.1"),
    Kind("upgrade of a library", 1, RELOADED_AFTER_CLOSING, 3, "the same; workers are replaced one by one"),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _KINDS}
