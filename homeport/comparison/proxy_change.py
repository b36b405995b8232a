"""A machine that has another proxy of homeport's than the wanted one, which takes its place. Pure.

The machine's record (`PROXY_RECORD`) says which proxy the host program asks. It is written when the new one serves:
until then, whatever becomes of the deploy, the machine is one with the old proxy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from homeport.proxies.chosen import PROXIES, USUAL, proxy_of
from homeport.state.changes import Change
from homeport.state.ownership import is_somebodys
from homeport.state.paths import PROXY_RECORD
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import OtherProxy, Wanted

ACTIVE = ("active", "activating", "reloading")
PORTS = (80, 443)


def replaced(wanted: Wanted, found: Snapshot) -> OtherProxy | None:
    """Return the proxy that serves on the host, or would after a boot, instead of the wanted one; None: none does.

    Who has the ports serves. Where neither of them has, it is the recorded one.
    """
    if _has_ports(proxy_of(wanted.proxy).unit, found):
        return None
    others = [one for one in wanted.other_proxies if _is_ours(one, found)]
    holders = [one for one in others if _has_ports(one.unit, found)]
    return next(iter(holders or [one for one in others if one.name == recorded(found)]), None)


def recorded(found: Snapshot) -> str:
    """Return the name of the proxy that the host program takes for the machine's; a damaged record is none."""
    there = found.paths.get(PROXY_RECORD)
    return next((name for name in PROXIES if there and there.digest == _digest(name)), USUAL)


def in_order(enables: Sequence[Change], starts: Sequence[Change], wanted: Wanted, found: Snapshot) -> list[Change]:
    """Return what is enabled and started, with what ends another proxy, and the record of the one that serves then.

    The other one is enabled until the new one serves, so that a boot in between brings it back. Its files stay.
    """
    unit, other = proxy_of(wanted.proxy).unit, replaced(wanted, found)
    record = [*_record(wanted, found)]
    if other is None:
        return [*_leftovers(wanted, found), *enables, *starts, *record]
    # Nobody is answered from its end until the new one has started. A package may have started that one already.
    start = [change for change in starts if change.what == unit] or [Change("restart", unit, "reads its sites")]
    return [
        *(change for change in enables if change.what != unit),
        *(change for change in _ends(other, found) if change.verb == "stop"),
        *(*start, *record),
        *(change for change in enables if change.what == unit),
        *(change for change in _ends(other, found) if change.verb == "disable"),
        *(change for change in starts if change.what != unit),
    ]


def _is_ours(other: OtherProxy, found: Snapshot) -> bool:
    """Tell whether this is a proxy with files of homeport's that runs, or would after a boot."""
    return other.mark in found.paths and any(_ends(other, found))


def _has_ports(unit: str, found: Snapshot) -> bool:
    return any(holder.unit == unit and holder.port in PORTS for holder in found.ports)


def _ends(other: OtherProxy, found: Snapshot) -> Iterator[Change]:
    state = found.units.get(other.unit)
    if state and state.active in ACTIVE:
        yield Change("stop", other.unit, "another proxy takes its place: open connections are cut")
    if state and state.file_state == "enabled":
        yield Change("disable", other.unit, "another proxy takes its place")


def _leftovers(wanted: Wanted, found: Snapshot) -> Iterator[Change]:
    """Yield what ends a proxy that serves nobody, and would want the ports after a boot.

    One with configuration of somebody's own has been given other work since homeport left it.
    """
    for other in wanted.other_proxies:
        if _is_ours(other, found) and not any(is_somebodys(file, found, wanted.app) for file in other.part.files):
            yield Change("disable", other.unit, "left by a change of proxy that did not end")


def _record(wanted: Wanted, found: Snapshot) -> Iterator[Change]:
    if not wanted.other_proxies:
        return  # a machine that serves no site
    is_right = recorded(found) == wanted.proxy and (wanted.proxy != USUAL or PROXY_RECORD not in found.paths)
    if not is_right:
        yield Change("record", wanted.proxy, "the machine's proxy from now on")


def _digest(name: str) -> str:
    """Return the SHA-256 of the record, as `scripts/services.sh` writes it."""
    return sha256(f'{{"proxy": "{name}"}}\n'.encode()).hexdigest()
