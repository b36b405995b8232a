"""Which steps this run of the program has gone through, and when: for the log, where the next one finds them.

A run is a process of its own, so its steps are this module's. Times are the host's, to the millisecond.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

_steps: list[dict[str, str]] = []


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Note when what is done inside the block began and ended, also when it fails."""
    began = time.time()
    try:
        yield
    finally:
        add(name, began, time.time())


def add(name: str, began: float, ended: float) -> None:
    """Note a step by its times (seconds since 1970)."""
    _steps.append({"name": name, "began_at": moment(began), "ended_at": moment(ended)})


def taken() -> list[dict[str, str]]:
    """Return the steps since the last call, in the order in which they began."""
    found = sorted(_steps, key=lambda one: one["began_at"])
    _steps.clear()
    return found


def moment(seconds: float) -> str:
    """Return a time (seconds since 1970) as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def of_unit(properties: Mapping[str, str]) -> tuple[float, float] | None:
    """Return when a unit's main process began and ended last; None when it did not, or has not yet.

    The properties are microseconds of the monotonic clock, not of the time of day.
    """
    began, ended = (
        int(properties.get(f"ExecMain{name}TimestampMonotonic") or 0) / 1_000_000 for name in ("Start", "Exit")
    )
    offset = time.time() - time.clock_gettime(time.CLOCK_MONOTONIC)
    return (began + offset, ended + offset) if 0 < began <= ended else None


def left(seconds: float, began: float) -> float:
    """Return how much is left of `seconds` that began at that moment (seconds since 1970), 0 when they are over.

    A clock that was set back makes it look as if they were still to begin: then all of them are left.
    """
    return seconds - min(max(time.time() - began, 0.0), seconds)
