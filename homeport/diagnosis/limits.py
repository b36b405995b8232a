"""The limits that status, doctor and preflight go by: what is full, short, tight, or too far off. Pure.

A figure is judged here and nowhere else, so that a deploy is not refused for what a status calls well.
"""

from __future__ import annotations

MEGABYTE = 2**20
# ACME servers and TLS clients refuse dates that are off by more than minutes.
CLOCK_TOLERANCE_SECONDS = 300
MINIMUM_FREE_INODES_PERCENT = 3
# Space for SQLite, the journal and a temporary file of Nginx at once; a small file system of its own may be smaller.
FULL_BYTES, FULL_PART = 32 * MEGABYTE, 0.02
FULL_INODES = 64
# Below this the kernel is busy with finding memory (a twentieth is what `low` watermarks leave on small machines).
SHORT_PART = 0.04
# Everything has waited for memory for that part of the last minute.
PRESSURE_PERCENT = 20.0
# Between these a machine is used well (FastAPI's documentation, Deployments Concepts, Resource Utilization).
LEAST_USED_PERCENT, MOST_USED_PERCENT = 50, 90
# Restarts that make a loop of it, as long as it is not healthy.
LOOP = 3


def is_clock_off(offset_seconds: float) -> bool:
    """Tell whether a host's clock is off by more than certificates and authorities bear."""
    return abs(offset_seconds) > CLOCK_TOLERANCE_SECONDS


def is_disk_full(free_bytes: int, total_bytes: int) -> bool:
    """Tell whether a file system has no room even for what is at work."""
    return free_bytes < min(FULL_BYTES, FULL_PART * total_bytes)


def lacks_room_for_a_deploy(free_megabytes: int, minimum_free_megabytes: int) -> bool:
    """Tell whether a deploy is refused for a file system's room; the second is the setting."""
    return free_megabytes < minimum_free_megabytes


def lacks_inodes_for_a_deploy(free_percent: float) -> bool:
    """Tell whether a deploy is refused for a file system's inodes."""
    return free_percent < MINIMUM_FREE_INODES_PERCENT


def is_nearly_used_up(used_percent: float) -> bool:
    """Tell whether so little of a disk, its inodes, or a machine's memory is left that somebody should see to it."""
    return used_percent >= MOST_USED_PERCENT


def is_memory_short(available: int, total: int, pressure_percent: float | None = None) -> bool:
    """Tell whether a machine is short of memory now; both sizes in one unit."""
    return available < SHORT_PART * total or (pressure_percent is not None and pressure_percent >= PRESSURE_PERCENT)
