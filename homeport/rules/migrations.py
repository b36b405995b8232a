"""Which Alembic migrations a release has: read from the text of its files, which are parsed and never imported. Pure.

Revision and title of each file, as Alembic itself takes them: the variable `revision`, and the docstring's first line.
What is laid out in a way that is not understood here gives None, "nobody can tell", and never a shorter list.
"""

from __future__ import annotations

import ast
import configparser
import posixpath
import re
from collections.abc import Callable, Collection

Migration = tuple[str, str]
HERE = "%(here)s"


def version_folders(ini: str) -> tuple[str, ...] | None:
    """Return the folders with migration files, relative to the application, that an alembic.ini names."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(ini)
    except configparser.Error:
        return None
    section = parser["alembic"] if parser.has_section("alembic") else {}
    if locations := section.get("version_locations"):
        # alembic.config: separated by spaces, commas or colons, or as path_separator says.
        folders = [_folder(one) for one in re.split(r"[\s,;:]+", locations.strip()) if one]
    else:
        place = _folder(section.get("script_location", "").strip())
        folders = [place and posixpath.join(place, "versions")]
    return tuple(folder for folder in folders if folder) if all(folders) else None


def _folder(location: str) -> str | None:
    """Return a folder inside the application; None for one that is elsewhere, or none at all."""
    path = posixpath.normpath(location.replace(HERE, ".")) if location else ""
    return None if not path or path.startswith(("/", "..", "~")) or ":" in path or "%" in path else path


def migration_files(paths: Collection[str], folders: Collection[str]) -> tuple[str, ...]:
    """Return which of the application's `paths` are migration files, in order of their names."""
    return tuple(sorted(path for path in paths if posixpath.dirname(path) in folders and path.endswith(".py")))


def parse_migration(path: str, text: str) -> Migration | None:
    """Return revision and title of a migration file; None when it is none that Alembic would take."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    revision = next((found for node in module.body if (found := _revision(node))), None)
    if revision is None:
        return None
    lines = (ast.get_docstring(module) or "").strip().splitlines()
    return revision, lines[0].strip() if lines else posixpath.basename(path).removesuffix(".py")


def _revision(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Assign):
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        names = [node.target.id]
    else:
        return None
    if "revision" in names and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value
    return None


def read_migrations(
    paths: Collection[str], read: Callable[[Collection[str]], dict[str, str]]
) -> tuple[Migration, ...] | None:
    """Return the migrations of the application with these `paths`; `read` gives the text of some of them.

    () without an alembic.ini; None when nobody can tell.
    """
    if "alembic.ini" not in paths:
        return ()
    folders = version_folders(read(["alembic.ini"])["alembic.ini"])
    if folders is None:
        return None
    texts = read(migration_files(paths, folders))
    found = [parse_migration(path, text) for path, text in texts.items() if not path.endswith("/__init__.py")]
    return None if not found or None in found else tuple(one for one in found if one)
