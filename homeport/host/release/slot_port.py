"""Whose the port of a slot is: nobody's before a start, and the release's after it."""

from __future__ import annotations

from ..services import failures
from ..services.release_description import Release
from ..system import sockets, unit_processes
from ..system.layout import Layout
from ..system.output import HostError


def check_free(layout: Layout, slot: str, release: Release) -> None:
    """Raise HostError when somebody else has the slot's port, before the application is started only to find out."""
    port = release.ports[slot]
    taken = sockets.listeners(sockets.read(), port)
    if taken:
        raise HostError(f"port {port} of slot {slot} is in use by {_name(sockets.owners({s.inode for s in taken}))}")


def check_owner(layout: Layout, slot: str, release: Release, app: dict[str, str]) -> None:
    """Raise HostError unless it is the slot's own processes that listen on its port."""
    port = release.ports[slot]
    owners = sockets.owners({found.inode for found in sockets.listeners(sockets.read(), port)})
    if not owners:
        lines = failures.tail(failures.last(layout.unit(slot)), release.health.path)
        raise failures.error("its workers ended just after they were healthy", lines, layout.app)
    # granian's manager has none of the sockets: each worker has its own.
    if not owners & {int(app["MainPID"]), *unit_processes.workers(app, release.server)}:
        raise HostError(f"port {port} of slot {slot} is served by {_name(owners)}, not by the release")


def _name(pids: set[int]) -> str:
    return ", ".join(f"{sockets.command(pid)} (pid {pid})" for pid in sorted(pids)[:3]) or "a process unseen here"
