"""What is measured, in which order. Rounds of homeport and of the floor follow each other, so that both meet the same
machine in the same mood; the first provision of each fills the package caches and is not timed.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks import floor, serving, sessions
from benchmarks.floor import Floor
from benchmarks.measure import BenchmarkError, Finished, Series
from benchmarks.stage import Stage, reached
from homeport.errors import HomeportError
from homeport.lab import LabHost

ROUND_TRIP_SECONDS = 0.05
HOST = "bench"
ROLLBACKS = 3


@dataclass(frozen=True)
class Options:
    """How much is measured: first provisions of each kind, runs without changes, hosts at once, loads.

    After `minutes` no further round of first provisions is begun; one is always made.
    """

    rounds: int = 5
    repeats: int = 9
    fleet: int = 5
    loads: int = 5
    minutes: float = 11
    qemu: bool = False


@dataclass
class Results:
    """Everything that was measured, by name; `problems` has what could not be."""

    series: dict[str, list[float]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
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


class Suite:
    """One run of all measurements on a stage."""

    def __init__(self, stage: Stage, options: Options):
        self.stage = stage
        self.options = options
        self.results = Results()
        self.began = time.monotonic()

    def run(self) -> Results:
        """Measure everything; a part that fails is noted, and the others go on."""
        self._part("machines", self._machines)
        if self.options.qemu:
            self._part("QEMU", lambda: self._ready("qemu", "qemu"))
            self.stage.remove("qemu")
        self._part("several hosts", self._fleet)
        self._part("first provision", self._provision)
        self._part("serving", self._serving)
        return self.results

    def _serving(self) -> None:
        if not self.options.loads:
            return
        self.stage.remove(HOST)
        host = serving.prepared(self.stage)
        for one in serving.measured(self.stage, host, self.options.loads):
            self.results.add(f"{one.row} {one.target} per second", one.per_second)
            self.results.add(f"{one.row} {one.target} p99", one.p99_milliseconds)
            self.say(f"{one.row}: {one.target} {one.per_second:.0f}/s, p99 {one.p99_milliseconds:.1f} ms")
        self.stage.remove(host.name)

    def say(self, text: str) -> None:
        """Show progress on stderr."""
        print(f"bench: {time.monotonic() - self.began:4.0f} s  {text}", file=sys.stderr, flush=True)

    def _part(self, name: str, measure: Callable[[], object]) -> None:
        try:
            measure()
        except (BenchmarkError, HomeportError, AssertionError, OSError) as error:
            self.results.problems.append(f"{name}: {_short(error)}")
            self.say(f"{name} failed: {error}")

    def _ready(self, name: str, backend: str = "nspawn") -> LabHost:
        host, seconds = self.stage.fresh(name, "qemu" if backend == "qemu" else "nspawn")
        self.results.add(f"ready {backend}", seconds)
        self.say(f"{backend} host ready in {seconds:.2f} s")
        return host

    def _machines(self) -> None:
        for _ in range(self.options.repeats):
            self._ready(HOST)

    def _provision(self) -> None:
        self.say("warming the caches, counting SSH commands")
        plain = self._counted()
        for number in range(self.options.rounds):
            began = time.monotonic()
            for ours in (True, False) if number % 2 == 0 else (False, True):
                self._provision_once(plain, ours=ours, name=f"first provision {number + 1}")
            now = time.monotonic()
            if now + (now - began) > self.began + self.options.minutes * 60:
                break

    def _provision_once(self, plain: Floor, *, ours: bool, name: str) -> None:
        who = "homeport" if ours else "floor"
        host = self._ready(HOST)
        run = self.stage.pyinfra([host]) if ours else floor.provision(self.stage, host, plain)
        self.stage.check(host)
        self.results.note(f"first {who}", run)
        self.say(f"{name}: {who} {run.seconds:.1f} s")

    def _counted(self) -> Floor:
        """Count the SSH commands of three runs, measure runs without changes; return the floor, made from the host."""
        stage, counts = self.stage, self.results.counts
        host = self._ready(HOST)
        sessions.log_sessions(stage, host)
        counts["first"] = sessions.count(stage, host, lambda: stage.pyinfra([host]))
        stage.check(host)
        plain = floor.prepare(stage, host)
        counts["none"] = sessions.count(stage, host, lambda: stage.pyinfra([host]))
        self._part("no change", lambda: self._no_change(host))
        self._part("next release", lambda: self._next_release(host))
        self._part("rollback", lambda: self._rollback(host))
        self._part("the floor's end state", lambda: self._compare(plain))
        return plain

    def _next_release(self, host: LabHost) -> None:
        stage = self.stage
        previous = stage.project.git("rev-parse", "HEAD")
        stage.project.write("benchmark.txt", "another release\n")
        runs: list[Finished] = []
        self.results.counts["next"] = sessions.count(stage, host, lambda: runs.append(stage.pyinfra([host])))
        self.results.note("next homeport", runs[0])
        stage.check(host)
        stage.project.git("reset", "-q", "--hard", previous)

    def _rollback(self, host: LabHost) -> None:
        """Go back to the release before, and forth again, while the host can open no connection to anywhere.

        At the end once more to a release that is kept running.
        """
        self.stage.cut_off(host)
        there, back = self.stage.releases(host)[:2]
        for release in (back, there) * ROLLBACKS:
            self._go_back(host, release, "rollback")
        for _ in range(ROLLBACKS):
            self.stage.project.write("benchmark.txt", f"{secrets.token_hex()}\n")
            self.stage.pyinfra([host], "--data", "standby=true")
            self._go_back(host, self.stage.releases(host)[1], "standby")
        self.stage.check(host)

    def _go_back(self, host: LabHost, release: str, name: str) -> None:
        self.stage.settle(host)
        with self.stage.awaited(host, release) as answers:
            run = self.stage.pyinfra([host], "--data", f"release={release}", "--data", "accept_migrations=true")
        self.results.note(f"{name} homeport", run)
        self.results.add(f"{name} answers", answers[0])
        self.say(f"{name}: {answers[0]:.1f} s to the answer, {run.seconds:.1f} s in all")

    def _compare(self, plain: Floor) -> None:
        """Let homeport look at a host that the floor has provisioned: it must find nothing to do."""
        host = self._ready(HOST)
        floor.provision(self.stage, host, plain)
        self.stage.check(host)
        output = self.stage.pyinfra([host]).output
        total = next(line.split() for line in output.splitlines() if "Grand total" in line)
        if total[2] != total[-1]:
            raise BenchmarkError(f"homeport would change a host that the floor has provisioned:\n{output}")
        self.say("homeport finds nothing to change on the floor's host")

    def _no_change(self, host: LabHost) -> None:
        command = sessions.recorded(self.stage, host)
        with self.stage.distant(host, ROUND_TRIP_SECONDS) as far:
            for number in range(self.options.repeats):
                for place, where in (("near", host), ("far", far)):
                    ours = self.stage.pyinfra([host], *reached(where))
                    self.results.note(f"none {place} homeport", ours)
                    if where is host:
                        self.results.note("none near pyinfra", self.stage.pyinfra_alone(host))
                    theirs = self.stage.ssh(where, command)
                    self.results.note(f"none {place} floor", theirs)
                    self.say(
                        f"no change {number + 1} {place}: homeport {ours.seconds:.2f} s, floor {theirs.seconds:.2f} s"
                    )

    def _fleet(self) -> None:
        """Provision several hosts at once and run again: the controller's memory grows with them. Fills the caches."""
        if self.options.fleet < 2:
            return
        self.stage.remove(HOST)
        hosts = [self._ready(f"fleet{number}") for number in range(1, self.options.fleet + 1)]
        # One worker each, and patience: they all start at the same time, on one machine.
        patience = ("--data", "workers=1", "--data", "health_timeout_seconds=300")
        self.results.note("first fleet", self.stage.pyinfra(hosts, *patience))
        for host in hosts:
            self.stage.check(host)
        for _ in range(3):
            self.results.note("none fleet", self.stage.pyinfra(hosts, *patience))
        self.say("several hosts: done")
        self.stage.remove(*(host.name for host in hosts))


def _short(error: Exception) -> str:
    """Return the first and the last line of an error as one."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " … ".join(dict.fromkeys((lines[0], lines[-1])))
