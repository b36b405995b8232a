"""The virtual environment of a release: is there one for its lock, and has that its Python still? Pure."""

from __future__ import annotations

from homeport.state.changes import Change
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Wanted


def dependency_changes(wanted: Wanted, found: Snapshot) -> tuple[Change, ...]:
    """Return the installation of the virtual environment, unless the lock has one that is complete, with its Python."""
    if wanted.release is None or wanted.release.dependencies in found.environments:
        return ()
    lost = "its Python is gone, or is not the system's any more"
    reason = lost if is_lost(wanted, found) else "no environment for this lock yet"
    return (Change("install", f"environment {wanted.release.dependencies}", reason),)


def is_lost(wanted: Wanted, found: Snapshot) -> bool:
    """Tell whether all environments for the release's lock have lost their Python."""
    lock = wanted.release.dependencies if wanted.release else ""
    return lock in found.lost_environments and lock not in found.environments


def starts_again(wanted: Wanted, found: Snapshot) -> bool:
    """Tell whether the live release, which serves, goes to the other slot, since its environment is made anew."""
    live = wanted.release is not None and found.live_release == wanted.release.id
    unit = found.units.get(f"{wanted.app}@{found.live_slot}.service")
    return live and unit is not None and unit.active == "active" and is_lost(wanted, found)
