"""What a uv.lock says about a release: what is installed, and what comes from the tree. Pure.

The file is TOML: one `[[package]]` per distribution, with `source = { registry | git | url | path | directory |
editable | virtual = "…" }` and its dependencies by name and extra (read off uv 0.13, lock version 1).
"""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from homeport.errors import UsageError
from homeport.source.requirements import normalized
from homeport.source.toml_text import as_toml_1_0

Table = Mapping[str, Any]
_FOLDERS = ("directory", "editable", "virtual")


@dataclass(frozen=True)
class Lock:
    """A lock, read: `installed` names what `uv sync --no-dev` brings, `folders` what it builds from the tree.

    `versions` has what is locked in one version, `projects` the entries of what is locked from the tree, by folder;
    `requires_python` is the lock's own where it is for one project alone.
    """

    installed: frozenset[str]
    locked: frozenset[str]
    local_folders: frozenset[str]
    local: tuple[str, ...]
    folders: tuple[str, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    projects: Mapping[str, Table] = field(default_factory=dict)
    requires_python: str | None = None


@dataclass(frozen=True)
class LockSelection:
    """Which extras and dependency groups of the project are installed besides what always is."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def read_toml(path: str, text: str) -> dict[str, Any]:
    """Return the TOML in `text`; raise UsageError that names `path` and the place if it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        with suppress(tomllib.TOMLDecodeError):
            return tomllib.loads(as_toml_1_0(text))
        raise UsageError(f"{path} is not valid TOML: {error}", key="app_source", fix="mend it and commit") from None


def table(path: str, data: Table, *names: str) -> Table:
    """Return the table `[names…]` of the TOML in `path`, empty if there is none; raise UsageError if it is none."""
    for name in names:
        data = data.get(name, {})
        if not isinstance(data, Mapping):
            raise shape_error(path, name)
    return data


def lines_of(path: str, data: Table, name: str) -> list[str]:
    """Return the list of texts `name` of a table of the TOML in `path`; raise UsageError if it is none."""
    found = data.get(name, [])
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
        raise shape_error(path, name)
    return list(found)


def shape_error(path: str, name: str) -> UsageError:
    """Return the error for a TOML file in which `name` is of another kind than it has to be."""
    problem = f"{name} in {path} does not have the expected form"
    return UsageError(problem, key="app_source", fix="correct it (uv lock checks both files) and commit")


def read_lock(path: str, text: str, chosen: LockSelection = LockSelection(), project: str = ".") -> Lock:
    """Return what the lock at `path` says of the project in the folder `project`, with what is `chosen` of it.

    `local` has the paths (relative to the lock) of everything that comes from the tree, the project itself excepted.
    """
    data = read_toml(path, text)
    packages = _packages(path, data)
    installed = _reachable(packages, chosen, project)
    sources = [(normalized(package["name"]), *_local(package)) for package in packages]
    return Lock(
        installed=installed,
        locked=frozenset(name for name, _, _ in sources),
        local_folders=frozenset(place for _, kind, place in sources if kind in _FOLDERS),
        local=tuple(sorted({place for _, kind, place in sources if kind and place != "."})),
        folders=tuple(
            place for name, kind, place in sources if kind in _FOLDERS[:2] and place != "." and name in installed
        ),
        versions=_versions(packages),
        projects={place: package for package in packages for kind, place in [_local(package)] if kind in _FOLDERS},
        requires_python=_requires_python(data, sum(kind in _FOLDERS[1:] for _, kind, _ in sources)),
    )


def _versions(packages: list[Table]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for package in packages:
        found.setdefault(normalized(package["name"]), set()).add(str(package.get("version", "")))
    return {name: versions.pop() for name, versions in found.items() if len(versions) == 1}


def _requires_python(data: Table, local_folders: int) -> str | None:
    """Return the requires-python of the lock; that of a workspace is what its members have in common."""
    required = data.get("requires-python")
    return required if isinstance(required, str) and local_folders <= 1 else None


def _packages(path: str, data: Table) -> list[Table]:
    packages = data.get("package", [])
    if not isinstance(packages, list):
        raise shape_error(path, "package")
    for package in packages:
        if not isinstance(package, dict) or not isinstance(package.get("name"), str):
            raise shape_error(path, "package")
        if not all(isinstance(one, str) for one in table(path, package, "source").values()):
            raise shape_error(path, "source")
        _check_needs(path, package, "dependencies")
        for kind in ("optional-dependencies", "dev-dependencies"):
            for name in (needs := table(path, package, kind)):
                _check_needs(path, needs, name)
    return packages


def _check_needs(path: str, data: Table, name: str) -> None:
    needs = data.get(name, [])
    if not isinstance(needs, list) or not all(isinstance(one, dict) for one in needs):
        raise shape_error(path, name)
    for one in needs:
        lines_of(path, one, "extra")
        if not isinstance(one.get("name"), str):
            raise shape_error(path, name)


def _local(package: Table) -> tuple[str, str]:
    """Return the kind and path of a package's source if it is in the file system, else two empty words."""
    for kind, place in package.get("source", {}).items():
        if kind in (*_FOLDERS, "path") or (kind == "registry" and "://" not in place) or "file://" in str(place):
            return kind, posixpath.normpath(str(place))
    return "", ""


def _reachable(packages: list[Table], chosen: LockSelection, project: str) -> frozenset[str]:
    """Return what the project at `project` needs with what is `chosen`; all names if there is no such project."""
    by_name: dict[str, list[Table]] = {}
    for package in packages:
        by_name.setdefault(normalized(package["name"]), []).append(package)
    root = next((package for package in packages if _local(package)[1] == project), None)
    if root is None:
        return frozenset(by_name)
    waiting = list(root.get("dependencies", []))
    for kind, names in (("optional-dependencies", chosen.extras), ("dev-dependencies", chosen.groups)):
        for name, needs in root.get(kind, {}).items():
            waiting += needs if normalized(name) in map(normalized, names) else []
    seen: set[tuple[str, str]] = set()
    while waiting:
        needed = waiting.pop()
        name = normalized(needed["name"])
        for extra in {"", *needed.get("extra", [])} - {known for n, known in seen if n == name}:
            seen.add((name, extra))
            for package in by_name.get(name, []):
                optional = package.get("optional-dependencies", {})
                waiting += optional.get(extra, []) if extra else package.get("dependencies", [])
    return frozenset(name for name, _ in seen)
