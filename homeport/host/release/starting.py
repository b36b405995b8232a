"""`start`: bring a release up, healthy, in the slot that is not live. What is live is never touched.

Everything is decided from the state of the host, so that the next run finishes or repeats a run that was killed.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ..data import production_copy, rehearsal, revisions
from ..data.migration_log import keep_migration_log
from ..proxies import held, site
from ..services import failures, health, hooks, units, worker_memory, workers
from ..services.release_description import Release, load
from ..system import timeline
from ..system.file_errors import explained
from ..system.layout import LAUNCHER, Layout
from ..system.output import HostError, LockedError, say
from . import environments, release_log, slot_port, slots, start_progress, state_paths, static_files, switching
from .request import DeployRequest

# Longer than any run needs from its first machine's start to the switch on its last, and short enough that a release
# which a killed run has left does not take the machine's memory for the night.
UNCOMMITTED_SECONDS = 1800


def start(layout: Layout, release_id: str, request: DeployRequest) -> None:
    """Bring the release `release_id` up; raise HostError with the cause, and leave its slot stopped, when it fails.

    A rollback is refused for a release that never was good. Raises LockedError, with the old release live, when that
    one would have to end first and what was asked is not valid any more. The caller holds the application's lock.
    """
    release = load(layout, release_id)
    if request.rollback:
        _may_be_gone_back_to(layout, release)
    found = slots.read(layout)
    live = found[found.live] if found.live else None
    if live and live.active and live.release == release.id and not request.again:
        say(f"{layout.app}: release {release.id} is live in slot {live.name} already")
        return
    if problem := environments.refusal(layout.code_releases / release.id / ".venv"):
        raise HostError(problem)
    slot = found.target
    if _is_up(layout, slot, release):
        arm(layout, release)
        say(f"{layout.app}: release {release.id} is up in slot {slot} already")
        return
    say(f"{layout.app}: starting release {release.id} in slot {slot} on port {release.ports[slot]}")
    try:
        _bring_up(layout, slot, release, live, request)
    except LockedError:
        # Nothing is wrong with the release.
        slots.halt(layout, slot)
        raise
    except BaseException as error:
        slots.halt(layout, slot)
        reason = str(explained(error) if isinstance(error, OSError) else error) or type(error).__name__
        record_failure(layout, release, slot, reason, request, previous=live.release if live else None)
        raise
    release_log.append(layout, release_log.STARTED, release, slot, by=request.by, steps=timeline.taken())


def _may_be_gone_back_to(layout: Layout, release: Release) -> None:
    """Raise HostError for a release that never was good, or whose site knows the slots by other ports."""
    verdict = release_log.verdicts(release_log.read(layout)).get(release.id)
    if verdict in (None, release_log.FAILED):
        problem = "has failed here" if verdict else "was never live here"
        raise HostError(f"{problem}, and a rollback to it is refused; see homeport-host releases")
    present = {slot: slots.port(layout, slot) for slot in release.ports}
    if present != release.ports:
        raise HostError("had other ports than the host has now; deploy its commit instead (app_ref)")


def _bring_up(layout: Layout, slot: str, release: Release, live: slots.Slot | None, request: DeployRequest) -> None:
    with timeline.step("prepare"):
        rehearsal.clean(layout)  # what a killed run has left takes disk and memory
        held.forget(layout)
        if release.copy_of:
            production_copy.fill(layout, release.copy_of)
        static_files.publish(layout, release)
        state_paths.ensure(layout, release)
        slots.prepare(layout, slot, release, migrate=not request.is_proven)
        static_files.point(layout, slot, release)
        site.check(layout, release)
    if release.has_migration and not request.is_proven:
        revisions.note_mistaken(layout, release.id, release.files / "mistaken")
        previous = live.release if live else None
        with timeline.step("hooks"):
            hooks.run(layout, release, "before_migration", previous=previous, outcome="migrating")
        if release.rehearsal and live and live.active and live.release:
            with timeline.step("rehearsal"):
                rehearsal.rehearse(layout, release, load(layout, live.release), slot)
    if release.replaces and live and live.active:
        request.must_be_valid(layout)
        _replace(layout, live, slot, release)
        return
    arm(layout, release)
    # For a release that was live here there are figures, which the controller has used.
    _launch(layout, slot, release, measure=live is None and release.workers > 1 and not request.is_proven)


def _replace(layout: Layout, live: slots.Slot, slot: str, release: Release) -> None:
    """End the live slot, start the new one in its place, and make it live at once; undo that when it does not come up.

    For machines that have no memory for two; requests wait in between, as long as the site's hold_seconds.
    """
    say(f"{layout.app}: stopping release {live.release}; requests wait until release {release.id} is healthy")
    try:
        with held.requests(layout):
            units.stop(layout, live.name)
        _launch(layout, slot, release)
        switching.take_over(layout, slot, release, in_haste=True)
    except BaseException as error:
        slots.halt(layout, slot)
        try:
            switching.resume(layout, live.name)
        except (HostError, OSError) as worse:
            raise HostError(f"{error}; and {explained(worse)}") from error
        raise


def record_failure(
    layout: Layout, release: Release, slot: str, reason: str, request: DeployRequest, *, previous: str | None
) -> None:
    """Mark the release as failed in the log and run its hooks for that; whatever happens here hides no error.

    A release that failed beside itself (a restart by way of the other slot) goes on being live, and is not marked.
    One that a rollback could not bring back counts as it did before: a machine that was busy for a moment must not
    take the way back away.
    """
    if previous == release.id:
        return
    with contextlib.suppress(OSError):  # a full disk must not hide what went wrong
        said: dict[str, Any] = {"by": request.by, "reason": reason, "kept": request.rollback}
        release_log.append(layout, release_log.FAILED, release, slot, **said, steps=timeline.taken())
    try:
        hooks.run(layout, release, "on_failure", previous=previous, outcome="failed")
    except HostError as error:
        say(f"{layout.app}: {error}")
        for line in error.details:
            say(f"  {line}")


def arm(layout: Layout, release: Release) -> None:
    """Have the slot stopped by itself when nobody makes it live within UNCOMMITTED_SECONDS."""
    disarm(layout)
    timer = ("--quiet", "--collect", f"--on-active={UNCOMMITTED_SECONDS}", f"--unit={_expiry(layout)}")
    units.run_checked("systemd-run", *timer, LAUNCHER, "expire", "--app", layout.app, "--release", release.id)


def disarm(layout: Layout) -> None:
    """Take back what `arm` set."""
    units.run("systemctl", "stop", "--", f"{_expiry(layout)}.timer")


def _expiry(layout: Layout) -> str:
    return f"homeport-{layout.app}-expire"


def expire(layout: Layout, release_id: str, by: str = "") -> None:
    """Stop the release if it still waits to be made live. The caller holds the application's lock."""
    found = slots.read(layout)
    slot = found[found.target]
    if slot.release == release_id and layout.permit(slot.name).exists() and slots.standby(layout) != slot.name:
        say(f"{layout.app}: release {release_id} was started and never made live; stopping slot {slot.name}")
        slots.halt(layout, slot.name)


