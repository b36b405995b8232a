"""The machine: disk, memory, clock, units that have failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from homeport.diagnosis.case import EPOCH, Case
from homeport.diagnosis.finding import NOTICE, Finding
from homeport.probe.facts import DiskFacts

MEGABYTE = 2**20
# ACME servers and TLS clients refuse dates that are off by more than minutes.
CLOCK_TOLERANCE_SECONDS = 300
MINIMUM_FREE_INODES_PERCENT = 3
# What SQLite, the journal and a temporary file of Nginx want at once; a small file system of its own may be smaller.
FULL_BYTES, FULL_PART = 32 * MEGABYTE, 0.02
FULL_INODES = 64
# Below this the kernel is busy with finding memory (a twentieth is what `low` watermarks leave on small machines).
SHORT_PART = 0.04
# Everything has waited for memory for that part of the last minute.
PRESSURE_PERCENT = 20.0
RECENT_SECONDS = 3600.0


def disks(case: Case) -> Iterator[Finding]:
    """Yield the file systems that are full, nearly full, or cannot be written."""
    for disk in case.found.get("disks", ()):
        if disk["read_only"]:
            fix = "see dmesg: a file system with errors is made read-only; check the disk, then reboot"
            yield Finding("disk_read_only", f"{disk['place']} cannot be written to", "it is mounted read-only", fix)
        elif _is_full(disk):
            largest = f"; largest: {', '.join(disk['largest'])}" if disk["largest"] else ""
            yield Finding(
                "disk_full",
                f"the disk is full: {disk['place']}",
                f"{disk['free_bytes'] // MEGABYTE} of {disk['total_bytes'] // MEGABYTE} MB are free{largest}",
                "remove what is not needed (journalctl --vacuum-size=200M frees the journal's part) or enlarge it",
            )
        elif disk["free_inodes"] is not None and disk["free_inodes"] < FULL_INODES:
            fix = "many small files take them; find the folder with: du --inodes -xd 2"
            evidence = f"{disk['free_inodes']} inodes are free, though {disk['free_bytes'] // MEGABYTE} MB are"
            yield Finding(
                "inodes_gone", f"no more files can be made on {disk['place']}", evidence, f"{fix} {disk['place']}"
            )
        else:
            yield from _low(case, disk)


def _is_full(disk: DiskFacts) -> bool:
    return disk["free_bytes"] < min(FULL_BYTES, FULL_PART * disk["total_bytes"])


def _low(case: Case, disk: DiskFacts) -> Iterator[Finding]:
    # /run is in memory and has a size of its own; no release goes there.
    if disk["place"] == "/run":
        return
    wanted, free = case.settings.minimum_free_megabytes, disk["free_bytes"] // MEGABYTE
    if free < wanted and disk["total_bytes"] > wanted * MEGABYTE:
        fix = "free some, or lower minimum_free_megabytes"
        evidence = f"{free} MB are free, {wanted} MB are wanted"
        yield Finding("disk_low", f"too little space for a deploy on {disk['place']}", evidence, fix, NOTICE)
    percent = disk["free_inodes_percent"]
    if percent is not None and percent < MINIMUM_FREE_INODES_PERCENT:
        fix = f"find the many small files: du --inodes -xd 2 {disk['place']}"
        evidence = f"{percent:.1f} % of the inodes are free"
        yield Finding("inodes_low", f"too few inodes for a deploy on {disk['place']}", evidence, fix, NOTICE)


def memory(case: Case) -> Iterator[Finding]:
    """Yield a shortage of memory, and what the kernel has killed for one."""
    memory = case.found.get("memory")
    if memory is None:
        return
    free, total = memory["available_kilobytes"], memory["total_kilobytes"]
    pressure = memory["pressure_percent"]
    if free < SHORT_PART * total or (pressure is not None and pressure >= PRESSURE_PERCENT):
        waits = f", everything waits for memory {pressure:.0f} % of the time" if pressure else ""
        yield Finding(
            "memory_short",
            "the machine is short of memory",
            f"{free // 1024} of {total // 1024} MB are available{waits}",
            "fewer workers (homeport scale TARGET), or a larger machine; who takes it: ps aux --sort -rss | head",
        )
    age = memory["kills_age_seconds"]
    if memory["kills"]:
        recent = age is not None and age < RECENT_SECONDS
        last = f", the last {age / 60:.0f} minutes ago" if age is not None else ""
        evidence = f": {memory['killed'][-1]}" if memory["killed"] else ""
        yield Finding(
            "memory_killed",
            "processes of the application were killed for their memory",
            f"{memory['kills']} killed{last}{evidence}",
            "raise memory_max_megabytes or take fewer workers, and look for what grows (homeport status TARGET)",
            *(() if recent else (NOTICE,)),
        )


def clock(case: Case) -> Iterator[Finding]:
    """Yield a clock that is off by more than certificates and authorities bear."""
    told = case.found.get("clock")
    if told is None:
        return
    offset = (EPOCH + timedelta(seconds=told["now"]) - case.now).total_seconds()
    if abs(offset) > CLOCK_TOLERANCE_SECONDS:
        how = "ahead of" if offset > 0 else "behind"
        synchronised = "it says that it is synchronised: look at ours" if told["synchronised"] else "not synchronised"
        yield Finding(
            "clock_off",
            f"the host's clock is {duration(abs(offset))} {how} ours",
            synchronised,
            "timedatectl set-ntp true; systemctl restart systemd-timesyncd",
        )


def duration(seconds: float) -> str:
    """Return a time in words, in the unit that suits it."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds < 3600 else f"{seconds / 3600:.0f} hours"


def failed_units(case: Case) -> Iterator[Finding]:
    """Yield units of the machine that have failed and that nothing else here speaks of."""
    others = [name for name in case.found.get("failed_units", ()) if name not in case.found.get("units", {})]
    if others:
        fix = f"journalctl -u {others[0]}; when it is mended: systemctl reset-failed"
        yield Finding("unit_failed", "units of the machine have failed", ", ".join(others), fix, NOTICE)
