"""What the machine has, and what is left of it: cores, memory, disks. Reads only; sizes are bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .layout import Layout

# At a switch two slots run side by side.
OVERLAPPING_SLOTS = 2
# What else may grow meanwhile: Nginx's connections, Certbot, the host program.
SPARE_MEGABYTES = 64

KILOBYTE = 1024
REBOOT_REQUIRED = Path("/run/reboot-required")


def machine() -> dict[str, Any]:
    """Return cores, load, memory, swap, and for how long the machine is up."""
    memory = parse_memory(Path("/proc/meminfo").read_text())
    total, available = memory.get("MemTotal", 0), memory.get("MemAvailable", memory.get("MemFree", 0))
    one, five, fifteen = os.getloadavg()
    return {
        "cores": os.cpu_count() or 1,
        "load_1": round(one, 2),
        "load_5": round(five, 2),
        "load_15": round(fifteen, 2),
        "memory_total_bytes": total,
        "memory_available_bytes": available,
        "swap_total_bytes": memory.get("SwapTotal", 0),
        "swap_free_bytes": memory.get("SwapFree", 0),
        "uptime_seconds": int(float(Path("/proc/uptime").read_text().split()[0])),
        "reboot_required": REBOOT_REQUIRED.exists(),
    }


def parse_memory(text: str) -> dict[str, int]:
    """Return the lines of /proc/meminfo that are in kilobytes, as bytes."""
    rows = (line.replace(":", " ").split() for line in text.splitlines())
    return {row[0]: int(row[1]) * KILOBYTE for row in rows if len(row) == 3 and row[2] == "kB"}


def disks(layout: Layout) -> list[dict[str, Any]]:
    """Return the file systems that a release is written to, or logs to, each once, under its mount point."""
    folders = (layout.root, layout.base, layout.state, layout.settings, layout.root / "var/log")
    found: dict[int, Path] = {}
    for folder in folders:
        if folder.is_dir():
            found.setdefault(folder.stat().st_dev, folder)
    return [disk(mount_point(folder)) for folder in found.values()]


def mount_point(folder: Path) -> Path:
    """Return the folder at which the file system of `folder` begins."""
    return next((one for one in (folder, *folder.parents) if one.is_mount()), folder)


def disk(folder: Path) -> dict[str, Any]:
    """Return size and room of a file system, as one has it who is not root."""
    found = os.statvfs(folder)
    return {
        "path": str(folder),
        "total_bytes": found.f_blocks * found.f_frsize,
        "free_bytes": found.f_bavail * found.f_frsize,
        "used_percent": used(found.f_blocks - found.f_bfree, found.f_bavail),
        # Some file systems make inodes as they need them, and say 0.
        "inodes_used_percent": used(found.f_files - found.f_ffree, found.f_favail) if found.f_files else None,
    }


def used(used: int, free: int) -> float:
    """Return the used part of what there is for users, in percent to one place, as df(1) reckons it."""
    return round(100 * used / (used + free), 1) if used + free else 0.0


def fitting(base: int, each: int, room: int, *, always_managed: bool = False) -> int:
    """Return how many workers of `each` fit into `room`, with a manager of `base`; a lone one may have no manager."""
    several = (room - base) // each
    return several if several > 1 else int(each + (base if always_managed else 0) <= room)
