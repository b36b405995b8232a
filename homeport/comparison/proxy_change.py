"""A machine that has another proxy of homeport's than the wanted one, which takes its place. Pure.

The machine's record (`PROXY_RECORD`) says which proxy the host program asks, and which one a boot starts. It is written
when the new one serves: until then, whatever becomes of the deploy, the machine is one with the old proxy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256

from homeport.proxies.chosen import PROXIES, USUAL, proxy_of
from homeport.settings.machine import SINGLE_VALUES
from homeport.state import machine_values
from homeport.state.changes import Change
from homeport.state.ownership import is_somebodys
from homeport.state.paths import PROXY_RECORD, AppPaths
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Directory, File, OtherProxy, Wanted

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


def directories_now(wanted: Wanted, found: Snapshot) -> tuple[Directory, ...]:
    """Return the wanted directories, with that of the old proxy's start condition while it is replaced."""
    other = replaced(wanted, found)
    places = [file.path.rpartition("/")[0] for file in other.part.start_conditions] if other else []
    more = (one for one in other.part.directories if one.path in places) if other else ()
    return (*wanted.part.directories, *more)


def files_now(wanted: Wanted, found: Snapshot) -> tuple[File, ...]:
    """Return the files that are written before the proxy that is wanted serves, in their order.

    While it takes another one's place, start conditions come first, which decide about a boot from then on; and the
    application's record of what it sets for the machine names the proxy that serves.
    """
    if (other := replaced(wanted, found)) is None:
        return wanted.part.files
    record = AppPaths(wanted.app).machine_values
    return (
        *_conditions(wanted, other),
        *(_as_it_is(file, other, found, wanted.app) if file.path == record else file for file in wanted.part.files),
    )


def in_order(enables: Sequence[Change], starts: Sequence[Change], wanted: Wanted, found: Snapshot) -> list[Change]:
    """Return what is enabled and started, with what ends another proxy, and the record of the one that serves then.

    Both are enabled for a moment. The record decides which of them a boot starts, by their start conditions: so there
    is no moment at which a boot would start none or two. The old one's files stay.
    """
    unit, other = proxy_of(wanted.proxy).unit, replaced(wanted, found)
    record = [*_record(wanted, found)]
    if other is None:
        first, last = ([], record) if any(change.what == unit for change in starts) else (record, [])
        return [*enables, *first, *_leftovers(wanted, found), *starts, *last, *_unblocked(wanted, found)]
    # Nobody is answered from its end until the new one has started. A package may have started that one already.
    start = [change for change in starts if change.what == unit] or [Change("restart", unit, "reads its sites")]
    return [
        *(change for change in enables if change.what != unit),
        *(change for change in _ends(other, found) if change.verb == "stop"),
        *start,
        *(change for change in enables if change.what == unit),
        *(*record, *_written_with_record(wanted, found)),
        *(change for change in _ends(other, found) if change.verb == "disable"),
        *_unblocked(wanted, found, other),
        *(change for change in starts if change.what != unit),
    ]


def _conditions(wanted: Wanted, *others: OtherProxy) -> tuple[File, ...]:
    return tuple(file for part in (*(one.part for one in others), wanted.part) for file in part.start_conditions)


def _unblocked(wanted: Wanted, found: Snapshot, other: OtherProxy | None = None) -> Iterator[Change]:
    """Yield the removal of start conditions; those that this deploy puts in place are not there yet."""
    new = _conditions(wanted, other) if other else ()
    # The package brings it; one without a package (Traefik) has none to bring.
    if wanted.proxy in wanted.part.packages and wanted.proxy not in found.packages:
        new = (*new, *wanted.part.start_conditions)
    for file in _conditions(wanted, *wanted.other_proxies):
        if file in new or file.path in found.paths:
            unit = file.path.split("/")[-2].removesuffix(".d")
            yield Change("unblock", unit, "its start condition is no longer needed")


def _as_it_is(file: File, other: OtherProxy, found: Snapshot, app: str) -> File:
    """Return the record of what the application sets for the machine with the proxy that serves."""
    wanted = machine_values.parse(file.content)
    before = next((one.values for one in found.machine.values if one.app == app), {})
    if wanted is None:
        return file
    values = {**wanted.values, "proxy": other.name}
    if other.name == USUAL and "proxy" not in before:
        del values["proxy"]
    ordered = {key: values[key] for key in SINGLE_VALUES if key in values}
    return replace(file, content=replace(wanted, values=ordered).text())


def _written_with_record(wanted: Wanted, found: Snapshot) -> Iterator[Change]:
    for file in wanted.part.files:
        there = found.paths.get(file.path)
        if file.path == AppPaths(wanted.app).machine_values and (there is None or there.digest != file.digest):
            yield Change("write", file.path, "the machine's proxy from now on")


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

    A deploy that was killed may have left one that has no configuration of ours yet. One with configuration of
    somebody's own has been given other work since homeport left it.
    """
    for other in wanted.other_proxies:
        ours = other.mark in found.paths or any(file.path in found.paths for file in other.part.start_conditions)
        if ours and any(_ends(other, found)) and not any(is_somebodys(f, found, wanted.app) for f in other.part.files):
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
