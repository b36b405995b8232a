"""Which of the journal's entries are an application's: of its units, or of this program itself. Reads only."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..services import failures, supervisord
from ..services.processes import unit_names
from ..system.journal import Entry
from ..system.layout import SLOTS, Layout


def units(layout: Layout, *, app: bool, migration: bool) -> list[str]:
    """Return the options that select an application's units: its slots with what runs beside them, its migrations."""
    names = [layout.unit(slot) for slot in SLOTS] if app else []
    names += [name for slot in SLOTS for name in unit_names(layout, slot) if name.endswith(".service")] if app else []
    names += [layout.migrate_unit(slot) for slot in SLOTS] if migration else []
    return [option for name in names for option in failures.of_unit(name)]


def of_a_unit(layout: Layout) -> Callable[[Entry], dict[str, Any]]:
    """Return what tells of an entry which source, unit and slot it is of; systemd's own words are the unit's too."""

    def described(entry: Entry) -> dict[str, Any]:
        own = supervisord.of_scope(str(entry.get("_SYSTEMD_UNIT") or ""))
        about = entry.get("UNIT") or entry.get("OBJECT_SYSTEMD_UNIT") or own
        unit = own if own.startswith((f"{layout.app}@", f"{layout.app}.", f"{layout.app}-")) else about
        slot = re.search(r"@(blue|green)\.", str(unit))
        source = "migration" if str(unit).startswith(f"{layout.app}-migrate@") else "app"
        return {"source": source, "unit": unit, "slot": slot[1] if slot else None}

    return described
