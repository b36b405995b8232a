"""The output while a slot starts; the start ends when a process of the slot is killed for lack of memory."""

from __future__ import annotations

import subprocess
import time

from ..services import health, units, workers
from ..services.release_description import Release
from ..system.layout import Layout
from ..system.output import HostError, say

# To look takes processor time from what starts.
LOOK_SECONDS = 1.0
PROGRESS_SECONDS = 5.0


def show(layout: Layout, slot: str, release: Release, starting: subprocess.Popen[bytes]) -> HostError | None:
    """Say what is being waited for, after a second and then every PROGRESS_SECONDS, until `starting` ends.

    Returns the error when something was killed for its memory, which would go on for as long as others are started.
    """
    phase: str | None = None
    shortage: HostError | None = None
    port = release.ports[slot]
    looked = began = due = time.monotonic()
    while _goes_on(starting, LOOK_SECONDS):
        now = time.monotonic()
        unit = units.show(layout.unit(slot))
        if shortage is None and (shortage := workers.shortage(unit, port, release)):
            units.stop(layout, slot)
        if phase != (phase := _phase(layout, slot, release, unit)):
            began, due = looked, now
        looked = now
        if now >= due:
            due = now + PROGRESS_SECONDS
            say(f"{layout.app}: {_progress(layout, port, release, phase, now - began)}")
    return shortage


def _goes_on(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Tell whether the process has not ended within `seconds`; return at once when it does."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _progress(layout: Layout, port: int, release: Release, phase: str, seconds: float) -> str:
    if phase:
        return f"{phase} ({seconds:.0f} s)"
    return health.progress(port, release.health, health.ask(port, release.health, health.site_name(layout)), seconds)


def _phase(layout: Layout, slot: str, release: Release, unit: dict[str, str]) -> str:
    """Return what comes before the server's own start and is at work; "" when nothing is."""
    if release.has_migration and units.show(layout.migrate_unit(slot))["ActiveState"] == "activating":
        return "migrating"
    return "running before_start" if unit["SubState"] == "start-pre" else ""
