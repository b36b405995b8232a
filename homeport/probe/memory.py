"""Memory: what is left, how much the machine waits for it, and what the kernel has killed for it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from ..host.services import failures, units, workers
from ..host.system import resources
from ..host.system.layout import SLOTS, Layout
from .observations import MemoryObservation

# Messages of the kernel and of systemd. gunicorn guesses this for every SIGKILL, also for its own.
KILLED = re.compile(r"(?<!perhaps )out of memory|oom-kill|OOM killer", re.IGNORECASE)
# Messages of the managers of uvicorn, gunicorn and granian, which see a worker die.
DIED = re.compile(r"Child process \[\d+\] died|Worker \(pid:\d+\) was sent SIGKILL|Unexpected exit from worker-\d+")
LOOK_BACK = "-1h"
LINES = 3


def read(layout: Layout) -> MemoryObservation:
    """Return the machine's memory, and what was killed of the application."""
    sizes = resources.parse_memory(Path("/proc/meminfo").read_text())
    kills = sum(workers.kills(units.show(layout.unit(slot)).get("ControlGroup", "")) for slot in SLOTS)
    lines = _lines(layout, told=bool(kills))
    return {
        "total_kilobytes": sizes["MemTotal"] // resources.KILOBYTE,
        "available_kilobytes": sizes["MemAvailable"] // resources.KILOBYTE,
        "pressure_percent": _pressure(),
        "kills": max(kills, sum(1 for _, line in lines if KILLED.search(line))),
        "kills_age_seconds": time.time() - max(at for at, _ in lines) if lines else None,
        "killed": [line for _, line in lines[-LINES:]],
    }


def _pressure() -> float | None:
    try:
        text = Path("/proc/pressure/memory").read_text()
        return float(re.findall(r"^full .*?avg60=([0-9.]+)", text, re.MULTILINE)[0])
    except (OSError, IndexError):
        return None


def _lines(layout: Layout, *, told: bool) -> list[tuple[float, str]]:
    """Return when and how somebody has said in the last hour that a process was killed, oldest first.

    That a worker has died means a kill only where the kernel has `told` of one.
    """
    command = ("journalctl", "--quiet", "--no-pager", "--output=json", f"--since={LOOK_BACK}")
    ours = units.run(*command, *(option for slot in SLOTS for option in failures.of_unit(layout.unit(slot)))).stdout
    kernel = units.run(*command, "--dmesg").stdout
    found = []
    for entry in (*ours.splitlines(), *kernel.splitlines()):
        try:
            raw = json.loads(entry)
            message, at = str(raw["MESSAGE"]), int(raw["__REALTIME_TIMESTAMP"]) / 1e6
        except (ValueError, KeyError):
            continue
        if KILLED.search(message) or (told and DIED.search(message)):
            found.append((at, message))
    return sorted(found)
