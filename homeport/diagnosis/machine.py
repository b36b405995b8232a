"""The machine: disk, memory, clock, units that have failed, a reboot that is due.

The rules `of_…` are those of a status, too, which knows less than a case has.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from homeport.diagnosis import limits
from homeport.diagnosis.case import EPOCH, Case
from homeport.diagnosis.finding import HINT, TROUBLE, WARNING, Finding
from homeport.diagnosis.limits import MEGABYTE
from homeport.probe.observations import DiskObservation

RECENT_SECONDS = 3600.0
# It is in memory and has a size of its own; no release goes there.
RUNTIME = "/run"


def disks(case: Case) -> Iterator[Finding]:
    """Yield the file systems that are full, nearly full, or cannot be written."""
    for disk in case.found.get("disks", ()):
        yield from of_disk(disk, case.settings.minimum_free_megabytes)


def of_disk(disk: DiskObservation, minimum_free_megabytes: int) -> Iterator[Finding]:
    """Yield what is wrong with a file system."""
    path, free = disk["path"], f"{disk['free_bytes'] // MEGABYTE} of {disk['total_bytes'] // MEGABYTE} MB are free"
    largest = f"; largest: {', '.join(disk['largest'])}" if disk["largest"] else ""
    if disk["read_only"]:
        fix = "see dmesg: the kernel makes a file system with errors read-only; check the disk, then reboot"
        yield Finding("disk_read_only", f"{path} cannot be written to", "it is mounted read-only", fix)
    elif limits.is_disk_full(disk["free_bytes"], disk["total_bytes"]):
        fix = "remove files (journalctl --vacuum-size=200M frees the journal's part) or enlarge the disk"
        yield Finding("disk_full", f"the disk is full: {path}", f"{free}{largest}", fix)
    elif disk["free_inodes"] is not None and disk["free_inodes"] < limits.FULL_INODES:
        fix = f"many small files use them up; find their folder with: du --inodes -xd 2 {path}"
        evidence = f"{disk['free_inodes']} inodes are free, though {disk['free_bytes'] // MEGABYTE} MB are"
        yield Finding("inodes_gone", f"no more files can be made on {path}", evidence, fix)
    elif path != RUNTIME:
        yield from _low(disk, minimum_free_megabytes, f"{free}{largest}")


def _low(disk: DiskObservation, wanted: int, figures: str) -> Iterator[Finding]:
    path, free = disk["path"], disk["free_bytes"] // MEGABYTE
    if limits.lacks_room_for_a_deploy(free, wanted) and disk["total_bytes"] > wanted * MEGABYTE:
        fix = "free some space, or lower minimum_free_megabytes"
        evidence = f"{free} MB are free, {wanted} MB are needed"
        yield Finding("disk_low", f"too little space for a deploy on {path}", evidence, fix, WARNING)
    elif limits.is_nearly_used_up(disk["used_percent"]):
        fix = "free some space (journalctl --vacuum-size=200M frees the journal's part), or enlarge the disk"
        yield Finding("disk_low", f"{path} is {disk['used_percent']:.0f} % full", figures, fix, WARNING)
    percent, fix = disk["free_inodes_percent"], f"find the many small files: du --inodes -xd 2 {path}"
    if percent is not None and limits.lacks_inodes_for_a_deploy(percent):
        evidence = f"{percent:.1f} % of the inodes are free"
        yield Finding("inodes_low", f"too few inodes for a deploy on {path}", evidence, fix, WARNING)
    elif percent is not None and limits.is_nearly_used_up(100 - percent):
        yield Finding("inodes_low", f"{path} has used {100 - percent:.0f} % of its inodes", "", fix, WARNING)


def memory(case: Case) -> Iterator[Finding]:
    """Yield a shortage of memory, and what the kernel has killed for one."""
    memory = case.found.get("memory")
    if memory is None:
        return
    yield from of_memory(memory["available_kilobytes"], memory["total_kilobytes"], memory["pressure_percent"])
    age = memory["kills_age_seconds"]
    if memory["kills"]:
        recent = age is not None and age < RECENT_SECONDS
        last = f", the last {age / 60:.0f} minutes ago" if age is not None else ""
        evidence = f": {memory['killed'][-1]}" if memory["killed"] else ""
        yield Finding(
            "memory_killed",
            "processes of the application were killed for lack of memory",
            f"{memory['kills']} killed{last}{evidence}",
            "raise memory_max_megabytes or use fewer workers, and find out what grows (homeport status TARGET)",
            TROUBLE if recent else WARNING,
        )


def of_memory(available: int, total: int, pressure: float | None = None) -> Iterator[Finding]:
    """Yield that a machine is short of memory, or soon will be; sizes in kilobytes, the pressure in percent."""
    fix = (
        "use fewer workers (homeport scale TARGET), or a larger machine; to see what uses it: ps aux --sort -rss | head"
    )
    evidence = f"{available // 1024} of {total // 1024} MB are available"
    if limits.is_memory_short(available, total, pressure):
        waits = f", and processes wait for memory {pressure:.0f} % of the time" if pressure else ""
        yield Finding("memory_short", "the machine is short of memory", f"{evidence}{waits}", fix)
    elif total and limits.is_nearly_used_up(used := 100 * (total - available) / total):
        yield Finding("memory_tight", f"{used:.0f} % of the memory is used", evidence, fix, WARNING)


def clock(case: Case) -> Iterator[Finding]:
    """Yield a clock that is off by more than certificates and authorities bear."""
    told = case.found.get("clock")
    if told is None:
        return
    offset = (EPOCH + timedelta(seconds=told["now"]) - case.now).total_seconds()
    if limits.is_clock_off(offset):
        how = "ahead of" if offset > 0 else "behind"
        synchronised = (
            "it says that it is synchronised: check the clock of this computer"
            if told["synchronised"]
            else "not synchronised"
        )
        yield Finding(
            "clock_off",
            f"the host's clock is {duration(abs(offset))} {how} the clock of this computer",
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
        fix = f"journalctl -u {others[0]}; once the cause is fixed: systemctl reset-failed"
        yield Finding("unit_failed", "units of the machine have failed", ", ".join(others), fix, WARNING)


def reboot(case: Case) -> Iterator[Finding]:
    """Yield that an upgrade waits for a reboot."""
    yield from of_reboot(required=case.found.get("reboot_required", False))


def replaced(case: Case) -> Iterator[Finding]:
    """Yield what still runs programs or libraries that an upgrade has replaced: with their faults, that is."""
    for unit, paths in case.found.get("replaced", {}).items():
        is_proxy = unit == case.found.get("site", {}).get("unit")
        fix = "systemctl start homeport-use-upgrades@proxy" if is_proxy else "homeport restart TARGET --new-slot"
        problem = f"{unit} runs files that an upgrade has replaced"
        yield Finding("upgrade_not_in_use", problem, ", ".join(paths), fix, WARNING)


def of_reboot(*, required: bool) -> Iterator[Finding]:
    """Yield that an upgrade waits for a reboot, if one does."""
    if required:
        fix = "reboot it at a good time; with reboot_time it reboots by itself"
        yield Finding("reboot_required", "an upgrade waits for a reboot", "", fix, HINT)
