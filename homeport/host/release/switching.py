"""The switch itself, and the way back: from one slot that runs to the other that runs.

The order, and why (a power cut may come between any two steps, and exactly one release must serve afterwards):

1. the release's site, if Nginx has another one: it knows both slots, so it serves the old release as well. A site by
   which Nginx serves fewer folders of files comes after the flip: the old release leaves those to Nginx, and would be
   asked for them. After one by which it serves more there is a pause: who was connecting meanwhile has the old site.
   One that keeps visitors out never comes last: what it protects would be open to all.
2. enable the new slot for boot. Cut here: both are enabled, the flag still says old, and only the slot that the flag
   names may run at boot (`slots.may_run`, asked by ExecCondition= of the units): the old release serves.
3. sync: what the flag will point to is on the disk before the flag is.
4. flip the flag, one file created or removed: the switch itself. From here on the new release serves, also after a cut.
"""

from __future__ import annotations

import os
import time
from functools import partial

from ..proxies import held, site
from ..services import processes, units
from ..services.release_description import Release, load
from ..system import atomic, sockets, timeline
from ..system.file_errors import explained
from ..system.layout import GREEN, Layout, other
from ..system.output import HostError, say
from . import slots, static_files

# Requests that chose their slot just before the flip reach it within this time.
SETTLE_SECONDS = 1.0
POLL_SECONDS = 0.2


def take_over(layout: Layout, slot: str, release: Release, *, in_haste: bool = False) -> None:
    """Make the running `slot` the live one; raise HostError, the other one live, when Nginx refuses the release's site.

    `in_haste` does not wait for the connections of idle clients: see site.install.
    """
    live = _live(layout)
    site_last = live is not None and static_files.serves_less(live, release) and not site.keeps_out(layout, release)
    if not site_last:
        site.install(layout, release, in_haste=in_haste)
        if live is not None and static_files.serves_less(release, live):
            # Who was connecting during the reload is served by the old site, for which files are the application's.
            time.sleep(SETTLE_SECONDS)
    units.enable(layout.unit(slot), reload=False)
    os.sync()
    flip(layout, slot)
    if site_last:
        try:
            site.install(layout, release, in_haste=in_haste)
        except (HostError, OSError):
            flip(layout, other(slot))
            raise


def _live(layout: Layout) -> Release | None:
    """Return the live release; None when there is none, or when it is not there any more."""
    live = slots.linked_release(layout, slots.flagged(layout))
    try:
        return load(layout, live) if live else None
    except HostError:
        return None


def flip(layout: Layout, slot: str) -> None:
    """Make `slot` the live one: create or remove one file, and have that on the disk."""
    if slot == GREEN:
        os.close(os.open(layout.flag, os.O_WRONLY | os.O_CREAT, 0o644))
    else:
        layout.flag.unlink(missing_ok=True)
    atomic.sync_directory(layout.flag.parent)


def go_back(layout: Layout, before: Release, old: str, release: Release, slot: str) -> None:
    """Make `before`, in the slot `old`, live again and end `release` in `slot`.

    Raises HostError when the old slot does not come up any more; then the flag is left as it is. What else does not
    go back (a process that does not start, say) is said and does not keep the rest from it.
    """
    if not units.is_active(layout.unit(old)):
        if release.replaces:  # no memory for two
            with held.requests(layout):
                slots.halt(layout, slot)
        resume(layout, old)
    change_site, change_slot = partial(site.install, layout, before, in_haste=True), partial(flip, layout, old)
    # What it keeps visitors out of is not live before it is in place.
    order = (change_site, change_slot) if site.keeps_out(layout, before) else (change_slot, change_site)
    steps = (
        *order,
        partial(processes.stop, layout, slot),
        partial(processes.start, layout, old),
    )
    for step in steps:
        try:
            step()
        except (HostError, OSError) as error:
            say(f"{layout.app}: while going back: {explained(error)}")
    units.enable(layout.unit(old))
    units.disable(layout.unit(slot))
    drain(layout, slot, release.ports[slot], SETTLE_SECONDS)
    slots.halt(layout, slot)


def resume(layout: Layout, slot: str) -> None:
    """Start a slot that holds what it held before; raise HostError when it does not become healthy again."""
    say(f"{layout.app}: starting slot {slot} again")
    slots.migrates_no_more(layout, slot)
    slots.permit(layout, slot)
    done = units.start([layout.unit(slot)])
    if done.returncode:
        raise HostError(f"slot {slot} does not start again: {done.stderr.strip()}")


def drain(layout: Layout, slot: str, port: int, timeout_seconds: float) -> None:
    """Wait until the slot on `port` has no connection left, `timeout_seconds` at most, but for what is on its way.

    That is until SETTLE_SECONDS after the flip.
    """
    began = time.monotonic()
    time.sleep(_unsettled_seconds(layout))
    while (left := sockets.established(sockets.read(), port)) and time.monotonic() - began < timeout_seconds:
        time.sleep(POLL_SECONDS)
    seconds = time.monotonic() - began
    if left:
        say(f"{layout.app}: slot {slot} still has {left} connections after {seconds:.0f} s; stopping it")
    else:
        say(f"{layout.app}: slot {slot} has finished its requests ({seconds:.1f} s)")


def _unsettled_seconds(layout: Layout) -> float:
    """Return how much of SETTLE_SECONDS is left since the flip, which changes the folder that the flag is in."""
    return timeline.left(SETTLE_SECONDS, layout.flag.parent.stat().st_mtime)
