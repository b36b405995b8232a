"""What is to be measured, and what was: by name, a number a round."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.measure import Finished, Series

ROUND_TRIP_SECONDS = 0.05
# How a host is reached: from the same machine, and through a relay that is ROUND_TRIP_SECONDS long.
PLACES = ("near", "far")
FLEET_COUNTS = (1, 5, 20, 50)


@dataclass(frozen=True)
class Options:
    """How much is measured: rounds of each part, hosts provisioned at once (`several`), loads on each proxy.

    After `minutes` no further round is begun, beyond the least that a part needs.
    """

    only: frozenset[str] = frozenset()
    rounds: int = 3
    repeats: int = 9
    peers: int = 3
    fleet: int = 3
    releases: int = 3
    several: int = 5
    loads: int = 5
    minutes: float = 30
    qemu: bool = False


@dataclass
class Results:
    """Everything that was measured, by name; `problems` has what could not be.

    `profile` has the seconds of a run without changes by what they went to.
    """

    series: dict[str, list[float]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    profile: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, name: str, value: float) -> None:
        """Note one more round of a measurement."""
        self.series.setdefault(name, []).append(value)

    def note(self, name: str, run: Finished) -> None:
        """Note what one run took."""
        self.add(f"{name} seconds", run.seconds)
        self.add(f"{name} cpu", run.cpu_seconds)
        self.add(f"{name} memory", run.peak_megabytes)

    def __getitem__(self, name: str) -> Series | None:
        values = self.series.get(name)
        return Series(tuple(values)) if values else None
