"""Lines of several hosts in the order of their times, as they come. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Line = Mapping[str, Any]


@dataclass
class Merge:
    """Holds lines back until no host can bring an earlier one.

    `upto` is, for each host, the moment before which it has brought all that it has. Hosts' clocks are taken as they
    are. Which hosts there are is known when they have answered first, for which `settling_seconds` are given. Of
    what they brought first, which is of the past, the `newest` lines are shown; of what they bring then, all. A host
    that is not heard of for `patience_seconds` is not waited for.
    """

    newest: int
    settling_seconds: float = 2.0
    patience_seconds: float = 5.0
    began: float | None = None
    past: list[tuple[float, Line]] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    upto: dict[str, float] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    waiting: list[tuple[float, Line]] = field(default_factory=list)

    def add(self, host: str, lines: Iterable[tuple[float, Line]], upto: float, now: float) -> list[Line]:
        """Take what a host has brought (each line with its time), and return what may be shown by now."""
        (self.waiting if host in self.known else self.past).extend(lines)
        self.known.add(host)
        self.upto[host], self.heard[host] = upto, now
        return self.ready(now)

    def lost(self, host: str, now: float) -> list[Line]:
        """No longer wait for a host, until it brings something; return what may be shown by now."""
        self.upto.pop(host, None)
        return self.ready(now)

    def ready(self, now: float) -> list[Line]:
        """Return what may be shown by now, in order, and forget it."""
        self.began = now if self.began is None else self.began
        if now - self.began < self.settling_seconds:
            return []
        waited_for = [moment for host, moment in self.upto.items() if now - self.heard[host] <= self.patience_seconds]
        bound = min(waited_for, default=float("inf"))
        return self._before(bound)

    def rest(self) -> list[Line]:
        """Return all that is held back still, in order."""
        return self._before(float("inf"))

    def _before(self, bound: float) -> list[Line]:
        self.waiting += sorted(self.past, key=_moment)[-self.newest :]
        self.past = []
        shown = sorted((one for one in self.waiting if one[0] < bound), key=_moment)
        self.waiting = [one for one in self.waiting if one[0] >= bound]
        return [line for _, line in shown]


def _moment(line: tuple[float, Line]) -> float:
    return line[0]
