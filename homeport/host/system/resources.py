"""The machine's cores, memory and disks, and how much of them is free. Reads only; sizes are bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from .layout import Layout

# At a switch two slots run side by side.
OVERLAPPING_SLOTS = 2
# Memory for other programs that may grow: Nginx's connections, Certbot, the host program.
SPARE_MEGABYTES = 64

KILOBYTE = 1024
MEGABYTE = 2**20
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


class FileSystem(NamedTuple):
    """A file system by its mount point; figures of inodes are None where they are not counted."""

    path: str
    total_bytes: int
    free_bytes: int
    used_percent: float
    inodes_used_percent: float | None
    free_inodes: int | None
    free_inodes_percent: float | None
    read_only: bool


def release_folders(layout: Layout) -> tuple[Path, ...]:
    """Return the folders that a release is written to, or logs to."""
    return (layout.root, layout.base, layout.state, layout.settings, layout.root / "var/log")


def disks(folders: Iterable[Path]) -> list[FileSystem]:
    """Return the file systems that these folders are on, each once, under its mount point."""
    found: dict[int, Path] = {}
    for folder in folders:
        if folder.is_dir():
            found.setdefault(folder.stat().st_dev, folder)
    return [disk(mount_point(folder)) for folder in found.values()]


def mount_point(folder: Path) -> Path:
    """Return the folder at which the file system of `folder` begins, links followed."""
    folder = folder.resolve()
    return next((one for one in (folder, *folder.parents) if one.is_mount()), folder)


def disk(folder: Path) -> FileSystem:
    """Return size and room of the file system at a folder."""
    one = os.statvfs(folder)
    figures = (one.f_frsize, one.f_blocks, one.f_bfree, one.f_bavail, one.f_files, one.f_favail)
    return file_system(str(folder), *figures, read_only=bool(one.f_flag & os.ST_RDONLY))


def file_system(
    path: str,
    unit: int,
    blocks: int,
    free: int,
    available: int,
    files: int,
    files_free: int,
    *,
    read_only: bool = False,
) -> FileSystem:
    """Return size and room of a file system, as one has it who is not root, by the figures of statvfs(3).

    They are f_frsize, f_blocks, f_bfree, f_bavail, f_files and f_favail. Some file systems make inodes as they need
    them, and say 0.
    """
    return FileSystem(
        path=path,
        total_bytes=blocks * unit,
        free_bytes=available * unit,
        used_percent=used(blocks - free, available),
        inodes_used_percent=used(files - files_free, files_free) if files else None,
        free_inodes=files_free if files else None,
        free_inodes_percent=round(100 * files_free / files, 1) if files else None,
        read_only=read_only,
    )


def used(used: int, free: int) -> float:
    """Return the used part of what there is for users, in percent to one place, as df(1) reckons it."""
    return round(100 * used / (used + free), 1) if used + free else 0.0


def fitting(base: int, each: int, room: int, *, always_managed: bool = False) -> int:
    """Return how many workers of `each` fit into `room`, with a manager of `base`; a lone one may have no manager."""
    several = (room - base) // each
    return several if several > 1 else int(each + (base if always_managed else 0) <= room)
