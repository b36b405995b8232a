"""Watches a release that has just gone live: if it dies, is restarted or becomes unhealthy, it has failed."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..services import health, processes, units, workers
from ..services.release_description import Release
from ..system.layout import Layout

POLL_SECONDS = 0.5
# One late answer on a busy machine is no reason to go back.
BAD_ANSWERS = 2


def watch(layout: Layout, slot: str, release: Release, enough: Callable[[], bool]) -> str:
    """Watch the slot until `enough` says so; return what went wrong, or "" when it did well all the time."""
    port, name, unit = release.ports[slot], health.site_name(layout), layout.unit(slot)
    pid, bad, late = units.show(unit)["MainPID"], 0, time.monotonic() + release.health.timeout_seconds
    seen: frozenset[int] = frozenset()
    while True:
        answer = health.ask(port, release.health, name)
        bad = 0 if answer.good else bad + 1
        state = units.show(unit)
        if state["ActiveState"] != "active" or state["MainPID"] != pid:
            return "its process died"
        if bad >= BAD_ANSWERS:
            return f"{release.health.path} {answer.text}"
        if failed := processes.failed(layout, slot):
            return failed
        crew = workers.read_workers(state, port, release)
        seen |= crew.workers
        if short := workers.killed(state, crew, release):
            return str(short)
        complete, died = workers.is_complete(crew, release, seen), len(seen - crew.workers)
        if not bad and complete and enough():
            return ""
        worn = died >= workers.MOST_DEATHS_WATCHED and not workers.are_replaced(release)
        if worn or (not complete and enough() and time.monotonic() >= late):
            return workers.missing_text(crew, release, died)
        time.sleep(POLL_SECONDS)


def passed(seconds: float) -> Callable[[], bool]:
    """Return what tells whether so many seconds have passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
