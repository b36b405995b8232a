"""Decides about a file that homeport has on a machine for all applications: restore, remove, or leave it."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..host.proxies import site
from ..host.proxies.chosen import proxy_of
from ..host.services import units
from ..host.system.atomic import sync_directory
from ..host.system.layout import MachineLayout
from . import records, safe_removal
from .steps import RemovalJob

GIVE_BACK, REMOVE, STAY = "give back", "remove", "stay"
NAME = "homeport"
REINSTALL = "apt-get install --reinstall -o Dpkg::Options::=--force-confask,confnew,confmiss"


class FileAction(NamedTuple):
    """What is done with `path`. `copy` is what takes its place; `lost` says what cannot be restored, `note` why
    something stays.
    """

    path: Path
    what: str
    copy: Path | None = None
    lost: str = ""
    note: str = ""


def file_actions(job: RemovalJob) -> list[FileAction]:
    """Return what becomes of each file that this version or an earlier one wrote, or that there is a copy for."""
    machine = job.shared
    copies, unkept = records.copies(machine), records.unkept(machine)
    noted = [machine.root / path.lstrip("/") for _, path in records.lines(machine)]
    paths = dict.fromkeys([*job.machine, *noted, *copies])
    inside = (machine.sites, job.layout.base)
    files = [path for path in paths if not _is_folder(path) and not any(one in path.parents for one in inside)]
    found = [_file_action(machine, path, copies, unkept, noted) for path in files]
    return [fate for fate in found if fate is not None]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _file_action(
    machine: MachineLayout, path: Path, copies: Mapping[Path, list[Path]], unkept: set[str], noted: list[Path]
) -> FileAction | None:
    there, name = safe_removal.is_left(path), records.shown(machine, path)
    if path in copies:
        newest, *older = copies[path]
        more = f"older copies stay: {', '.join(map(str, older))}" if older else ""
        if not there or records.is_ours(machine, path) or _same(path, newest):
            return FileAction(path, GIVE_BACK, newest, note=more)
        return FileAction(
            path, STAY, note=f"somebody has changed it since; what was there before homeport is in {newest}"
        )
    if not there:
        return None
    if NAME in name:
        return FileAction(path, REMOVE)
    if not records.is_ours(machine, path):
        return FileAction(path, STAY, note="somebody has changed it since") if path in noted else None
    if name not in unkept and path in noted:
        return FileAction(path, REMOVE)
    if package := owner(path):
        return FileAction(
            path, STAY, lost=f"stays as homeport wrote it; {package}'s own comes with: {REINSTALL} {package}"
        )
    return FileAction(path, REMOVE, lost="an older homeport kept no copy of what may have been there")


def owner(path: Path) -> str:
    """Return the Debian package that a path belongs to; "" for none."""
    done = units.run("dpkg-query", "-S", str(path))
    return done.stdout.partition(":")[0].partition(",")[0] if done.returncode == 0 else ""


def _same(path: Path, copy: Path) -> bool:
    if path.is_symlink() or copy.is_symlink():
        return path.is_symlink() and copy.is_symlink() and path.readlink() == copy.readlink()
    return filecmp.cmp(path, copy, shallow=False)


def give_back(machine: MachineLayout, path: Path, copy: Path) -> None:
    """Put a copy back where it was: content, mode, owner and time, by one rename, so that it is never there by half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}{safe_removal.NEW}")
    safe_removal.remove(new)
    units.run_checked("cp", "--archive", "--no-target-directory", "--", str(copy), str(new))
    if not new.is_symlink():
        units.run_checked("sync", "--", str(new))
    new.replace(path)
    sync_directory(path.parent)
    records.forget(machine, path)
    copy.unlink()


def stage(job: RemovalJob, found: list[FileAction], folder: Path) -> None:
    """Make in `folder` what the proxy's folder will be: links are followed, so that nothing is written through one."""
    place = proxy_of(job.shared).folder(job.shared)
    shutil.copytree(place, folder, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    gone = [fate.path for fate in found if fate.what == REMOVE] + [site.place(job.layout)]
    for path in gone:
        if place in path.parents:
            (folder / path.relative_to(place)).unlink(missing_ok=True)
    for fate in found:
        if fate.copy and fate.what == GIVE_BACK and place in fate.path.parents:
            staged = folder / fate.path.relative_to(place)
            staged.unlink(missing_ok=True)
            staged.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(fate.copy, staged, follow_symlinks=False)
