"""Deploys: who is at work, who holds them, and how the last ones ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..host.data.migration_log import NAME
from ..host.proxies import maintenance
from ..host.release import deploy_hold
from ..host.reports import release_history
from ..host.system.layout import Layout
from ..host.system.lock import is_held
from .observations import DeployObservation, EventObservation

MOST_EVENTS = 20
LINES = 5


def read(layout: Layout) -> DeployObservation:
    """Return who deploys or holds deploys, and the last entries of the log of releases."""
    events = [_event(entry) for entry in release_history.read(layout)][-MOST_EVENTS:]
    return {
        "running": _running(layout),
        "held": deploy_hold.read(layout),
        "closed": maintenance.read(layout),
        "events": events,
        "migration_log": _log(layout.settings_releases / events[-1]["release"] / NAME) if events else [],
    }


def _event(entry: dict[str, Any]) -> EventObservation:
    one = {key: str(entry.get(key) or "") for key in ("at", "event", "release", "by", "reason")}
    return {"at": one["at"], "event": one["event"], "release": one["release"], "by": one["by"], "reason": one["reason"]}


def _running(layout: Layout) -> str:
    """Return what a lock says of its holder, "" when none has one: the kernel knows, the file outlives its holder."""
    for lock in (layout.lock, layout.deploy_lock):
        if is_held(lock):
            return lock.read_text(errors="replace").strip() or "{}"
    return ""


def _log(path: Path) -> list[str]:
    """Return the end of the last run in a release's migration log."""
    if not path.exists():
        return []
    last = path.read_text(errors="replace").rpartition("--- ")[2].splitlines()[1:]
    return [line for line in last if line.strip()][-LINES:]