def _is_up(layout: Layout, slot: str, release: Release) -> bool:
    """Tell whether the slot runs `release` and answers: an earlier run started it and got no further."""
    if not (slots.holds(layout, slot, release) and units.is_active(layout.unit(slot))):
        return False
    slots.permit(layout, slot)
    crew = workers.read_workers(units.show(layout.unit(slot)), release.ports[slot], release)
    answer = health.ask_repeatedly(release.ports[slot], release.health, health.site_name(layout))
    return answer.good and workers.is_complete(crew, release) and not crew.kills


def _launch(layout: Layout, slot: str, release: Release, *, measure: bool = False) -> None:
    """Start the slot and return when all of its workers serve; raise HostError otherwise.

    With `measure` one worker loads the application first, and is measured: do all of the wanted ones fit?
    """
    slot_port.check_free(layout, slot, release)
    slots.permit(layout, slot)
    began, unit = time.monotonic(), layout.unit(slot)
    with worker_memory.FirstWorkerAlone(unit, release.server) if measure else contextlib.nullcontext() as one:
        _start(layout, slot, release)
        problem = worker_memory.refusal(units.show(unit), release, one.demand()) if one else None
        if problem:
            # While the others are still held: let go, they would load until the kernel killed somebody.
            slots.halt(layout, slot)
            raise problem
    workers.require_all(layout, slot, release)
    say(f"{layout.app}: release {release.id} is healthy in slot {slot} after {time.monotonic() - began:.1f} s")


def _start(layout: Layout, slot: str, release: Release) -> None:
    position, moment, unit = failures.cursor(), time.time(), layout.unit(slot)
    with units.begin_start(unit) as starting:
        shortage = start_progress.show(layout, slot, release, starting)
    # Read at once: Restart=always tries again in half a second.
    app, migration = units.show_all([unit, layout.migrate_unit(slot)])
    _note_steps(moment, migration)
    keep_migration_log(layout, slot, release, position)
    revisions.record(layout)
    if shortage:
        raise shortage
    if starting.returncode or app["ActiveState"] != "active":
        raise failures.failure(layout, slot, app, migration, position, release.health.path)
    slot_port.check_owner(layout, slot, release, app)


def _note_steps(began: float, migration: dict[str, str]) -> None:
    """Note how long the migration took, if it ran, and the rest as the application's own start."""
    migrated = timeline.of_unit(migration)
    if migrated and migrated[1] >= began:
        timeline.add("migration", max(began, migrated[0]), migrated[1])
        began = migrated[1]
    timeline.add("start", began, time.time())
