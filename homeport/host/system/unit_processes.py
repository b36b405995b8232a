"""The processes of a unit: which they are, what each is, and the memory that each holds."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

CGROUP_ROOTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/systemd"))


def of_unit(unit: dict[str, str]) -> list[dict[str, Any]]:
    """Return what is known of each process of a unit, by the unit's properties; none while it is down."""
    main = int(unit.get("MainPID") or 0)
    return [process(pid, main) for pid in members(unit.get("ControlGroup", ""))] if main else []


def members(control_group: str) -> list[int]:
    """Return the processes of a unit's control group, in the order of their ids."""
    for root in CGROUP_ROOTS:
        listing = root / control_group.lstrip("/") / "cgroup.procs"
        # It may go between two looks.
        with contextlib.suppress(OSError):
            if control_group:
                return sorted(int(line) for line in listing.read_text().split())
    return []


def process(pid: int, main: int) -> dict[str, Any]:
    """Return what is known of a process of the unit whose main process is `main`."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        command = ""
    return {"pid": pid, "kind": kind(command, is_main=pid == main), "memory_pss_kilobytes": pss_kilobytes(pid)}


def is_worker(pid: int) -> bool:
    """Tell whether a process is one of several workers, as its manager makes them."""
    try:
        return kind(Path(f"/proc/{pid}/cmdline").read_text(errors="replace"), is_main=False) == "worker"
    except OSError:
        return False


def kind(command: str, *, is_main: bool) -> str:
    """Return what a process is by its command line: the manager, one of its workers, or something beside them.

    uvicorn starts its workers by `multiprocessing` with the start method "spawn", which shows as `spawn_main`; a lone
    worker is the main process itself.
    """
    if "spawn_main" in command:
        return "worker"
    return "main" if is_main else "other"


def pss_kilobytes(pid: int) -> int:
    """Return the memory of a process in kilobytes (PSS), 0 when it is gone or hidden."""
    try:
        return parse_pss(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except OSError:
        return 0


def parse_pss(text: str) -> int:
    """Return the `Pss:` line of a smaps_rollup file, in kilobytes."""
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
