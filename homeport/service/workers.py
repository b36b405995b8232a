"""How many workers suit a machine."""

from __future__ import annotations

from homeport.host.system.resources import OVERLAPPING_SLOTS
from homeport.state.snapshot import MachineFound

# Memory for the system, Nginx and a deploy's own tools.
RESERVED_MEGABYTES = 384
# What the setting allows at least: below it no Python server starts.
SMALLEST_LIMIT_MEGABYTES = 64


def worker_count(wanted: int | str, machine: MachineFound, worker_memory_megabytes: int) -> int:
    """Return the number of worker processes: the wanted one, or for "auto" one a core as far as memory allows.

    One process per core is what FastAPI's deployment guide starts from; memory counts twice, since two slots overlap.
    It follows from the machine's size, which is always the same, and gives way to what was measured only where that
    many would be refused; a release that is on the host keeps its number.
    """
    if isinstance(wanted, int):
        return wanted
    spare = machine.memory_megabytes - RESERVED_MEGABYTES
    count = min(machine.cores, spare // (OVERLAPPING_SLOTS * worker_memory_megabytes))
    return max(1, count if machine.workers_at_most is None else min(count, machine.workers_at_most))


def memory_limit(wanted: int | str | None, machine: MachineFound) -> int | None:
    """Return the hard limit of one slot in megabytes; None: none. "auto" leaves the system what it needs.

    A limit below half of the machine would kill applications that fit; so a small machine is left less. Applications
    that share the machine have equal parts of it, so that one that leaks takes nothing from another: each as many parts
    as there are when its release is made.
    """
    if wanted != "auto":
        return wanted if isinstance(wanted, int) else None
    ours = max(machine.memory_megabytes - RESERVED_MEGABYTES, machine.memory_megabytes // 2)
    return max(ours // machine.applications, SMALLEST_LIMIT_MEGABYTES)
