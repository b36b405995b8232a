"""The workers of a slot: which of them serve, whether they die as they start, and what was killed for its memory.

A health path that answers tells of one worker. One of several serves once its event loop watches the socket that the
slot listens on (Linux, filesystems/proc.rst, fdinfo: `tfd` of an epoll descriptor): before that it loads the code and
runs the start of its lifespan. To look takes root, and no request.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from ..system import sockets, unit_processes
from ..system.layout import Layout
from ..system.output import HostError
from . import failures, health, units
from .release_description import Release

POLL_SECONDS = 0.1
# A busy machine may lose some as they start: uvicorn's manager ends a worker that does not answer within 5 s, also one
# that was only just made. So many die before the time-out only where they end by themselves.
MOST_DEATHS = 10
# As many as that die while all serve only where something is wrong; a lone one may have been hit by somebody's signal.
MOST_DEATHS_WATCHED = 3
# Options by which a manager ends workers by itself, of uvicorn, gunicorn, granian and Hypercorn.
REPLACING = ("--limit-max-requests ", "--max-requests ", "--workers-lifetime ")
KILLS = re.compile(r"^oom_kill (\d+)", re.M)
UNLIMITED = "infinity"
MEGABYTE = 2**20


class WorkerState(NamedTuple):
    """The state of a slot: its workers, those of them that serve, and how many processes were killed."""

    workers: frozenset[int]
    serving: frozenset[int]
    kills: int


def shortage(unit: dict[str, str], port: int, release: Release) -> HostError | None:
    """Return the error for a unit of which something was killed for its memory while it starts; else None."""
    return killed(unit, read_workers(unit, port, release), release) if kills(unit.get("ControlGroup", "")) else None


def read_workers(unit: dict[str, str], port: int, release: Release) -> WorkerState:
    """Return the workers of a unit, by its properties; a lone worker, which is the main process, is not among them."""
    group, found = unit.get("ControlGroup", ""), frozenset(unit_processes.workers(unit, release.server))
    inodes = {one.inode for one in sockets.listeners(sockets.read(), port)} if found else set()
    serving = frozenset(pid for pid in found if watches(pid, inodes))
    return WorkerState(found, serving, kills(group))


def watches(pid: int, inodes: Iterable[int]) -> bool:
    """Tell whether the process waits for connections on one of these sockets."""
    folder, wanted = Path(f"/proc/{pid}"), {f"socket:[{inode}]" for inode in inodes}
    with contextlib.suppress(OSError):
        for entry in (folder / "fdinfo").iterdir():
            for number in re.findall(r"^tfd:\s*(\d+)", entry.read_text(), re.M):
                with contextlib.suppress(OSError):
                    if str((folder / "fd" / number).readlink()) in wanted:
                        return True
    return False


def kills(group: str) -> int:
    """Return how often the kernel has killed a process of a control group (of either version) for its memory."""
    group = group.lstrip("/")
    counters = (
        Path("/sys/fs/cgroup") / group / "memory.events",
        Path("/sys/fs/cgroup/memory") / group / "memory.oom_control",
    )
    for counter in counters if group else ():
        with contextlib.suppress(OSError):
            found = KILLS.search(counter.read_text())
            return int(found[1]) if found else 0
    return 0


def require_all(layout: Layout, slot: str, release: Release) -> None:
    """Return once all workers of a slot that is healthy serve; raise HostError when they do not, within the time-out.

    A worker that was killed for its memory, or as many deaths as MOST_DEATHS, end the wait.
    """
    name, port, began = layout.unit(slot), release.ports[slot], time.monotonic()
    unit, seen = units.show(name), set[int]()
    pid = unit["MainPID"]
    while True:
        crew = read_workers(unit, port, release)
        seen |= crew.workers
        if problem := killed(unit, crew, release):
            raise problem
        if is_complete(crew, release, seen) and health.alive(int(pid)):
            return
        died, late = len(seen - crew.workers), time.monotonic() - began >= release.health.timeout_seconds
        if died >= MOST_DEATHS or late or unit["MainPID"] != pid:
            lines = failures.tail(failures.last(name), release.health.path)
            raise failures.error(missing_text(crew, release, died), lines, layout.app)
        time.sleep(POLL_SECONDS)
        unit = units.show(name)


def is_complete(crew: WorkerState, release: Release, seen: Collection[int] = ()) -> bool:
    """Tell whether as many workers serve as the release has.

    Where no process can be looked into, those that are there count; a server of the user's own has none that we know.
    One of which workers were `seen`, and that has none, is about to end.
    """
    unknown = not crew.workers and not seen
    return not release.has_manager or unknown or len(crew.serving or crew.workers) >= release.workers


def are_replaced(release: Release) -> bool:
    """Tell whether the manager ends workers by itself, after a number of requests or a time: an end means nothing."""
    with contextlib.suppress(OSError):
        unit = (release.files / "app.service").read_text()
        return any(option in unit for option in REPLACING)
    return False


def missing_text(crew: WorkerState, release: Release, died: int) -> str:
    """Return in words how many workers serve of those that should."""
    several = f"{died} died, and were replaced" if died > 1 else "1 died, and was replaced"
    return f"{len(crew.serving)} of {release.workers} workers serve{f'; {several}' if died else ''}"


def killed(unit: dict[str, str], crew: WorkerState, release: Release) -> HostError | None:
    """Return the error for a unit of which the kernel has killed processes for their memory; None where it has not."""
    if not crew.kills:
        return None
    limit = unit.get("MemoryMax", UNLIMITED)
    into = "the machine" if limit in ("", UNLIMITED) else f"{int(limit) // MEGABYTE} MB (memory_max_megabytes)"
    what = "1 process was" if crew.kills == 1 else f"{crew.kills} processes were"
    several = f"its {release.workers} workers do" if release.workers > 1 else "its worker does"
    sizes = [one["memory_pss_kilobytes"] for one in unit_processes.of_unit(unit) if one["pid"] in crew.serving]
    measured = f"; measured {max(sizes) // 1024} MB each" if sizes and max(sizes) else ""
    ways = "take fewer workers, raise the limit" if release.workers > 1 else "raise the limit"
    return HostError(
        f"{what} killed for lack of memory: {several} not fit into {into}{measured}; {ways}, or give the machine more"
    )
