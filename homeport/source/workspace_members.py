"""The members of a uv workspace, by what `[tool.uv.workspace]` says, where no lock is looked at. Pure.

Folders are seen from the application's.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from homeport.source.repository_view import RepositoryView
from homeport.source.requirements import normalized
from homeport.source.uv_lock import Table, read_toml, table


def read_pyproject(place: str, view: RepositoryView) -> dict[str, Any]:
    """Return the pyproject.toml in the folder `place`, empty where there is none; raise UsageError when it is none."""
    text = view.read_file(posixpath.join(view.path(place), "pyproject.toml"))
    return read_toml(posixpath.normpath(f"{place}/pyproject.toml"), text or "")


def find_root(place: str, pyproject: Table, view: RepositoryView) -> tuple[str, Table] | None:
    """Return the root of the workspace that the package in `place` is in, and its pyproject.toml; None: it is in none.

    `pyproject` is the package's own. uv takes the first folder above that has such a table.
    """
    if _workspace(pyproject) is not None:
        return place, pyproject
    path = above = view.path(place)
    while above:
        above = posixpath.dirname(above)
        root = view.place(above)
        found = read_pyproject(root, view)
        if _workspace(found) is not None:
            return (root, found) if _is_member(posixpath.relpath(path, above or "."), found) else None
    return None


def find_member(name: str, root: str, pyproject: Table, view: RepositoryView) -> str | None:
    """Return the folder of the member whose distribution has this `name`; None where there is none."""
    for folder in _members(root, pyproject, name, view):
        place = posixpath.normpath(posixpath.join(root, folder))
        project = table(posixpath.normpath(f"{place}/pyproject.toml"), read_pyproject(place, view), "project")
        if normalized(str(project.get("name", ""))) == name:
            return place
    return None


def _members(root: str, pyproject: Table, name: str, view: RepositoryView) -> Iterator[str]:
    """Yield the members' folders, seen from the root, those that are called like the package first."""
    files = view.list_files(view.path(root))
    folders = [posixpath.dirname(one) or "." for one in files if posixpath.basename(one) == "pyproject.toml"]
    members = [one for one in folders if one == "." or _is_member(one, pyproject)]
    yield from sorted(members, key=lambda one: (normalized(posixpath.basename(one)) != name, one))


def _workspace(pyproject: Table) -> Table | None:
    found: object = pyproject
    for name in ("tool", "uv", "workspace"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _is_member(folder: str, root: Table) -> bool:
    said = _workspace(root) or {}
    return _matches(folder, said.get("members")) and not _matches(folder, said.get("exclude"))


def _matches(folder: str, patterns: object) -> bool:
    found = [one for one in patterns if isinstance(one, str)] if isinstance(patterns, list) else []
    return any(re.fullmatch(_expression(posixpath.normpath(one)), folder) for one in found)


def _expression(pattern: str) -> str:
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meaning.get(one, re.escape(one)) for one in re.split(r"(\*\*/|\*\*|\*|\?)", pattern))
