"""Copies a state folder whose owner is at work in it: `copying.py FROM TO`, run as the application's user.

SQLite databases (known by their header, whatever their names) are copied by SQLite's own backup, so that a copy is
whole though it is taken while somebody writes; other files as they are. Nothing is written into FROM. What the user
cannot read is of no use to the application, and is left out. It is a program of its own because root must not follow
what the application's user can put into its folder. Standard library only, nothing of this program.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

# https://www.sqlite.org/fileformat.html#magic_header_string
HEADER = b"SQLite format 3\0"
COMPANIONS = ("-wal", "-shm", "-journal")


def main(arguments: list[str]) -> int:
    """Copy, and print how many databases were among it; print one line on stderr and return 1 when that fails."""
    source, target = map(Path, arguments)
    try:
        print(copy(source, target))
    except (OSError, sqlite3.Error, shutil.Error) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


def copy(source: Path, target: Path) -> int:
    """Copy what is in the folder `source` into the folder `target`, modes kept; return the number of databases."""
    databases = 0
    for folder, names in folders(source):
        inside = target / folder.relative_to(source)
        inside.mkdir(exist_ok=True)
        for name in names:
            databases += copy_file(folder / name, inside / name)
        if folder != source:  # last, as a folder may be read-only; the outermost one is not ours to change
            shutil.copystat(folder, inside, follow_symlinks=False)
    return databases


def size(source: Path) -> int:
    """Return how many bytes the files to copy have, SQLite's changes that are not in the database yet included."""
    total = 0
    for folder, names in folders(source, keep_companions=True):
        for name in names:
            with suppress(FileNotFoundError):
                total += (folder / name).lstat().st_size
    return total


def folders(source: Path, *, keep_companions: bool = False) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder below `source`, itself first, with the names in it that are to be copied."""
    for folder, inner, names in os.walk(source):
        here = Path(folder)
        links = [name for name in inner if (here / name).is_symlink()]
        databases = () if keep_companions else [name for name in names if is_database(here / name)]
        belonging = {name + ending for name in databases for ending in COMPANIONS}
        yield here, [*links, *(name for name in names if name not in belonging)]


def copy_file(source: Path, target: Path) -> bool:
    """Copy one file or link and return whether it was a database; what is neither, or is gone or closed, is left."""
    with suppress(FileNotFoundError, PermissionError):
        mode = source.lstat().st_mode
        if stat.S_ISLNK(mode):
            target.symlink_to(source.readlink())
        elif is_database(source):
            back_up(source, target)
            shutil.copymode(source, target)
            return True
        elif stat.S_ISREG(mode):
            shutil.copy2(source, target)
    return False


def is_database(path: Path) -> bool:
    """Tell whether the file is an SQLite database; one that is a link or cannot be read is none."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        with path.open("rb") as stream:
            return stream.read(len(HEADER)) == HEADER
    except OSError:
        return False


def back_up(source: Path, target: Path) -> None:
    """Copy a database in one read transaction; raise sqlite3.Error, with its name, when SQLite cannot."""
    try:
        origin = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        with closing(origin), closing(sqlite3.connect(target)) as copied:
            origin.backup(copied)
    except sqlite3.Error as error:
        raise sqlite3.Error(f"{source}: {error}") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
