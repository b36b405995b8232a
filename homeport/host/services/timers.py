"""When systemd's timers run. Reads only."""

from __future__ import annotations

from datetime import datetime

from . import unit_state, units

PROPERTIES = "NextElapseUSecRealtime,LastTriggerUSec"


def runs(timer: str) -> tuple[str | None, str | None]:
    """Return when a timer runs next and has run last (ISO 8601, UTC); None: never, or not known."""
    # systemctl writes times in the zone of its environment.
    found = unit_state.properties(
        units.run_checked("env", "TZ=UTC", "systemctl", "show", "--property", PROPERTIES, "--", timer)
    )
    return moment(found.get("NextElapseUSecRealtime", "")), moment(found.get("LastTriggerUSec", ""))


def moment(text: str) -> str | None:
    """Return a time as systemctl writes it in UTC (`Sun 2030-01-06 12:00:00 UTC`) as ISO 8601; else None."""
    try:
        return datetime.strptime(text.strip(), "%a %Y-%m-%d %H:%M:%S UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return None
