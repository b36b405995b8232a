"""The processes and timers of a release beside its server: they run in the live slot and nowhere else.

Their units are APP.NAME@SLOT.service and APP.NAME@SLOT.timer. systemd starts them with their slot, at boot too, once
that is healthy; in a slot that is not live their condition (`is-live`) keeps them down, and a switch starts them here.
A service with a timer of the same name is a task: its timer starts it, nobody else.
"""

from __future__ import annotations

import re
import time

from ..system.layout import Layout
from ..system.output import HostError
from . import failures, units

# A command that cannot even be loaded has ended by then; what dies later is found by the watch.
SETTLE_SECONDS = 1.0


def unit_names(layout: Layout, slot: str) -> list[str]:
    """Return the names of the further units that are installed for the slot, tasks and timers among them."""
    return [path.name for path in units.installed_extras(layout, slot)]


def start(layout: Layout, slot: str) -> None:
    """Start the processes and timers of the live slot; raise HostError, with its last lines, for one that fails."""
    names = units.lasting(unit_names(layout, slot))
    if not names:
        return
    # A process that has died before is restarted: only deaths from now on count.
    worn = [name for name in names if _restarts(name)]
    if worn:
        units.stop_units(worn)
    units.begin_anew(names)
    position = failures.cursor()
    done = units.start(names)
    if any(name.endswith(".service") for name in names):
        time.sleep(SETTLE_SECONDS)
    for name in names:
        state = units.show(name)
        if state["ActiveState"] != "active" or _restarts(name):
            raise failures.process_failure(name, _kind(name), state, position, layout.app)
    if done.returncode:
        raise HostError(f"processes cannot be started: {done.stderr.strip()}")


def stop(layout: Layout, slot: str, *, wait: bool = True) -> None:
    """Stop the processes and timers of the slot; a task that is at work goes on. Without `wait` only tell them to."""
    units.stop_units(units.lasting(unit_names(layout, slot)), wait=wait)


def are_down(layout: Layout, slot: str) -> bool:
    """Tell whether the processes and timers of the slot have ended."""
    names = units.lasting(unit_names(layout, slot))
    return all(units.show(name)["ActiveState"] in ("inactive", "failed") for name in names)


def failed(layout: Layout, slot: str) -> str | None:
    """Return which process of the slot has died since it was started, and why; None when all are well."""
    for name in units.lasting(unit_names(layout, slot)):
        state = units.show(name)
        if state["ActiveState"] == "failed" or state["SubState"] == "auto-restart" or _restarts(name, state):
            entries = failures.last(name)
            lines = failures.tail(entries)
            step = failures.before_start(failures.newest_start(entries))
            word = f": {step or lines[-1]}" if lines else ""
            return f"{_kind(name)} died{word}"
    return None


def _restarts(name: str, state: dict[str, str] | None = None) -> int:
    """Return how often systemd has restarted the unit by itself since somebody started it."""
    return int((state or units.show(name)).get("NRestarts") or 0)


def _kind(name: str) -> str:
    """Return a unit in the user's words: `process worker`."""
    found = re.match(r"[^.]+\.([^@]+)@.*\.(service|timer)$", name)
    return f"{'process' if found[2] == 'service' else 'timer'} {found[1]}" if found else name
