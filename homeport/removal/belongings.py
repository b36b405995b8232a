"""Finds the files and units of one application on a host, by exact names: `note` is not `note-admin`. Reads only."""

from __future__ import annotations

import json
import pwd
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..host.proxies import renewal, site
from ..host.services import program_record, supervisord, units
from ..host.system.layout import SLOTS, Layout, MachineLayout
from .safe_removal import is_left, is_there

# As homeport.state.wanted has it: what an account of ours is known by.
ACCOUNT_COMMENT = "homeport application"
CERTIFICATES = Path("/etc/letsencrypt")
PROCESSES = Path("/proc")
# Programs that may serve a certificate which is not theirs.
READERS = ("nginx", "apache2", "haproxy", "caddy", "traefik", "postfix", "dovecot", "exim4")


def applications(machine: MachineLayout) -> list[str]:
    """Return the applications that the machine has, or parts of. homeport's own folders have a dot in their name."""
    folders = machine.sites.iterdir() if machine.sites.is_dir() else ()
    return sorted(one.name for one in folders if one.is_dir() and "." not in one.name)


def unit_names(layout: Layout) -> list[str]:
    """Return the application's units that have a file here: slots, migrations, processes, tasks, timers; its slice.

    A preview has those that end it besides.
    """
    app, slot = re.escape(layout.app), "|".join(SLOTS)
    # As no application's name has a dot or ends in -migrate, nothing of another one is called so.
    ours = re.compile(
        rf"{app}(-migrate)?@({slot})\.service|{app}\.[^.@/]+@({slot})\.(service|timer)"
        rf"|homeport-preview@{app}\.(service|timer)|{re.escape(layout.slice_unit())}"
    )
    return sorted({path.name for path in _unit_files(layout) if ours.fullmatch(path.name)})


def programs(layout: Layout) -> list[str]:
    """Return the application's units that supervisord runs."""
    return supervisord.names(layout.app)


def program_files(layout: Layout) -> list[Path]:
    """Return the files by which supervisord knows these, and its output of them before it goes to the journal."""
    files = [supervisord.boot_file(layout.app), *map(supervisord.file, programs(layout))]
    logs = (layout.root / "var/log/supervisor").glob(f"homeport-{layout.app}.log*")
    return [path for path in (*files, *logs) if is_there(path)]


def running_in() -> str:
    """Return the unit that this process is in."""
    return (PROCESSES / "self/cgroup").read_text().strip().rpartition("/")[2]


def is_preview(layout: Layout) -> bool:
    """Tell whether the application is a preview, by its claim; one that was cut as it began has none, and no data."""
    try:
        return bool(json.loads(layout.site.read_text()).get("preview"))
    except FileNotFoundError:
        return not layout.state.is_dir() or not any(layout.state.iterdir())
    except (OSError, ValueError, AttributeError):
        return False


def unit_links(layout: Layout) -> list[Path]:
    """Return the files and links that these units consist of, those that have them started at boot included."""
    names = set(unit_names(layout))
    return sorted(path for path in _unit_files(layout) if path.name in names)


def stamps(layout: Layout, names: Iterable[str]) -> list[Path]:
    """Return where systemd has noted when those timers among the units were last due, which it keeps without them."""
    folder = layout.root / "var/lib/systemd/timers"
    return [path for name in names if is_there(path := folder / f"stamp-{name}")]


def _unit_files(layout: Layout) -> Iterator[Path]:
    folder = layout.unit_file("")
    for pattern in ("*", "*.wants/*", "*.requires/*"):
        yield from (path for path in folder.glob(pattern) if path.is_symlink() or path.is_file())


def transient_units(layout: Layout) -> list[str]:
    """Return the application's units without a file: what a killed run has left at work, hooks, commands by hand."""
    app = re.escape(layout.app)
    # Each word is one that no number in base 16 is: so nothing of an application called APP-start is meant.
    ours = re.compile(
        rf"homeport-{app}-((start|commit|restart|prune|finish)-[0-9a-f]+|expire(-[0-9a-f]+)?|hook-\d+-[a-z-]+-\d+)"
        rf"\.(service|timer)|homeport-retry@{app}:({'|'.join(SLOTS)})\.service"
    )
    listed = units.run_checked("systemctl", "list-units", "--all", "--plain", "--no-legend", "--no-pager", "homeport-*")
    found = [(line.split()[0], line.split(maxsplit=4)[4]) for line in listed.splitlines() if len(line.split()) > 4]
    started_by_a_person = f"a command of {layout.app}, by hand"
    return sorted(
        name for name, description in found if ours.fullmatch(name) or description.strip() == started_by_a_person
    )


