"""`commit`: make a started release the live one, and end the one before it. May be repeated after a kill anywhere.

`switching` makes it live; then it is watched, and only a release that did well is logged as `live`. So a run that was
killed in between leaves a release that the flag names and the log does not, and the next run watches it again. What
is left of the old slot (enabled, running, its processes) is ended by whichever run comes next.
"""

from __future__ import annotations

import os

from ..services import health, hooks, processes, units
from ..services.release_description import Release, load
from ..system import timeline
from ..system.file_errors import explained
from ..system.layout import LAUNCHER, Layout, other
from ..system.output import HostError, LockedError, say
from . import release_log, slots, starting, switching, watching
from .request import DeployRequest


def commit(layout: Layout, release_id: str, request: DeployRequest) -> None:
    """Make the release `release_id`, which `start` has brought up, the live one; finish what an earlier run left.

    Raises HostError, with the old release live, when the new one is not up, not healthy, or fails while it is watched,
    and LockedError when what was asked is not valid any more; what is live already is finished all the same. A rollback
    marks the release that is left. The caller holds the application's lock.
    """
    release = load(layout, release_id)
    if request.is_proven:  # and the way back must be short
        release = release._replace(watch_seconds=0)
    found = slots.read(layout)
    slot = choose(found, release.id, again=request.again)
    if slot != found.live:
        request.must_be_valid(layout)
        with timeline.step("switch"):
            _go_live(layout, found, slot, release, request)
    starting.disarm(layout)
    old, known = found[other(slot)], release_log.last_live(release_log.read(layout)) == release.id
    new = slot != found.live or not known
    if new:
        _prove(layout, old, slot, release, request)
        _log(layout, old, slot, release, request)
    if new and request.rollback:
        # A rollback waits for the older release, and not for the end of the one that it leaves.
        _finish_beside(layout, release)
        changed = True
    else:
        changed = _finish(layout, slot, release, standby=release.standby and not request.is_proven)
    say(f"{layout.app}: release {release.id} is live in slot {slot}" + ("" if new or changed else " already"))
    if new:
        _after_live(layout, release, old.release)


def choose(found: slots.Slots, release_id: str, *, again: bool = False) -> str:
    """Return the slot that runs the release: the live one if it does, else the other; raise HostError if none does.

    With `again` it is the other way round.
    """
    names = [found.live, other(found.live)] if found.live else [found.target]
    for name in reversed(names) if again else names:
        if found[name].active and found[name].release == release_id:
            return name
    raise HostError("is not running; start it first")


def _go_live(layout: Layout, found: slots.Slots, slot: str, release: Release, request: DeployRequest) -> None:
    """Make the slot the live one; when that cannot be done, stop it and raise HostError."""
    try:
        answer = health.ask_repeatedly(release.ports[slot], release.health, health.site_name(layout))
        if not answer.good:
            raise HostError(f"slot {slot} is not healthy any more: {release.health.path} {answer.text}")
        switching.take_over(layout, slot, release, in_haste=request.rollback)
    except (HostError, OSError) as error:
        problem = explained(error)
        if found.live and slots.is_live(layout, slot):
            # It serves already; only whether the disk has that is not known. The next run finishes it.
            raise problem from error
        slots.halt(layout, slot)
        if isinstance(error, LockedError):  # nothing is wrong with the release
            raise
        previous = found[found.live].release if found.live else None
        starting.record_failure(layout, release, slot, str(problem), request, previous=previous)
        raise problem from error
    watched = f", watched for {release.watch_seconds:.0f} s" if release.watch_seconds else ""
    say(f"{layout.app}: requests go to release {release.id} in slot {slot} now{watched}")


def _prove(layout: Layout, old: slots.Slot, slot: str, release: Release, request: DeployRequest) -> None:
    """Let the release's processes take over too, and watch it; go back, and raise HostError, when it fails."""
    with timeline.step("watch"):
        problem = _problem(layout, old, slot, release)
    if problem is None:
        return
    reason = f"failed just after it went live: {problem}"
    say(f"{layout.app}: release {release.id} {reason}")
    if old.release is not None:
        switching.go_back(layout, load(layout, old.release), old.name, release, slot)
    starting.record_failure(layout, release, slot, reason, request, previous=old.release)
    after = f"release {old.release} is live again" if old.release else "there is no older release to go back to"
    raise HostError(f"{reason}; {after}", problem.details)


def _problem(layout: Layout, old: slots.Slot, slot: str, release: Release) -> HostError | None:
    """Return what goes wrong as the processes change over and the release is watched; None when nothing does."""
    try:
        # An old worker may take its time over its last job; the new server is watched meanwhile.
        processes.stop(layout, old.name, wait=False)
        if failed := watching.watch(layout, slot, release, lambda: processes.are_down(layout, old.name)):
            return HostError(failed)
        processes.start(layout, slot)
        failed = watching.watch(layout, slot, release, watching.passed(release.watch_seconds))
        return HostError(failed) if failed else None
    except (HostError, OSError) as error:
        return explained(error)


def _log(layout: Layout, old: slots.Slot, slot: str, release: Release, request: DeployRequest) -> None:
    if request.rollback and old.release and old.release != release.id:
        release_log.append(layout, release_log.LEFT, load(layout, old.release), old.name, by=request.by)
    release_log.append(layout, release_log.LIVE, release, slot, by=request.by, steps=timeline.taken())


def _finish_beside(layout: Layout, release: Release) -> None:
    """Have a unit of its own do this commit once more, which ends the old slot; it waits until this run is done."""
    unit = (
        "--quiet",
        "--collect",
        f"--unit=homeport-{layout.app}-finish-{os.getpid()}",
        "--property=StandardOutput=null",
    )
    again = ("--in-unit", "commit", "--rollback", "--app", layout.app, "--release", release.id, "--lock-wait", "60")
    units.run_checked("systemd-run", *unit, LAUNCHER, *again)
    say(f"{layout.app}: the other slot finishes its requests, and is then stopped")


def _finish(layout: Layout, slot: str, release: Release, *, standby: bool) -> bool:
    """Do what is left once the release in `slot` has proven itself; return whether there was anything."""
    found = slots.read(layout)
    old = found[other(slot)]
    keeps = standby and old.active and old.release != release.id
    if not found[slot].enabled:
        # When the other one is disabled below, systemd reads its files again once, for both.
        units.enable(layout.unit(slot), reload=keeps or not old.enabled)
    if keeps:
        return _keep(layout, old, release) or not found[slot].enabled
    running = units.show(layout.unit(old.name))["ActiveState"] not in ("inactive", "failed")
    if old.enabled:
        units.disable(layout.unit(old.name))
    if running:
        switching.drain(layout, old.name, release.ports[old.name], release.drain_timeout_seconds)
    slots.halt(layout, old.name)
    return not found[slot].enabled or old.enabled or running


def _keep(layout: Layout, old: slots.Slot, release: Release) -> bool:
    """Keep the old slot running behind the live one; return whether it was not kept before."""
    if slots.standby(layout) == old.name and old.enabled:
        return False
    units.enable(layout.unit(old.name))
    slots.keep_as_standby(layout, old.name)
    say(f"{layout.app}: release {old.release} stays on standby in slot {old.name}, behind release {release.id}")
    return True


def _after_live(layout: Layout, release: Release, previous: str | None) -> None:
    try:
        hooks.run(layout, release, "after_live", previous=previous, outcome="live")
    except HostError as error:
        raise HostError(f"it is live, but {error}", error.details) from None
