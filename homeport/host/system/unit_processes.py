"""The processes of a unit: which they are, what each is, and the memory that each holds."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any, NamedTuple

# Servers whose manager forks its workers; it is told by the release which server there is.
FORKING = frozenset({"gunicorn", "granian"})
# Servers with a manager beside a lone worker, too.
MANAGED = FORKING | {"hypercorn"}
# How their workers call themselves where setproctitle is installed.
TITLE = re.compile(r"^gunicorn: worker |^granian .* worker-\d+")
CGROUP_ROOTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/systemd"))


class UnitMemory(NamedTuple):
    """The memory of a unit's processes, in kilobytes: all (shared pages counted once), and each worker's own part."""

    total: int
    workers: dict[int, int]


def of_unit(unit: dict[str, str], server: str = "") -> list[dict[str, Any]]:
    """Return what is known of each process of a unit, by the unit's properties; none while it is down."""
    main = int(unit.get("MainPID") or 0)
    return [process(pid, main, server) for pid in process_ids(unit.get("ControlGroup", ""))] if main else []


def workers(unit: dict[str, str], server: str) -> list[int]:
    """Return the workers of a unit, as its manager makes them; a lone worker, which is the main process, is none."""
    main = int(unit.get("MainPID") or 0)
    return [pid for pid in process_ids(unit.get("ControlGroup", "")) if is_worker(pid, main, server)]


def memory_of(unit: dict[str, str], server: str) -> UnitMemory:
    """Return the memory of a unit's processes. Memory that a forked worker shares with its manager is the manager's."""
    found = of_unit(unit, server)
    own = {
        one["pid"]: private_kilobytes(one["pid"]) if server in FORKING else one["memory_pss_kilobytes"]
        for one in found
        if one["kind"] == "worker"
    }
    return UnitMemory(sum(one["memory_pss_kilobytes"] for one in found), own)


def process_ids(control_group: str) -> list[int]:
    """Return the processes of a unit's control group, in the order of their ids."""
    for root in CGROUP_ROOTS:
        listing = root / control_group.lstrip("/") / "cgroup.procs"
        # It may go between two looks.
        with contextlib.suppress(OSError):
            if control_group:
                return sorted(int(line) for line in listing.read_text().split())
    return []


def process(pid: int, main: int, server: str = "") -> dict[str, Any]:
    """Return what is known of a process of the unit whose main process is `main`, and runs `server`."""
    command, forked = _command(pid), server in FORKING and is_fork(pid, main)
    return {
        "pid": pid,
        "kind": kind(command, is_main=pid == main, forked=forked),
        "memory_pss_kilobytes": pss_kilobytes(pid),
    }


def is_worker(pid: int, main: int, server: str) -> bool:
    """Tell whether a process is one of the workers that the manager `main`, a `server`, makes."""
    return kind(_command(pid), is_main=pid == main, forked=server in FORKING and is_fork(pid, main)) == "worker"


def is_fork(pid: int, main: int) -> bool:
    """Tell whether a process is a child of `main` that runs the same program, as gunicorn and granian make workers.

    What a worker forks is no child of the manager, and what the manager starts besides runs another program.
    """
    command = _command(pid)
    return bool(command) and _parent(pid) == main and (command == _command(main) or bool(TITLE.match(command)))


def kind(command: str, *, is_main: bool, forked: bool = False) -> str:
    """Return what a process is by its command line: the manager, one of its workers, or something beside them.

    uvicorn starts its workers by `multiprocessing` with the start method "spawn", which shows as `spawn_main`, and so
    do Hypercorn, and granian from Python 3.14 on; a lone worker of uvicorn is the main process itself.
    """
    if "spawn_main" in command or forked:
        return "worker"
    return "main" if is_main else "other"


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _parent(pid: int) -> int:
    """Return the parent of a process, 0 when it is gone (proc(5), /proc/PID/stat: behind the name, and the state)."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def pss_kilobytes(pid: int) -> int:
    """Return the memory of a process in kilobytes (PSS), 0 when it is gone or hidden."""
    try:
        return parse_pss(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except OSError:
        return 0


def private_kilobytes(pid: int) -> int:
    """Return the memory that a process shares with no other, in kilobytes; 0 when it is gone or hidden."""
    try:
        return parse_private(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except OSError:
        return 0


def parse_private(text: str) -> int:
    """Return the sum of the `Private_…:` lines of a smaps_rollup file, in kilobytes."""
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


def parse_pss(text: str) -> int:
    """Return the `Pss:` line of a smaps_rollup file, in kilobytes."""
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