def run_files(layout: Layout) -> list[Path]:
    """Return what a boot would forget: locks, permits, what Certbot was asked."""
    paths = [
        layout.lock,
        layout.deploy_lock,
        layout.held,
        *map(layout.permit, SLOTS),
        *map(layout.retry, SLOTS),
        *(program_record.FOLDER / f"{name}.json" for name in programs(layout)),
        layout.machine.runtime / f"asked-{layout.app}",
    ]
    return [path for path in paths if is_there(path)]


def code(layout: Layout) -> list[Path]:
    """Return what homeport has in the application's folder under /srv; what else is there is somebody else's."""
    paths = [layout.code_releases, layout.venvs, layout.links(SLOTS[0])[0].parent, layout.log]
    return [path for path in paths if is_left(path)]


def strangers(layout: Layout) -> list[str]:
    """Return what others have put into that folder."""
    ours = {layout.code_releases, layout.venvs, layout.links(SLOTS[0])[0].parent, layout.log}
    entries = layout.base.iterdir() if layout.base.is_dir() else ()
    return sorted(str(path) for path in entries if path not in ours)


def cache(layout: Layout) -> Path:
    """Return where the dependency installer keeps its downloads."""
    return layout.root / "var/cache/homeport" / layout.app


def rehearsals(layout: Layout) -> list[Path]:
    """Return where a killed rehearsal may have left its copy of the data."""
    name = f".{layout.app}.rehearsal"
    return [layout.state.with_name(name), layout.state.resolve().with_name(name)]


def account(layout: Layout) -> bool:
    """Tell whether there is a user of the application that homeport has made."""
    try:
        found = pwd.getpwnam(layout.app)
    except KeyError:
        return False
    return (found.pw_gecos, found.pw_dir) == (ACCOUNT_COMMENT, f"/var/lib/{layout.app}")


def processes(layout: Layout) -> dict[int, str]:
    """Return the processes of the application's user that no unit of its own has, which nothing here ends, by name.

    userdel(8) removes no user that has one. Like it, this passes over what has another root: a container's user with
    the same number is another one.
    """
    user, units_of_its_own = pwd.getpwnam(layout.app).pw_uid, {*unit_names(layout), *transient_units(layout)}
    units_of_its_own |= set(map(supervisord.scope, programs(layout)))
    found = {}
    for folder in sorted(PROCESSES.glob("[0-9]*"), key=lambda one: int(one.name)):
        try:
            fields = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
            elsewhere = not (folder / "root").samefile("/")
            groups = set(re.split(r"[/\n]", (folder / "cgroup").read_text()))
        except OSError:  # it has ended
            continue
        if str(user) in fields.get("Uid", "").split() and not elsewhere and not groups & units_of_its_own:
            found[int(folder.name)] = fields["Name"].strip()
    return found


def lineage(layout: Layout) -> list[Path]:
    """Return the parts of Certbot's lineage of the application's name, whoever has made it."""
    app, place = layout.app, layout.root / CERTIFICATES.relative_to("/")
    return [
        path
        for path in (place / "renewal" / f"{app}.conf", place / "live" / app, place / "archive" / app)
        if is_there(path)
    ]


def lineage_is_ours(layout: Layout) -> bool:
    """Tell whether that lineage was made by homeport: it is proven by way of our folder, or with our credentials.

    Where its description is gone, since Certbot was killed as it deleted it, the site's link decides.
    """
    description = layout.root / CERTIFICATES.relative_to("/") / "renewal" / f"{layout.app}.conf"
    if is_there(description):
        return renewal.is_ours(description.read_text(errors="replace"), layout.app)
    link = layout.certificate.parent
    return link.is_symlink() and str(link.readlink()) == f"{CERTIFICATES}/live/{layout.app}"


def readers(layout: Layout) -> list[str]:
    """Return the files of servers, other than the application's site, that name that certificate."""
    name = f"{CERTIFICATES}/live/{layout.app}/".encode()
    found, own = [], site.place(layout)
    for program in READERS:
        for path in (layout.root / "etc" / program).rglob("*"):
            if path.is_file() and path != own and name in path.read_bytes():
                found.append(str(path))
    return sorted(found)
