"""How much of the processors is used: two looks at the kernel's counters, a moment apart. Reads only."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

# Long enough for a share to the percent (the kernel counts in hundredths of a second), short enough to wait for.
SAMPLE_SECONDS = 1.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
# Of the line "cpu" in /proc/stat (proc(5)): idle and iowait; guest time is part of user and nice.
IDLE, COUNTED = slice(3, 5), slice(0, 8)
# Of /proc/PID/stat behind the command's name: state is the first, utime, stime and starttime are these.
TIMES, BEGAN = slice(11, 13), 19


class Usage(NamedTuple):
    """Processor time used: the machine's as percent of all its cores, each process's as percent of one core."""

    machine: float
    processes: dict[int, float]


def usage(pids: Collection[int], seconds: float = SAMPLE_SECONDS) -> Usage:
    """Watch the machine and the processes for so long; a process that has ended meanwhile is missing."""
    began, machine, processes = time.monotonic(), machine_ticks(), _all(pids)
    time.sleep(seconds)
    passed, after = time.monotonic() - began, _all(pids)
    return Usage(
        machine=share(machine, machine_ticks()),
        processes={
            pid: percent(after[pid] - ticks, passed * TICKS_A_SECOND)
            for pid, ticks in processes.items()
            if pid in after
        },
    )


def share(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Return how many percent of the time between two looks was busy; each is (busy, all) in ticks."""
    return percent(after[0] - before[0], after[1] - before[1])


def percent(part: float, whole: float) -> float:
    """Return `part` of `whole` in percent, to one place; 0 when there is nothing to be a part of."""
    return round(100 * max(part, 0) / whole, 1) if whole > 0 else 0.0


def machine_ticks() -> tuple[int, int]:
    """Return the processors' ticks since boot: busy ones, and all."""
    return parse_machine(Path("/proc/stat").read_text())


def parse_machine(text: str) -> tuple[int, int]:
    """Return the busy ticks and all ticks of /proc/stat."""
    fields = [int(field) for field in text.splitlines()[0].split()[1:]]
    total = sum(fields[COUNTED])
    return total - sum(fields[IDLE]), total


def parse_process(text: str) -> tuple[int, int]:
    """Return the ticks that a process has used and the tick at which it began, from its /proc/PID/stat.

    The command's name, in parentheses, may contain anything.
    """
    fields = text[text.rindex(")") + 2 :].split()
    return sum(map(int, fields[TIMES])), int(fields[BEGAN])


def age_seconds(pid: int) -> float | None:
    """Return how long ago a process began; None when it is gone."""
    try:
        began = parse_process(Path(f"/proc/{pid}/stat").read_text())[1]
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return round(max(uptime - began / TICKS_A_SECOND, 0.0), 1)


def _all(pids: Collection[int]) -> dict[int, int]:
    found = {}
    for pid in pids:
        try:
            found[pid] = parse_process(Path(f"/proc/{pid}/stat").read_text())[0]
        except (OSError, ValueError, IndexError):
            continue
    return found
