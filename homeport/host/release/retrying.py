"""`retry`: starts the failed units of a live slot again until they are up, for homeport-retry@.service.

systemd does not start an application again whose migration unit failed (Restart= of a oneshot helps no dependent before
RestartMode= of systemd 254), and gives up what dies at once again and again. Both happen where a database comes later
than this machine. So OnFailure= of a slot's units starts this, which ends by itself. A start that is under way for ever
would keep the boot from ending: each try is a start of its own, and there are pauses between them.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

from ..services import failures, processes, units
from ..services.cause_line import cause_line
from ..services.release_description import load
from ..system import atomic, lock
from ..system.layout import SLOTS, Layout
from ..system.output import HostError, say
from . import slots

# The site is back soon after a database that comes minutes later; what is broken for good takes little from others.
PAUSES_SECONDS = (2.0, 4.0, 8.0, *[15.0] * 40, 60.0)
POLL_SECONDS = 1.0
BUSY = ("activating", "deactivating", "reloading")
MIGRATION, APPLICATION, PROCESS = "migration", "application", "process"


def retry(layout: Layout, slot: str) -> None:
    """Start what has failed of the slot, again and again, while the slot is live or the standby.

    It does not touch units that somebody stopped, that a deploy is changing, or that systemd itself restarts.
    """
    # Of each unit by itself: a process of the application is not late because the server was long down.
    tried: Counter[str] = Counter()
    since, position = lock.now(), ""
    try:
        while found := failed(layout, slot):
            kind, unit = found
            error = reason(layout, slot, kind, unit, position)
            _note(layout, slot, {"what": kind, "unit": unit, "tries": tried[unit], "since": since, **_words(error)})
            pause = PAUSES_SECONDS[min(tried[unit], len(PAUSES_SECONDS) - 1)]
            say(f"{layout.app}: slot {slot} is not up: {error}; try {tried[unit] + 1} in {pause:.0f} s")
            time.sleep(pause)
            _wait_for_others(layout, slot)
            if failed(layout, slot) != found:
                continue
            tried[unit] += 1
            position = failures.cursor()
            # Of a unit that had failed before it came to its start limit, the result says nothing of that.
            units.begin_anew([unit])
            units.start([unit])
            _wait_for_others(layout, slot)
    finally:
        atomic.remove(layout.retry(slot))
    if (tries := tried.total()) and units.is_active(layout.unit(slot)):
        say(f"{layout.app}: slot {slot} is up, after {tries} {'try' if tries == 1 else 'tries'}")


def failed(layout: Layout, slot: str) -> tuple[str, str] | None:
    """Return the kind of unit that failed for good in a slot that should serve, and the unit to start; else None."""
    if slot not in (slots.read(layout).live, slots.standby(layout)):
        return None
    app, migration = units.show_all([layout.unit(slot), layout.migrate_unit(slot)])
    if app["ActiveState"] == "failed":
        return APPLICATION, layout.unit(slot)
    if app["ActiveState"] == "inactive" and migration["ActiveState"] == "failed":
        return MIGRATION, layout.unit(slot)
    names = units.lasting(processes.unit_names(layout, slot)) if app["ActiveState"] == "active" else []
    ended = [name for name in names if units.show(name)["ActiveState"] == "failed"]
    return (PROCESS, ended[0]) if ended else None


def reason(layout: Layout, slot: str, kind: str, unit: str, position: str) -> HostError:
    """Return why it is down, with its last lines (since the journal's cursor `position`, if there is one)."""
    if kind == PROCESS:
        return HostError(processes.failed(layout, slot) or f"{unit} died")
    app, migration = units.show_all([layout.unit(slot), layout.migrate_unit(slot)])
    try:
        path = load(layout, slots.linked_release(layout, slot) or "").health.path
    except HostError as error:
        return error
    found = failures.failure(layout, slot, app, migration, position, path)
    words = cause_line(found.details)
    said = f": {words}" if words and not str(found).endswith(words) else ""
    return HostError(f"{found}{said}", found.details)


def read(layout: Layout, slot: str) -> dict[str, Any] | None:
    """Return what is tried again: `what`, `unit`, `tries`, `since`, `reason`, `last` (lines); None where nothing is."""
    try:
        raw = json.loads(layout.retry(slot).read_text(errors="replace"))
    except (OSError, ValueError):
        return None
    if not isinstance(raw, dict) or not units.is_active(layout.retry_unit(slot)):
        return None
    # What somebody has started in the midst of a pause is up, though it is looked at again only after that.
    return None if units.is_active(str(raw["unit"])) else raw


def place(word: str) -> tuple[str, str]:
    """Return the application and the slot that an instance of the unit is called after; raise HostError for others."""
    app, _, slot = word.partition(":")
    if not app or slot not in SLOTS:
        raise HostError(f"{word!r} is no application and slot")
    return app, slot


def _wait_for_others(layout: Layout, slot: str) -> None:
    """Wait while a run is at work on the application, or systemd on the slot's server or migration."""
    names = [layout.unit(slot), layout.migrate_unit(slot)]
    while lock.is_held(layout.lock) or any(one["ActiveState"] in BUSY for one in units.show_all(names)):
        time.sleep(POLL_SECONDS)


def _words(error: HostError) -> dict[str, Any]:
    return {"reason": str(error), "last": list(error.details)}


def _note(layout: Layout, slot: str, content: dict[str, Any]) -> None:
    path = layout.retry(slot)
    path.parent.mkdir(mode=0o755, exist_ok=True)
    # The last output of an application is only for people who may read its log.
    atomic.write(path, json.dumps(content).encode() + b"\n", 0o600)
