"""Reads an alembic.ini and its migration files as text; nothing is imported. Pure.

What is laid out in a way that is not understood here gives None, "nobody can tell", and never a shorter list.
"""

from __future__ import annotations

import ast
import configparser
import posixpath
import re
from typing import NamedTuple

HERE = "%(here)s"
TRUE = ("true", "yes", "on", "1")


class Migration(NamedTuple):
    """A migration file: its revision, those that must have been run before it, its docstring's first line, its labels.

    Among the parents there may be labels, by which `depends_on` may name a revision.
    """

    revision: str
    parents: frozenset[str]
    title: str
    labels: tuple[str, ...] = ()


def version_folders(ini: str) -> tuple[str, ...] | None:
    """Return the folders with migration files, relative to the application, that an alembic.ini names."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(ini)
    except configparser.Error:
        return None
    section = parser["alembic"] if parser.has_section("alembic") else {}
    if section.get("recursive_version_locations", "").strip().lower() in TRUE:
        return None
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


def parse(name: str, text: str) -> Migration | None:
    """Return what the migration file `name` says; None when Alembic would not use it, or it is not understood."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    values = dict(pair for node in module.body for pair in _assigned(node))
    revision = values.get("revision")
    before = [_names(values[name]) for name in ("down_revision", "depends_on") if name in values]
    if not isinstance(revision, str) or None in before:
        return None
    lines = (ast.get_docstring(module) or "").strip().splitlines()
    title = lines[0].strip() if lines else name.removesuffix(".py")
    parents = frozenset(one for names in before if names for one in names)
    return Migration(revision, parents, title, _names(values.get("branch_labels")) or ())


def _assigned(node: ast.stmt) -> list[tuple[str, object]]:
    """Return the names that a statement gives a value to, and the values; None for one that is no constant."""
    if isinstance(node, ast.Assign):
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        names = [node.target.id]
    else:
        return []
    try:
        value = ast.literal_eval(node.value) if node.value else None
    except ValueError:
        value = ...
    return [(name, value) for name in names]


def _names(value: object) -> tuple[str, ...] | None:
    """Return the revisions that a variable of a migration file names; None when that is not plain."""
    given = () if value is None else (value,) if isinstance(value, str) else value
    if not isinstance(given, list | tuple | set):
        return None
    names = tuple(one for one in given if isinstance(one, str))
    return names if len(names) == len(given) else None
