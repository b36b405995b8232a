"""Whether a release's workers fit into a machine's memory, and how many do. Pure; sizes are megabytes (2**20 bytes).

What counts as available is the kernel's MemAvailable, without free swap: a worker that waits for the disk misses the
server's ping of five seconds, which ends it, so memory in swap serves nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from homeport.errors import HomeportError
from homeport.host.system.resources import OVERLAPPING_SLOTS, SPARE_MEGABYTES, fitting
from homeport.servers import SERVERS
from homeport.settings import Settings
from homeport.state.snapshot import MachineFound, Snapshot


@dataclass(frozen=True)
class Demand:
    """The memory of a slot: `base` for the manager, and `each` for each worker; a guess unless it was `measured`.

    Memory that workers share with a forking manager is the manager's. `always_managed`: a single worker has one too.
    """

    base: int
    each: int
    measured: bool
    always_managed: bool = False

    def of(self, workers: int) -> int:
        """Return what a slot with so many workers takes; a lone one may have no manager."""
        return self.each if workers == 1 and not self.always_managed else self.base + workers * self.each

    def fitting(self, room: int) -> int:
        """Return how many workers fit into `room`. A guess keeps no application from running with a single one."""
        if not self.measured:
            return max(room // self.each, 1)
        return fitting(self.base, self.each, room, always_managed=self.always_managed)


def demand(settings: Settings, found: Snapshot) -> Demand:
    """Return what a slot takes: as measured in the live one, else `worker_memory_megabytes` for each worker."""
    live = found.slot_memory.get(found.live_slot)
    if live is None or not live.workers_kilobytes:
        return Demand(0, settings.worker_memory_megabytes, measured=False)
    base, each = live.total_kilobytes - live.workers_kilobytes, live.workers_kilobytes / live.workers
    managed = SERVERS[settings.server].always_manages
    return Demand(_megabytes(base), max(_megabytes(each), 1), measured=True, always_managed=managed)


def room(found: Snapshot, *, restart: bool) -> int | None:
    """Return what there is for one slot; None where the kernel does not say what is available.

    What the idle slot holds (a standby, or what a killed run left) is free by then. With `restart` the live one's is
    too; otherwise both run side by side, at this switch and, with the new release's size, at the next one.
    """
    if found.available_megabytes is None:
        return None
    slots = {slot: int(memory.total_kilobytes // 1024) for slot, memory in found.slot_memory.items()}
    live = slots.pop(found.live_slot, 0)
    free = max(found.available_megabytes + sum(slots.values()) - SPARE_MEGABYTES, 0)
    return free + live if restart else min(free, (free + live) // OVERLAPPING_SLOTS)


def for_one_slot(settings: Settings, found: Snapshot, *, restart: bool) -> int | None:
    """Return what one slot may take: what there is, and no more than a `memory_max_megabytes` that was set.

    A guess is not held against that: the host measures a first release before all of its workers start.
    """
    there_is, limit = room(found, restart=restart), settings.memory_max_megabytes
    if there_is is None or not isinstance(limit, int) or not demand(settings, found).measured:
        return there_is
    return min(there_is, limit)


def sized(settings: Settings, found: Snapshot) -> MachineFound:
    """Return the machine with what is reckoned from the present: how many workers fit, and who shares its memory."""
    # A preview has a limit of its own, and takes no part of what the others have.
    others = {claim.app for claim in found.claims if claim.app and not claim.preview_of} - {settings.app_name}
    there_is = for_one_slot(settings, found, restart=settings.switch == "restart")
    most = None if there_is is None else demand(settings, found).fitting(there_is)
    return replace(found.machine, applications=1 + len(others), workers_at_most=most)


def refusal(settings: Settings, found: Snapshot, workers: int) -> HomeportError | None:
    """Return why a slot with so many workers does not fit, with what would, or None when it does."""
    restart = settings.switch == "restart"
    there_is, wanted = for_one_slot(settings, found, restart=restart), demand(settings, found)
    if there_is is None or workers <= wanted.fitting(there_is):
        return None
    source = "as measured" if wanted.measured else "by worker_memory_megabytes"
    side_by_side = "" if restart else " for each of the two slots that a switch runs side by side"
    limited = there_is == settings.memory_max_megabytes
    return HomeportError(
        f"{_count(workers)} of {wanted.each} MB ({source}) need {wanted.of(workers)} MB, "
        f"there are {there_is} MB{' (memory_max_megabytes)' if limited else side_by_side}",
        key="workers",
        fix=_fix(settings, found, workers, wanted),
    )


def _fix(settings: Settings, found: Snapshot, workers: int, wanted: Demand) -> str:
    most, restarted = (wanted.fitting(for_one_slot(settings, found, restart=restart) or 0) for restart in (False, True))
    if settings.switch == "restart":
        most = restarted
    ways = [f"set workers = {most}"] if most else []
    if restarted > most:
        standby = "standby = False and " if settings.standby else ""
        fewer = f" and workers = {restarted}" if restarted < workers else ""
        ways.append(f'set {standby}switch = "restart"{fewer}')
    return " or ".join(ways) or "give the machine more memory"


def _count(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"


def _megabytes(kilobytes: float) -> int:
    return int(-(-kilobytes // 1024))
