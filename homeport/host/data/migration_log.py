"""The output of a release's migrations, kept with it in migration.log: one run after the other."""

from __future__ import annotations

import os

from ..services import failures, units
from ..services.release_description import Release
from ..system.layout import Layout
from ..system.lock import now
from ..system.output import say

NAME = "migration.log"


def keep_migration_log(layout: Layout, slot: str, release: Release, position: str) -> None:
    """Add what the slot's migration unit wrote since the journal's cursor `position`; nothing when it did not run.

    Never raises: a log that cannot be written is said, and fails no release.
    """
    unit = layout.migrate_unit(slot)
    entries = failures.since(unit, position) if release.has_migration else []
    if not entries:
        return
    text = entry(now(), slot, outcome(units.show(unit), entries), entries)
    try:
        append(layout, release, text)
    except OSError as error:
        say(f"{layout.app}: the migration's log cannot be written: {error}")


def entry(moment: str, slot: str, result: str, entries: list[tuple[str, str]]) -> str:
    """Return one run of the migration as text: when, where, how it ended, and the lines that it wrote itself."""
    lines = [line for source, line in entries if source not in failures.MANAGERS]
    return "".join(f"{line}\n" for line in (f"--- {moment} slot {slot}: {result}", *lines))


def outcome(migration: dict[str, str], entries: list[tuple[str, str]]) -> str:
    """Return how the migration unit ended, by its properties and by what it wrote."""
    failed = migration["ActiveState"] == "failed"
    return failures.explain_migration(migration, entries) if failed else "the migration succeeded"


def append(layout: Layout, release: Release, text: str) -> None:
    """Append to the release's log, which the application may read and only root may write."""
    path = release.files / NAME
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    with os.fdopen(handle, "a") as stream:
        # The environment's group is the application's, and so is the log's.
        os.fchown(handle, -1, (release.files / "env").stat().st_gid)
        os.fchmod(handle, 0o640)
        stream.write(text)
