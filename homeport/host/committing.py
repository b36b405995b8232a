"""`commit`: make a started release the live one, and end the one before it. May be repeated after a kill anywhere.

The order, and why (a power cut may come between any two steps, and exactly one release must serve afterwards):

1. enable the new slot for boot. Cut here: both are enabled, the flag still says old, and only the slot that the flag
   names may run at boot (`slots.may_run`, asked by ExecCondition= of the units): the old release serves.
2. sync: what the flag will point to is on the disk before the flag is.
3. flip the flag, one file created or removed: the switch itself. From here on the new release serves, also after a cut.
4. ask the new slot once more. If it does not answer now, the flag goes back: the old slot still runs.
5. log `live`, disable the old slot, drain it, stop it. Cut anywhere here: the flag says new, the old slot may not run
   at boot, and the next commit of the same release does what is missing.
"""

from __future__ import annotations

import os
import time

from . import durable, health, journal, slots, sockets, units
from .layout import GREEN, Layout, other
from .output import HostError, say
from .releases import Release, load

# Requests that chose their slot just before the flip reach it within this time.
SETTLE_SECONDS = 1.0
POLL_SECONDS = 0.2


def commit(layout: Layout, release_id: str, by: str = "") -> None:
    """Make the release `release_id`, which `start` has brought up, the live one; finish what an earlier run left.

    Raises HostError, with the old release still live, when the new one is not up and healthy. `by` is who asked. The
    caller holds the application's lock.
    """
    release = load(layout, release_id)
    found = slots.read(layout)
    slot = choose(found, release.id)
    if slot != found.live:
        _go_live(layout, found, slot, release, by)
    done = _finish(layout, slot, release, by)
    say(f"{layout.app}: release {release.id} is live in slot {slot}" + ("" if done else " already"))


def choose(found: slots.Slots, release_id: str) -> str:
    """Return the slot that runs the release: the live one if it does, else the other; raise HostError if none does."""
    names = [found.live, other(found.live)] if found.live else [found.target]
    for name in names:
        if found[name].active and found[name].release == release_id:
            return name
    raise HostError("is not running; start it first")


def _go_live(layout: Layout, found: slots.Slots, slot: str, release: Release, by: str) -> None:
    name, port = health.site_name(layout), release.ports[slot]
    answer = health.ask_repeatedly(port, release.health, name)
    if not answer.good:
        raise HostError(f"slot {slot} is not healthy: {release.health.path} {answer.text}")
    units.enable(layout.unit(slot))
    os.sync()
    flip(layout, slot)
    answer = health.ask_repeatedly(port, release.health, name)
    if not answer.good and found.live and found[found.live].active:
        flip(layout, found.live)
        units.disable(layout.unit(slot))
        slots.halt(layout, slot)
        reason = f"turned unhealthy as it went live ({release.health.path} {answer.text})"
        journal.append(layout, journal.FAILED, release, slot, by=by, reason=reason)
        raise HostError(f"{reason}; release {found[found.live].release} is live again")


def flip(layout: Layout, slot: str) -> None:
    """Make `slot` the live one: create or remove one file, and have that on the disk."""
    if slot == GREEN:
        os.close(os.open(layout.flag, os.O_WRONLY | os.O_CREAT, 0o644))
    else:
        layout.flag.unlink(missing_ok=True)
    durable.sync_directory(layout.flag.parent)


def _finish(layout: Layout, slot: str, release: Release, by: str) -> bool:
    """Do what is left once the flag says `slot`; return whether there was anything."""
    found = slots.read(layout)
    old = found[other(slot)]
    logged = journal.last_live(journal.read(layout)) == release.id
    if not found[slot].enabled:
        units.enable(layout.unit(slot))
    if not logged:
        journal.append(layout, journal.LIVE, release, slot, by=by)
    if old.enabled:
        units.disable(layout.unit(old.name))
    running = units.show(layout.unit(old.name))["ActiveState"] not in ("inactive", "failed")
    if running:
        drain(layout.app, old.name, release.ports[old.name], release.drain_timeout_seconds)
    slots.halt(layout, old.name)
    return not (logged and found[slot].enabled and not old.enabled and not running)


def drain(app: str, slot: str, port: int, timeout_seconds: float) -> None:
    """Wait until the slot on `port` has no connection left: SETTLE_SECONDS at least, `timeout_seconds` at most."""
    began = time.monotonic()
    time.sleep(SETTLE_SECONDS)
    while (left := sockets.established(sockets.read(), port)) and time.monotonic() - began < timeout_seconds:
        time.sleep(POLL_SECONDS)
    seconds = time.monotonic() - began
    if left:
        say(f"{app}: slot {slot} still has {left} connections after {seconds:.0f} s; stopping it")
    else:
        say(f"{app}: slot {slot} has finished its requests ({seconds:.1f} s)")
