"""The inventory of a run of pyinfra, as far as one host must know of the others."""

from __future__ import annotations

from pyinfra.api import State

from homeport.inventory.migrating_host import Fleet
from homeport.settings.loading import application_of


def has_one_host(state: State) -> bool:
    """Tell whether the run selects one host only."""
    return sum(1 for host in state.inventory if state.is_host_in_limit(host)) == 1


def fleet(state: State) -> Fleet:
    """Return the hosts of the inventory, in its order, and which of them the run selects."""
    hosts = list(state.inventory)
    return Fleet(
        applications={host.name: application_of(host.data.dict()) for host in hosts},
        selected=frozenset(host.name for host in hosts if state.is_host_in_limit(host)),
    )
