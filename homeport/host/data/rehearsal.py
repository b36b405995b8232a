"""The rehearsal of a migration on a copy of the state folder; the live release must be healthy on that copy.

Two units of their own (slot `rehearsal`) are made of the releases' units, with the copy mounted over the state folder
and without a network: what is neither in the folder nor in the release cannot be reached, a database server, say, a
mail relay or a queue, or written, the paths of sandbox_writable_paths, say, to which links in the folder may lead. So
nothing of production is touched. The health gate is the one of the live release.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ..services import failures, units
from ..services.release_description import Release
from ..system import atomic
from ..system.layout import Layout
from ..system.output import HostError, say
from . import state_copy
from .migration_log import keep_migration_log

SLOT = "rehearsal"
# Free space that must be left besides the copy: production writes to this disk too.
RESERVE_BYTES = 256 * 1024 * 1024
# Lines of a unit that start other units of the host, or depend on them.
DEPENDENCIES = re.compile(
    r"^(Requires|Requisite|Wants|BindsTo|PartOf|Upholds|OnFailure|OnSuccess|StopWhenUnneeded)=(.*\\\n)*.*\n", re.M
)
# Commands before a start are meant for production: they fetch a model or wait for a service, over the network.
BEFORE_START = re.compile(r"^ExecStartPre=\S+/before-start .*\n", re.M)
ONE_WORKER = (re.compile(r" --workers \d+\b"), " --workers 1")
CHANGES = """
[Service]
ExecCondition=
Restart=no
StateDirectory=
Environment=STATE_DIRECTORY={state}
BindPaths={copy}:{folder}
ReadWritePaths=
PrivateNetwork=yes
InaccessiblePaths=-/run/postgresql -/run/mysqld -/run/redis
"""


def rehearse(layout: Layout, release: Release, live_release: Release, slot: str) -> None:
    """Try the migration of `release` on a copy, and `live_release` on what it has made of it.

    `slot` is the idle one, whose port is used. Raises HostError when either fails, or there is nothing to copy or no
    room for it. Nothing of the rehearsal is left, whatever happens.
    """
    clean(layout)
    try:
        copy = _copy(layout)
        port = release.ports[slot]
        atomic.write(_variables(layout), f"HOMEPORT_SLOT={SLOT}\nHOMEPORT_PORT={port}\n".encode())
        _migrate(layout, release, copy)
        _serve(layout, release, live_release, copy)
    finally:
        clean(layout)
    say(f"{layout.app}: the rehearsal succeeded: release {live_release.id} is healthy on the migrated copy")


def clean(layout: Layout) -> None:
    """Remove what a rehearsal has made, also one that was killed; nothing to do takes no time."""
    names = [name for name in _units(layout) if _unit_file(layout, name).exists()]
    if names:
        units.run("systemctl", "stop", "--", *names)
        units.run("systemctl", "reset-failed", "--", *names)
        for name in names:
            _unit_file(layout, name).unlink(missing_ok=True)
        units.run("systemctl", "daemon-reload")
    for path in (*layout.links(SLOT), _variables(layout)):
        atomic.remove(path)
    for place in places(layout):
        if place.exists():
            shutil.rmtree(place)


def derive(unit: str, state: Path, folder: Path, copy: Path) -> str:
    """Return the text of a release's unit as the rehearsal runs it: alone, once, on the copy, without a network.

    `state` is the state folder as the application knows it, `folder` what that is with all links followed.
    """
    # A mount's source is looked up where nothing is mounted over the state folder yet.
    unit = re.sub(rf"^BindPaths=-{re.escape(str(state))}/", f"BindPaths=-{copy}/", unit, flags=re.M)
    alone = ONE_WORKER[0].sub(ONE_WORKER[1], BEFORE_START.sub("", DEPENDENCIES.sub("", unit)))
    return alone.rstrip("\n") + "\n" + CHANGES.format(state=state, folder=folder, copy=copy)


def _migrate(layout: Layout, release: Release, copy: Path) -> None:
    say(f"{layout.app}: rehearsal: migrating the copy with release {release.id}")
    unit, position = layout.migrate_unit(SLOT), failures.cursor()
    state = _run(layout, release, unit, (release.files / "migrate.service").read_text(), copy)
    keep_migration_log(layout, SLOT, release, position)
    if state["ActiveState"] != "active":
        entries = failures.since(unit, position)
        cause = f"the rehearsal: {failures.explain_migration(state, entries)}; production is untouched"
        raise failures.error(cause, failures.tail(entries), layout.app)
    units.run_checked("systemctl", "stop", "--", unit)


def _serve(layout: Layout, release: Release, live: Release, copy: Path) -> None:
    say(f"{layout.app}: rehearsal: starting release {live.id} on the migrated copy")
    unit, position = layout.unit(SLOT), failures.cursor()
    state = _run(layout, live, unit, (live.files / "app.service").read_text(), copy)
    if state["ActiveState"] == "active":
        return
    nothing = {"ActiveState": "inactive"}
    error = failures.failure(layout, SLOT, state, nothing, position, live.health.path)
    raise HostError(
        f"the rehearsal: the live release {live.id} does not answer on the migrated database ({error}): it would have "
        f"failed during the switch and after a rollback; production is untouched",
        error.details,
    )


def _run(layout: Layout, release: Release, name: str, unit: str, copy: Path) -> dict[str, str]:
    """Start a unit of `release` on the copy and return its properties afterwards."""
    for link in layout.links(SLOT):
        link.parent.mkdir(exist_ok=True)
        atomic.point(link, f"../releases/{release.id}")
    path = _unit_file(layout, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(derive(unit, layout.state, layout.state.resolve(), copy))
    units.run_checked("systemctl", "daemon-reload")
    units.run("systemctl", "start", "--", name)
    return units.show(name)


def _copy(layout: Layout) -> Path:
    """Copy the state folder and return where to; raise HostError when it cannot be or holds no database."""
    source, copy = layout.state.resolve(), places(layout)[0]
    if not re.fullmatch(r"[\w./+-]+", f"{source}{copy}"):
        raise HostError(f"the rehearsal: {source} has characters in its name that a mount in a unit does not allow")
    try:
        needed = room(source, copy)
        say(f"{layout.app}: rehearsal: copying {layout.state} ({needed} MB)")
        databases = copy_as_owner(pwd.getpwnam(layout.app), source, copy)
    except HostError as error:
        raise HostError(f"the rehearsal: {error}; set migration_rehearsal = False to go without") from None
    if databases == 0:
        raise HostError(
            f"the rehearsal: {layout.state} has no SQLite database, and homeport can rehearse on no other kind; "
            "set migration_rehearsal = False"
        )
    return copy


def room(source: Path, copy: Path) -> int:
    """Return how many MB a copy of the folder takes; raise HostError when it does not fit where it is to be."""
    size, free = state_copy.size(source), shutil.disk_usage(copy.parent).free
    if size + RESERVE_BYTES > free:
        needed = f"{_megabytes(size + RESERVE_BYTES)} MB are needed (reserve included)"
        raise HostError(
            f"a copy of {source} does not fit: {needed} and {copy.parent} has {_megabytes(free)} MB free; make room"
        )
    return _megabytes(size)


def copy_as_owner(user: pwd.struct_passwd, source: Path, copy: Path) -> int:
    """Copy a state folder to the new folder `copy`, as its user; return how many databases there are.

    The user alone decides what is in the folder. Raises HostError when it cannot be copied.
    """
    copy.mkdir(mode=0o700)
    os.chown(copy, user.pw_uid, user.pw_gid)
    groups = [group.gr_gid for group in grp.getgrall() if user.pw_name in group.gr_mem]
    done = subprocess.run(
        [sys.executable, "-IB", str(Path(state_copy.__file__)), str(source), str(copy)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=groups,
        cwd="/",
        umask=0o077,
    )
    if done.returncode:
        raise HostError(f"{source} cannot be copied: {done.stderr.strip()}")
    return int(done.stdout)


def places(layout: Layout) -> list[Path]:
    """Return where a copy may be, the place for the next one first: on the disk of the state folder, if root's alone.

    The folder may be a link to another disk; a folder above it that others write into is no place for a copy.
    """
    usual = layout.state.with_name(f".{layout.app}.rehearsal")
    beside = layout.state.resolve().with_name(usual.name)
    if not beside.parent.is_dir():
        return [usual]
    above = beside.parent.stat()
    return [beside, usual] if above.st_uid == 0 and not above.st_mode & 0o022 else [usual, beside]


def _units(layout: Layout) -> tuple[str, str]:
    return layout.migrate_unit(SLOT), layout.unit(SLOT)


def _unit_file(layout: Layout, name: str) -> Path:
    return layout.root / "run/systemd/system" / name


def _variables(layout: Layout) -> Path:
    return layout.settings / f"{SLOT}.env"


def _megabytes(size: int) -> int:
    return -(-size // (1024 * 1024))
