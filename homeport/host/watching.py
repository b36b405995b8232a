"""A release that has just gone live is watched for a while: dead, restarted or unhealthy means that it has failed."""

from __future__ import annotations

import time
from collections.abc import Callable

from . import health, processes, units
from .layout import Layout
from .releases import Release

POLL_SECONDS = 0.5
# One late answer on a busy machine is no reason to go back.
BAD_ANSWERS = 2


def watch(layout: Layout, slot: str, release: Release, enough: Callable[[], bool]) -> str:
    """Watch the slot until `enough` says so; return what went wrong, or "" when it did well all the time."""
    port, name, unit = release.ports[slot], health.site_name(layout), layout.unit(slot)
    pid, bad = units.show(unit)["MainPID"], 0
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
        if not bad and enough():
            return ""
        time.sleep(POLL_SECONDS)


def passed(seconds: float) -> Callable[[], bool]:
    """Return what tells whether so many seconds have passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
