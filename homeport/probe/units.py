"""The units that a site needs, as systemd knows them, with their last words where they are not well."""

from __future__ import annotations

from ..host.proxies.chosen import proxy_of
from ..host.services import failures, supervisord, unit_state, units
from ..host.system.layout import SLOTS, Layout
from .observations import UnitObservation

MACHINE = ("homeport-renew.timer", "homeport-renew.service", "homeport-access.service")
# Restarts since it was last started by somebody that make a unit worth listening to.
RESTLESS = 1
LINES = 20


def names(layout: Layout) -> list[str]:
    """Return the units that we want to know of: the machine's, both slots', and those beside them."""
    of_slots = [unit for slot in SLOTS for unit in (layout.unit(slot), layout.migrate_unit(slot))]
    extras = [path.name for slot in SLOTS for path in units.installed_extras(layout, slot)]
    manager = [supervisord.SERVICE] if supervisord.names(layout.app) else []
    return [proxy_of(layout.machine).unit, *MACHINE, *manager, *of_slots, *extras]


def read(layout: Layout) -> dict[str, UnitObservation]:
    """Return the state of those units by name."""
    return {raw["Id"]: _unit(raw) for raw in units.show_all(names(layout))}


def _unit(raw: dict[str, str]) -> UnitObservation:
    state = unit_state.state(raw)
    ill = state.active in ("failed", "activating") or state.result not in ("", "success") or state.restarts >= RESTLESS
    return {
        "load": state.load,
        "active": state.active,
        "sub": state.sub,
        "result": state.result,
        "enabled": state.file_state,
        "restarts": state.restarts,
        "ending": failures.ending(raw) if "ExecMainStatus" in raw else "",
        "since": state.since,
        "last": _last(raw)[-LINES:] if ill else [],
        "manager": "supervisord" if supervisord.has(raw["Id"]) else "systemd",
    }


def _last(raw: dict[str, str]) -> list[str]:
    """Return what the unit wrote last; of one that is being started, before that."""
    entries = failures.last(raw["Id"])
    is_starting = raw["ActiveState"] == "activating" and raw["SubState"] != "auto-restart"
    before = failures.before_the_start(entries) if is_starting else []
    # This line is homeport's, not the application's.
    step = failures.before_start(failures.newest_start(before or entries))
    return [*failures.tail(before or entries), *([step] if step else [])]


def failed() -> list[str]:
    """Return the names of all units of the machine that have failed."""
    listed = units.run("systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--no-pager").stdout
    return [line.split()[0] for line in listed.splitlines() if line.strip()]
