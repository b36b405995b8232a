"""The files of the programs that a slot has with supervisord: those that came with its release, made for the slot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..system import atomic
from ..system.layout import LAUNCHER, SLOTS, Layout
from . import supervisord
from .release_description import Release

# The names of a release's files: of the server, of its migration, and of a process (`supervisor.extra.NAME.conf`).
SERVER, MIGRATION = "supervisor.server.conf", "supervisor.migrate.conf"
# It starts the slots that are to run, and ends; a slot's own program is started by whoever has its reasons.
BOOT = """; Written by homeport: starts the live slot of {app} when supervisord starts.
[program:{program}]
command={launcher} start-programs --app {app}
autostart=true
autorestart=false
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
"""


def wanted(layout: Layout, slot: str, release: Release) -> dict[Path, bytes]:
    """Return the files that supervisord needs for a release in the slot."""
    found = {layout.unit(slot): release.files / SERVER}
    if release.has_migration:
        found[layout.migrate_unit(slot)] = release.files / MIGRATION
    for path in release.files.glob("supervisor.extra.*.conf"):
        found[f"{layout.app}.{path.name.split('.')[2]}@{slot}.service"] = path
    boot = BOOT.format(app=layout.app, program=supervisord.boot_program(layout.app), launcher=LAUNCHER)
    return {
        supervisord.boot_file(layout.app): boot.encode(),
        **{supervisord.file(name): of_slot(path.read_text(), slot).encode() for name, path in found.items()},
    }


def of_slot(text: str, slot: str) -> str:
    """Return a release's file with the slot's name in the place of %i; supervisord takes %% for a lone sign."""
    return re.sub(r"%(.)", lambda found: slot if found[1] == "i" else found[0], text)


def have_read(layout: Layout, slot: str, *, before: Sequence[str]) -> None:
    """Have supervisord know the slot's programs as their files are now; `before` are the units that it had there."""
    now = supervisord.names(layout.app, slot)
    gone = [supervisord.program(name) for name in before if name not in now]
    if not any(supervisord.names(layout.app, one) for one in SLOTS) and supervisord.boot_file(layout.app).exists():
        atomic.remove(supervisord.boot_file(layout.app))
        gone.append(supervisord.boot_program(layout.app))
    if gone:
        supervisord.unload(gone)
    if now:
        supervisord.load([supervisord.program(name) for name in now])
        # One that is known is not begun again: it would start what somebody has stopped.
        supervisord.add(supervisord.boot_program(layout.app))
