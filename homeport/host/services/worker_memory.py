"""Measures the memory of one worker before the others load: for a first release, which has no figures yet.

All start at once, so the others are held (SIGSTOP) as they appear, which they survive for five seconds: then their
manager replaces them. So nothing is left behind by a run that is killed meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from types import TracebackType

from ..system import unit_processes
from ..system.output import HostError
from ..system.resources import OVERLAPPING_SLOTS, SPARE_MEGABYTES, fitting, parse_memory
from . import units
from .release_description import Release
from .workers import MEGABYTE, UNLIMITED

# A worker that has just been made takes several times as long until it loads the application.
POLL_SECONDS = 0.02
UNKNOWN_SECONDS = 0.1
KILOBYTE = 1024


class FirstWorkerAlone:
    """Inside the block all workers of a unit but one are held; `demand` tells what the manager and that one take."""

    def __init__(self, unit: str, server: str = ""):
        self._unit, self._server = unit, server
        self._first = 0
        self._state: dict[str, str] = {}
        self._seen: set[int] = set()
        self._held: set[int] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._hold, daemon=True)

    def __enter__(self) -> FirstWorkerAlone:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        for pid in self._held:
            self._signal(pid, signal.SIGCONT)

    def demand(self) -> tuple[int, int] | None:
        """Return the bytes that the manager and one worker take; None where no worker can be measured."""
        unit = units.show(self._unit)
        found, main = unit_processes.memory_of(unit, self._server), int(unit.get("MainPID") or 0)
        each = found.workers.get(self._first, 0)
        # Memory that forks share with their manager exists once, whichever process read it first.
        forks = self._server in unit_processes.FORKING
        base = found.total - sum(found.workers.values()) if forks else unit_processes.pss_kilobytes(main)
        return (base * KILOBYTE, each * KILOBYTE) if each else None

    @property
    def _main(self) -> int:
        """The manager, as far as it is known: it stays the same during a start."""
        return int(self._state.get("MainPID") or 0) if self._state.get("ControlGroup") else 0

    def _hold(self) -> None:
        while not self._over.wait(POLL_SECONDS if self._main else UNKNOWN_SECONDS):
            with contextlib.suppress(HostError):
                if not self._main:
                    self._state = units.show(self._unit)
            self._choose(unit_processes.workers(self._state, self._server))

    def _choose(self, workers: list[int]) -> None:
        if self._first not in workers and workers:
            self._first = workers[0]
            self._held.discard(self._first)
            self._signal(self._first, signal.SIGCONT)
        # Another program that a manager starts looks like a fork of it until it is loaded: that must not be held.
        settled = self._seen if self._server in unit_processes.FORKING else workers
        for pid in workers:
            if pid != self._first and pid not in self._held and pid in settled:
                self._held.add(pid)
                self._signal(pid, signal.SIGSTOP)
        self._seen = set(workers)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if unit_processes.is_worker(pid, self._main, self._server):
                os.kill(pid, number)


def room(unit: dict[str, str], release: Release, meminfo: str) -> tuple[int, str]:
    """Return the bytes that there are for the slot of a unit, and what decides that.

    The next release's slot runs beside this one, of the same size, unless one ends before the other starts.
    """
    taken = sum(one["memory_pss_kilobytes"] for one in unit_processes.of_unit(unit)) * KILOBYTE
    there_is = max(parse_memory(meminfo)["MemAvailable"] + taken - SPARE_MEGABYTES * MEGABYTE, 0)
    for_one = there_is if release.replaces else there_is // OVERLAPPING_SLOTS
    limit = unit.get("MemoryMax") or UNLIMITED
    if limit != UNLIMITED and int(limit) <= for_one:
        return int(limit), "memory_max_megabytes"
    return for_one, "available" if release.replaces else "available, for each of two slots side by side"


def refusal(unit: dict[str, str], release: Release, demand: tuple[int, int] | None) -> HostError | None:
    """Return why the release's workers do not fit, as measured, and how many do; None when they fit."""
    if demand is None:
        return None
    (base, each), (there_is, why) = demand, room(unit, release, Path("/proc/meminfo").read_text())
    most = fitting(base, each, there_is, always_managed=release.server in unit_processes.MANAGED)
    if release.workers <= most:
        return None
    need = (base + release.workers * each) // MEGABYTE
    fit = "1 fits" if most == 1 else f"{most} fit"
    fix = f"set workers = {most}" if most else "give it more memory"
    return HostError(
        f"measured memory of its workers: {each // MEGABYTE} MB each, and {base // MEGABYTE} MB for their manager; "
        f"{fit}; "
        f"{release.workers} need {need} MB, and there are {there_is // MEGABYTE} MB ({why}); {fix}"
    )
