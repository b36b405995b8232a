"""`restart`: new processes of the live release, without a lost request.

The same release is brought up in the other slot and switched to, as in a deploy. Where that would cost more
(`Release.restarts_in_place`) several workers are replaced one after the other instead: their manager is told to
(SIGHUP; it keeps the port open all the time). A worker that ends drops what it has just been given, and a proxy sends
nothing again that may have been done: of 5,166 POSTs in 20 such restarts 9 were lost, and of 17,294 by the other slot
none (measured, uvicorn 0.54). The manager gives a new worker 5 s to start (uvicorn's timeout_worker_healthcheck, which
`fastapi run` cannot set) and else keeps the old ones; then the other slot is used, and so it is for a lone worker,
which is the server itself and would end.
"""

from __future__ import annotations

import time

from ..services import health, processes, units
from ..services.release_description import Release, load
from ..system import unit_processes
from ..system.layout import Layout
from ..system.output import HostError, say
from . import committing, slots, starting
from .request import DeployRequest

POLL_SECONDS = 0.2
PROGRESS_SECONDS = 5.0
# The manager looks for signals twice a second, unless it waits 5 s for a hung worker.
GIVEN_UP_SECONDS = 10.0


def restart(layout: Layout, by: str = "", *, new_slot: bool = False) -> None:
    """Give the live release new processes; raise HostError when nothing is live, or when it does not come up again.

    `by` is who asked, for the log. The caller holds the application's lock.
    """
    found = slots.read(layout)
    live = found[found.live] if found.live else None
    if live is None or live.release is None or not live.active:
        raise HostError("no release is live here that could be restarted; deploy first")
    release = load(layout, live.release)
    in_place = release.restarts_in_place and not new_slot
    if in_place and len(workers(layout, live.name)) > 1 and _in_place(layout, live.name, release):
        processes.stop(layout, live.name)
        processes.start(layout, live.name)
        return
    request = DeployRequest(by, again=True)
    starting.start(layout, release.id, request)
    committing.commit(layout, release.id, request)


def workers(layout: Layout, slot: str) -> set[int]:
    """Return the process ids of the slot's workers."""
    found = unit_processes.of_unit(units.show(layout.unit(slot)))
    return {one["pid"] for one in found if one["kind"] == "worker"}


def _in_place(layout: Layout, slot: str, release: Release) -> bool:
    """Replace the workers; return False, with old ones serving, when the manager has given that up."""
    unit, old = layout.unit(slot), workers(layout, slot)
    manager = units.show(unit)["MainPID"]
    say(f"{layout.app}: replacing {len(old)} workers of release {release.id}, one after the other")
    units.reload(unit)
    # Each old worker may first finish what it serves.
    end = time.monotonic() + release.health.timeout_seconds + len(old) * release.drain_timeout_seconds
    shown = busy = time.monotonic()
    while time.monotonic() < end:
        new = workers(layout, slot)
        if units.show(unit)["MainPID"] != manager:
            raise HostError("the manager died when it was told to replace its workers; systemd starts it again")
        if len(new) >= len(old) and not new & old and _is_healthy(layout, slot, release):
            say(f"{layout.app}: release {release.id} has {len(new)} new workers")
            return True
        if len(new) > len(old) or not new & old:  # one starts, or ends, beside the others
            busy = time.monotonic()
        if time.monotonic() - busy >= GIVEN_UP_SECONDS:
            say(
                f"{layout.app}: a new worker takes longer to start than the manager waits; using the other slot instead"
            )
            return False
        if time.monotonic() - shown >= PROGRESS_SECONDS:
            shown = time.monotonic()
            say(f"{layout.app}: {len(new & old)} old workers are left")
        time.sleep(POLL_SECONDS)
    raise HostError(f"{len(workers(layout, slot) & old)} old workers are left, or the new ones are not healthy")


def _is_healthy(layout: Layout, slot: str, release: Release) -> bool:
    return health.ask_repeatedly(release.ports[slot], release.health, health.site_name(layout)).good
