"""A machine that has another proxy of homeport's than the wanted one, which takes its place. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from homeport.state.changes import Change
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import OtherProxy, Wanted

ACTIVE = ("active", "activating", "reloading")


def replaced(wanted: Wanted, found: Snapshot) -> OtherProxy | None:
    """Return the proxy that serves on the host, or would after a boot, instead of the wanted one; None: none does."""
    return next((one for one in wanted.other_proxies if one.mark in found.paths and any(_changes(one, found))), None)


def around(starts: list[Change], proxy_unit: str, wanted: Wanted, found: Snapshot) -> list[Change]:
    """Return what starts, after what ends the other proxy, if there is one; its files stay, for whoever goes back."""
    other = replaced(wanted, found)
    if other is None:
        return starts
    # Visitors get no answer between its stop and the start of the new one.
    return [*_changes(other, found), *sorted(starts, key=lambda change: change.what != proxy_unit)]


def _changes(other: OtherProxy, found: Snapshot) -> Iterator[Change]:
    state = found.units.get(other.unit)
    if state and state.file_state == "enabled":
        yield Change("disable", other.unit, "another proxy takes its place")
    if state and state.active in ACTIVE:
        yield Change("stop", other.unit, "another proxy takes its place: open connections are cut")
