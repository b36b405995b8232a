"""`start`: bring a release up, healthy, in the slot that is not live. What is live is never touched.

Everything is decided from what is on the host, so that a run that was killed anywhere is finished, or begun anew, by
the next one.
"""

from __future__ import annotations

import contextlib
import subprocess
import time

from . import failures, health, journal, slots, sockets, units
from .layout import Layout
from .output import HostError, say
from .releases import Release, load

POLL_SECONDS = 0.2
QUIET_SECONDS = 1.0
PROGRESS_SECONDS = 5.0


def start(layout: Layout, release_id: str, by: str = "") -> None:
    """Bring the release `release_id` up; raise HostError with the cause, and leave its slot stopped, when it fails.

    `by` is who asked, for the log. The caller holds the application's lock.
    """
    release = load(layout, release_id)
    found = slots.read(layout)
    if found.live and found[found.live].active and found[found.live].release == release.id:
        say(f"{layout.app}: release {release.id} is live in slot {found.live} already")
        return
    slot = found.target
    if _is_up(layout, slot, release):
        say(f"{layout.app}: release {release.id} is up in slot {slot} already")
        return
    say(f"{layout.app}: starting release {release.id} in slot {slot} on port {release.ports[slot]}")
    try:
        slots.prepare(layout, slot, release)
        _launch(layout, slot, release)
    except BaseException as error:
        slots.halt(layout, slot)
        with contextlib.suppress(OSError):  # a full disk must not hide what went wrong
            journal.append(layout, journal.FAILED, release, slot, by=by, reason=str(error) or type(error).__name__)
        raise
    journal.append(layout, journal.STARTED, release, slot, by=by)


def _is_up(layout: Layout, slot: str, release: Release) -> bool:
    """Tell whether the slot runs `release` and answers: an earlier run started it and got no further."""
    if not (slots.holds(layout, slot, release) and units.is_active(layout.unit(slot))):
        return False
    slots.permit(layout, slot)
    return health.ask_repeatedly(release.ports[slot], release.health, health.site_name(layout)).good


def _launch(layout: Layout, slot: str, release: Release) -> None:
    _check_port(layout, slot, release)
    slots.permit(layout, slot)
    position = failures.cursor()
    began = time.monotonic()
    unit = layout.unit(slot)
    with subprocess.Popen(
        ["systemctl", "start", "--", unit],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as starting:
        _show_progress(layout, slot, release, starting)
    # Read at once: Restart=always tries again in half a second.
    app, migration = units.show(unit), units.show(layout.migrate_unit(slot))
    if starting.returncode or app["ActiveState"] != "active":
        raise failures.failure(layout, slot, app, migration, position, release.health.path)
    _check_owner(layout, slot, release, app)
    say(f"{layout.app}: release {release.id} is healthy in slot {slot} after {time.monotonic() - began:.1f} s")


def _check_port(layout: Layout, slot: str, release: Release) -> None:
    """Raise HostError when somebody else has the slot's port, before the application is started only to find out."""
    port = release.ports[slot]
    taken = sockets.listeners(sockets.read(), port)
    if taken:
        raise HostError(f"port {port} of slot {slot} is in use by {_name(sockets.owners({s.inode for s in taken}))}")


def _check_owner(layout: Layout, slot: str, release: Release, app: dict[str, str]) -> None:
    """Raise HostError unless it is the slot's own processes that listen on its port."""
    port = release.ports[slot]
    owners = sockets.owners({found.inode for found in sockets.listeners(sockets.read(), port)})
    if int(app["MainPID"]) not in owners:
        raise HostError(f"port {port} of slot {slot} is served by {_name(owners)}, not by the release")


def _name(pids: set[int]) -> str:
    return ", ".join(f"{sockets.command(pid)} (pid {pid})" for pid in sorted(pids)[:3]) or "a process unseen here"


def _show_progress(layout: Layout, slot: str, release: Release, starting: subprocess.Popen[bytes]) -> None:
    """Say what is being waited for, every PROGRESS_SECONDS, until `starting` ends."""
    migrating: bool | None = None
    began = due = 0.0
    while starting.poll() is None:
        now = time.monotonic()
        if migrating is not (migrating := _is_migrating(layout, slot, release)):
            began, due = now, now if migrating else now + QUIET_SECONDS
        if now >= due:
            due = now + PROGRESS_SECONDS
            say(f"{layout.app}: {_progress(layout, release.ports[slot], release, migrating, now - began)}")
        with contextlib.suppress(subprocess.TimeoutExpired):
            starting.wait(POLL_SECONDS)


def _progress(layout: Layout, port: int, release: Release, migrating: bool, seconds: float) -> str:
    if migrating:
        return f"migrating ({seconds:.0f} s)"
    return health.progress(port, release.health, health.ask(port, release.health, health.site_name(layout)), seconds)


def _is_migrating(layout: Layout, slot: str, release: Release) -> bool:
    return release.has_migration and units.show(layout.migrate_unit(slot))["ActiveState"] == "activating"
