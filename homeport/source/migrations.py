"""Which Alembic migrations a release has: read from the text of its files, which are parsed and never imported. Pure.

Revision and title of each file, as Alembic itself reads them: the variable `revision`, and the docstring's first line.
A layout that is not understood here gives None (unknown), and never a shorter list.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection

from homeport.host.data import migration_files
from homeport.host.data.migration_files import version_folders

Migration = tuple[str, str]


def files_in(paths: Collection[str], folders: Collection[str]) -> tuple[str, ...]:
    """Return which of the application's `paths` are migration files, in order of their names."""
    return tuple(sorted(path for path in paths if posixpath.dirname(path) in folders and path.endswith(".py")))


def parse_migration(path: str, text: str) -> Migration | None:
    """Return revision and title of a migration file; None when Alembic would not read it as one."""
    found = migration_files.parse(posixpath.basename(path), text)
    return (found.revision, found.title) if found else None


def read_migrations(
    paths: Collection[str], read: Callable[[Collection[str]], dict[str, str]]
) -> tuple[Migration, ...] | None:
    """Return the migrations of the application with these `paths`; `read` gives the text of some of them.

    () without an alembic.ini; None when it is not known.
    """
    if "alembic.ini" not in paths:
        return ()
    folders = version_folders(read(["alembic.ini"])["alembic.ini"])
    if folders is None:
        return None
    texts = read(files_in(paths, folders))
    found = [parse_migration(path, text) for path, text in texts.items() if not path.endswith("/__init__.py")]
    return None if not found or None in found else tuple(one for one in found if one)
