"""Removes homeport itself from a machine without applications, and restores what was there before.

Firewall and sshd come first, under the dead man's switch, in their own phase. The records of the earlier state go last.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..host.proxies.chosen import proxy_of
from ..host.reports import usage_record
from ..host.services import units
from ..host.system.layout import PROGRAM_DIRECTORY
from ..host.system.output import HostError
from . import belongings, file_actions, records, safe_removal
from .steps import RemovalJob, RemovalStep, Row, removals

WHOLE = (PROGRAM_DIRECTORY, "/var/cache/homeport", "/var/www/homeport-acme")
SWAP = "var/swap.homeport"
LETSENCRYPT = "etc/letsencrypt"
SYSCTL = "etc/sysctl.d/60-homeport.conf"
# How services are told that their settings are others.
READERS = (
    Row("reload", "systemd"),
    Row("restart", "systemd-journald", "its limits"),
    Row("apply", "kernel settings", "those that are left"),
    Row("restart", "logrotate.timer"),
)


def steps(job: RemovalJob) -> Iterator[RemovalStep]:
    """Yield the steps that are left to be done."""
    yield _units(job)
    yield _files(job)
    yield _enabled(job)
    yield _services(job)
    yield _swap(job)
    yield _folders(job)
    if job.data:
        yield _accounts(job)
    yield _own(job)


def kept(job: RemovalJob) -> Iterator[tuple[str, str]]:
    """Yield what stays on the machine, and why."""
    root = job.shared.root
    ours = belongings.lineage(job.layout) if belongings.lineage_is_ours(job.layout) else []
    yield from (
        (str(file_action.path), file_action.note) for file_action in file_actions.file_actions(job) if file_action.note
    )
    names = [path.stem for path in sorted((root / LETSENCRYPT / "renewal").glob("*.conf")) if path not in ours]
    more = f", and the certificates {', '.join(names)}, which homeport then renews no longer" if names else ""
    for place, what in (
        (LETSENCRYPT, f"Certbot's accounts{more}"),
        ("var/lib/letsencrypt", "Certbot's"),
        ("var/log/letsencrypt", "logs"),
    ):
        if (root / place).exists() and not (job.data and place == LETSENCRYPT and _no_lineages(job)):
            yield f"/{place}", what
    if (root / SYSCTL).exists():
        yield "kernel settings", f"those of /{SYSCTL} that no other file sets, until the next boot"


def lost(job: RemovalJob) -> Iterator[tuple[str, str]]:
    """Yield what cannot be restored, and why."""
    yield from (
        (str(file_action.path), file_action.lost) for file_action in file_actions.file_actions(job) if file_action.lost
    )
    # On a machine that this homeport or a later one has provisioned from the beginning, its own are noted too.
    if _units(job).rows and not any(file_actions.NAME in name for name in records.units(job.shared)):
        yield ", ".join(_theirs(job)), "stay enabled; an older homeport did not note which of them were not"


def problems(job: RemovalJob) -> Iterator[str]:
    """Yield what keeps homeport from leaving this machine."""
    others = [name for name in belongings.applications(job.shared) if name != job.layout.app]
    if others:
        yield f"homeport serves {', '.join(others)} on this machine too; remove that first, or leave out --machine"
    if complaint := _complaint(job):
        proxy = proxy_of(job.shared)
        where = records.originals(job.shared) / proxy.folder(job.shared).relative_to(job.shared.root)
        yield (
            f"{proxy.check_command()[0]} does not accept the configuration from before homeport ({complaint}); "
            f"correct {where} first"
        )


def _complaint(job: RemovalJob) -> str:
    """Return what the proxy says against its configuration as it will be; "" for nothing."""
    found, proxy = file_actions.file_actions(job), proxy_of(job.shared)
    place, command = proxy.folder(job.shared), proxy.check_command()
    if (
        not any(place in file_action.path.parents and file_action.what != file_actions.STAY for file_action in found)
        or shutil.which(command[0]) is None
    ):
        return ""
    with tempfile.TemporaryDirectory(prefix="homeport-proxy-") as folder:
        file_actions.stage(job, found, Path(folder))
        # In a mount namespace of its own, the check sees it under its final path.
        inside = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
        done = units.run("unshare", "--mount", "sh", "-c", inside, "sh", folder, str(place), *command)
    return next(iter(done.stderr.strip().splitlines()), "no reason given") if done.returncode else ""


def _units(job: RemovalJob) -> RemovalStep:
    folder = job.layout.unit_file("")
    names = [path.name for path in job.machine if path.parent == folder and safe_removal.is_there(path)]
    patterns = [name.replace("@.", "@*.") for name in names]

    def do() -> None:
        units.run("systemctl", "stop", "--", *patterns)
        for pattern in patterns:
            for link in folder.glob(f"*.wants/{pattern}"):
                safe_removal.remove(link)
        for path in (*belongings.stamps(job.layout, names), *(folder / name for name in names)):
            safe_removal.remove(path)
        units.run_checked("systemctl", "daemon-reload")
        units.run("systemctl", "reset-failed", "--", *patterns)

    return RemovalStep(tuple(Row("stop and remove", name) for name in names), do)


def _files(job: RemovalJob) -> RemovalStep:
    folder = job.layout.unit_file("")
    found = [
        one for one in file_actions.file_actions(job) if one.what != file_actions.STAY and one.path.parent != folder
    ]
    # A phase of their own comes before, under the dead man's switch.
    found = [one for one in found if one.path not in job.access]
    found = [one for one in found if not any(Path(whole) in one.path.parents for whole in WHOLE)]

    def do() -> None:
        for file_action in found:
            if file_action.copy and file_action.what == file_actions.GIVE_BACK:
                file_actions.give_back(job.shared, file_action.path, file_action.copy)
            else:
                safe_removal.remove(file_action.path)
                records.forget(job.shared, file_action.path)

    return RemovalStep(tuple(_row(file_action) for file_action in found), do)


def _row(file_action: file_actions.FileAction) -> Row:
    if file_action.copy:
        return Row("give back", str(file_action.path), "as it was before homeport")
    return Row("remove", str(file_action.path))


def _theirs(job: RemovalJob) -> list[str]:
    """Return the units of packages that steps enable."""
    return [name for name in job.units if file_actions.NAME not in name]


def _enabled(job: RemovalJob) -> RemovalStep:
    """Units of packages that were disabled before homeport enabled them."""
    before = {name: active for name, active in records.units(job.shared).items() if file_actions.NAME not in name}

    def do() -> None:
        for name, active in before.items():
            units.run("systemctl", "disable", *([] if active else ["--now"]), "--", name)

    return RemovalStep(tuple(Row("disable", name, "as it was before homeport") for name in before), do)


def _services(job: RemovalJob) -> RemovalStep:
    """Have services read what is there now; also in the run that goes on after one was cut."""
    if not _own(job).rows:
        return RemovalStep((), lambda: None)
    proxy = proxy_of(job.shared)
    reloaded = (Row("reload", proxy.unit),) if units.is_active(proxy.unit) else ()

    def do() -> None:
        units.run_checked("systemctl", "daemon-reload")
        units.run("systemctl", "restart", "systemd-journald.service")
        units.run("/lib/systemd/systemd-sysctl")
        units.run("systemctl", "try-restart", "logrotate.timer")
        if reloaded:
            proxy.leave(job.shared)

    return RemovalStep((*READERS, *reloaded), do)


def _swap(job: RemovalJob) -> RemovalStep:
    path = job.shared.root / SWAP

    def do() -> None:
        if str(path) in Path("/proc/swaps").read_text() and units.run("swapoff", str(path)).returncode:
            raise HostError(f"{path} cannot be switched off, since the memory does not suffice without it")
        safe_removal.remove(path)

    return RemovalStep(removals([path] if safe_removal.is_left(path) else [], "the swap file"), do)


def _folders(job: RemovalJob) -> RemovalStep:
    """Folders that steps make for what they write, when nothing else is in them and no package brings them."""
    whole = [path for name in WHOLE if safe_removal.is_left(path := job.shared.root / name.lstrip("/"))]
    made = sorted((path for path in job.machine if path.is_dir() and not path.is_symlink()), reverse=True)

    def do() -> None:
        for path in whole:
            safe_removal.remove(path)
        for path in made:
            if is_nobodys(path):
                safe_removal.remove_if_empty(path)

    def is_nobodys(path: Path) -> bool:
        return path.is_dir() and not any(path.iterdir()) and not file_actions.owner(path)

    empty = [path for path in made if path not in whole and is_nobodys(path)]
    return RemovalStep(removals([*whole, *empty]), do)


def _no_lineages(job: RemovalJob) -> bool:
    place = job.shared.root / LETSENCRYPT
    return not any((place / "renewal").glob("*.conf")) and not file_actions.owner(place)


def _accounts(job: RemovalJob) -> RemovalStep:
    """Certbot's accounts, which are data, where nobody has a certificate by them."""
    place = job.shared.root / LETSENCRYPT
    return RemovalStep(
        removals([place] if place.exists() and _no_lineages(job) else [], "Certbot's accounts"),
        lambda: safe_removal.remove(place),
    )


def _own(job: RemovalJob) -> RemovalStep:
    """Remove homeport's own folders: the records in them are needed until now."""
    machine = job.shared
    left = any(records.copies(machine).values())
    present = [path for path in (machine.sites, records.folder(machine)) if safe_removal.is_left(path)]

    def do() -> None:
        safe_removal.remove(machine.sites)
        if any(records.copies(machine).values()):
            safe_removal.remove(records.written(machine))
            safe_removal.remove(records.folder(machine) / "unkept")
            safe_removal.remove(records.folder(machine) / "units")
            safe_removal.remove(usage_record.file(machine))
        else:
            safe_removal.remove(records.folder(machine))
        safe_removal.remove(machine.runtime)

    return RemovalStep(removals(present if not left else present[:1]), do)
