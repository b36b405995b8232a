"""How many workers suit a machine."""

from __future__ import annotations

from homeport.state.snapshot import Machine

# What the system, Nginx and a deploy's own tools need.
RESERVED_MEGABYTES = 384
# Blue and green run side by side during a switch.
OVERLAPPING_SLOTS = 2


def worker_count(wanted: int | str, machine: Machine, worker_memory_megabytes: int) -> int:
    """Return the number of worker processes: the wanted one, or for "auto" one a core as far as memory allows.

    One process per core is what FastAPI's deployment guide starts from; memory counts twice, since two slots overlap.
    """
    if isinstance(wanted, int):
        return wanted
    spare = machine.memory_megabytes - RESERVED_MEGABYTES
    return max(1, min(machine.cores, spare // (OVERLAPPING_SLOTS * worker_memory_megabytes)))


def memory_limit(wanted: int | str | None, machine: Machine) -> int | None:
    """Return the hard limit of one slot in megabytes; None: none. "auto" leaves the system what it needs.

    A limit below half of the machine would kill applications that fit; so a small machine is left less.
    """
    if wanted != "auto":
        return wanted if isinstance(wanted, int) else None
    return max(machine.memory_megabytes - RESERVED_MEGABYTES, machine.memory_megabytes // 2)
