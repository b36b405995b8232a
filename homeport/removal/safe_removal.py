"""Removing files and folders with care: what is mounted is not crossed, what somebody has linked stays linked."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from ..host.system import atomic
from ..host.system.file_errors import explained

MOUNTS = Path("/proc/self/mountinfo")
# Files that a killed run leaves beside the file that it was about to rename (files.sh; atomic.py).
NEW = ".homeport-new"
HALF_MADE = f"{{name}}{NEW}", ".{name}.new"


def is_there(path: Path) -> bool:
    """Tell whether there is anything of this name, a dangling link too."""
    return path.is_symlink() or path.exists()


def half_made(path: Path) -> list[Path]:
    """Return the names under which a killed run may have left a half-made `path`, as far as they are there."""
    return [new for form in HALF_MADE if is_there(new := path.with_name(form.format(name=path.name)))]


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, and what a killed run has left beside it; nothing there is no error.

    A folder that is a mount point, or somebody's link to another folder, stays and is emptied. Raises HostError
    with the path of what cannot be removed.
    """
    for one in (*half_made(path), path):
        try:
            if one.is_dir() and (one.is_symlink() or one.is_mount()):
                empty(one)
            elif one.is_dir():
                shutil.rmtree(one)
            else:
                atomic.remove(one)
        except OSError as error:
            raise explained(error, below=one) from error


def empty(folder: Path) -> None:
    """Remove all that is in a folder, and leave the folder."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def remove_if_empty(folder: Path) -> bool:
    """Remove a folder that nothing is in; tell whether it is gone."""
    if not folder.is_symlink() and folder.is_dir() and not folder.is_mount() and not any(folder.iterdir()):
        folder.rmdir()
    return not is_there(folder)


def is_left(path: Path) -> bool:
    """Tell whether `remove` would remove anything: a folder that may only be emptied counts when something is in it."""
    if path.is_dir() and (path.is_symlink() or path.is_mount()):
        return any(path.iterdir())
    return is_there(path) or bool(half_made(path))


def mounted_below(folders: Iterable[Path], table: Path = MOUNTS) -> list[str]:
    """Return the mount points inside these folders: what is there is not ours to remove."""
    places = [str(folder.resolve()) for folder in folders]
    points = [_unescaped(line.split()[4]) for line in table.read_text().splitlines()]
    return sorted({point for point in points if any(point.startswith(f"{place}/") for place in places)})


def _unescaped(text: str) -> str:
    # proc(5): space, tab, newline and backslash are written in octal.
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
