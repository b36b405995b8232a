"""Which dependencies a release has, how uv installs them on the host, and what their environment's name is. Pure.

The virtual environment is shared by all releases with the same digest, so the application itself is never installed
into it, and everything that uv takes into account is in the digest.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from typing import Literal

from homeport.errors import UsageError
from homeport.settings.server import check_pins
from homeport.source import open_versions, python_version
from homeport.source.dependency_options import DEV, DependencyOptions, check_names, refuse_names
from homeport.source.lock_freshness import why_stale
from homeport.source.open_versions import RESOLVED, OpenVersions, all_are_hashed
from homeport.source.own_package import OwnFile
from homeport.source.release_id import content_id
from homeport.source.requirements import inside, read_requirements
from homeport.source.tree_contents import folders
from homeport.source.uv_lock import Lock, LockSelection, Table, read_lock, read_toml, shape_error, table
from homeport.source.workspace import PLACE, Workspace, refuse_other_members

# What is read of most applications.
DEPENDENCY_FILES = ("uv.lock", "requirements.txt", "pyproject.toml", "uv.toml", ".python-version")
# What dependencies.sh adds to each environment of its own; another version is another environment.
ADDED = "access-log-1 import-path-1"
Kind = Literal["uv-lock", "requirements", "pyproject", "none"]
# Copies, because the environment must outlive uv's cache; bytecode, because the application may not write any.
_COPIES = ("--compile-bytecode", "--link-mode", "copy")
# --frozen: the lock is taken as it is and never written; --no-install-project: the environment is shared by releases.
_SYNC = ("sync", "--frozen", "--no-editable", "--no-install-project", *_COPIES)
# `install` and not `sync`: the environment is fresh, and a file that is not compiled names no indirect dependencies.
_INSTALL = ("pip", "install", "-r")


@dataclass(frozen=True)
class Dependencies:
    """What the virtual environment of a release is made from.

    `digest` names the environment (12 hexadecimal characters). `install` has the argument lists for uv, to be run in
    the release's folder with the variables of `install_environment`; that folder may be read-only. `warnings` are a
    line each. `requires_python` is a specifier that uv insists on, "" for none; `files` are what the release has for
    uv besides those of git; `leaves_open` is there where versions are not pinned.
    """

    kind: Kind
    digest: str
    install: tuple[tuple[str, ...], ...]
    warnings: tuple[str, ...] = ()
    requires_python: str = ""
    files: tuple[OwnFile, ...] = ()
    open_versions: OpenVersions | None = None


@dataclass(frozen=True)
class Application:
    """The application's folder, seen by the rules: its files, a way to read one, its tree, and where and when it is.

    `workspace` is the one that it is a member of, where it has no lock of its own.
    """

    files: Set[str]
    read: Callable[[str], str | None]
    tree: str
    place: str
    workspace: Workspace | None = None


def decide_dependencies(application: Application, options: DependencyOptions) -> Dependencies:
    """Return the dependencies of an application: its uv.lock, else requirements.txt, else pyproject.toml.

    Raises UsageError when there is none of them, when something that they name is not in the release, when they plainly
    cannot run the server, and when no supported system has a Python that they allow.
    """
    if {"uv.lock", "pyproject.toml"} <= application.files:
        found = _from_lock(application, options)
    elif "requirements.txt" in application.files:
        found = _from_requirements(application, options)
    elif application.workspace and "pyproject.toml" in application.files:
        found = _from_workspace(application, application.workspace, options)
    elif "pyproject.toml" in application.files:
        found = _from_pyproject(application, options)
    else:
        raise _error(
            f"no uv.lock, requirements.txt or pyproject.toml {application.place}",
            "commit one (uv init --bare && uv add 'fastapi[standard]'), or set app_subdirectory to where it is",
        )
    return _with_python(found, application, options)


def resolved_to(found: Dependencies, text: str) -> Dependencies:
    """Return dependencies that leave versions open with the versions in `text` (a requirements file) in their place."""
    hashes = ("--require-hashes",) if all_are_hashed(text) else ()
    digest = content_id("resolved", found.digest, text)
    install = ((*_INSTALL, RESOLVED, *_COPIES, *hashes),)
    return replace(found, digest=digest, install=install, files=(*found.files, OwnFile(RESOLVED, text)))


def _with_python(found: Dependencies, application: Application, options: DependencyOptions) -> Dependencies:
    """Return the dependencies with what there is to say of the Python; raise UsageError where none can do."""
    required = str(_pyproject(application, "project").get("requires-python", ""))
    insists = required if found.kind == "uv-lock" else ""
    wrong = python_version.refusal(insists, options.python_version)
    if wrong:
        raise UsageError(wrong, key="python_version", fix=python_version.fix(required))
    pinned = python_version.pinned_python(application.read(".python-version") or "")
    said = python_version.warnings(required, pinned, options.python_version)
    floors, uv = python_version.floors(required, options.python_version), _pyproject(application, "tool", "uv")
    left = found.open_versions and found.open_versions.under(floors, application.read("uv.toml") or "", uv)
    return replace(found, warnings=(*found.warnings, *said), requires_python=insists, open_versions=left)


def _from_lock(application: Application, options: DependencyOptions) -> Dependencies:
    text = application.read("uv.lock") or ""
    lock = read_lock("uv.lock", text, _chosen(application, options))
    for folder in lock.projects:
        _check_fresh(application, lock, folder, posixpath.normpath(f"{folder}/pyproject.toml"), "uv.lock")
    _check_local(application, lock)
    check_pins(options.server, lock.installed, lock.versions, "uv.lock")
    parts = ["uv.lock", text, *([application.tree] if lock.local else [])]
    return Dependencies("uv-lock", _digest("uv-lock", application, options, parts), (_sync(options),))


def _from_workspace(application: Application, workspace: Workspace, options: DependencyOptions) -> Dependencies:
    lock = read_lock(workspace.path, workspace.text, _chosen(application, options), workspace.member)
    _check_fresh(application, lock, workspace.member, "pyproject.toml", workspace.path)
    refuse_other_members(workspace, lock)
    check_pins(options.server, lock.installed, lock.versions, workspace.path)
    files = workspace.files()
    place = ("--no-install-workspace", "--project", posixpath.normpath(f"{PLACE}/{workspace.member}"))
    parts = [workspace.member, *(part for file in files for part in (file.path, file.text))]
    digest = _digest("uv-lock", application, options, parts)
    return Dependencies("uv-lock", digest, ((*_sync(options), *place),), files=files)


def _chosen(application: Application, options: DependencyOptions) -> LockSelection:
    """Return what uv installs of the project: the default groups without `dev`, and what is asked for."""
    project, uv = _pyproject(application, "project"), _pyproject(application, "tool", "uv")
    groups, default = _pyproject(application, "dependency-groups"), uv.get("default-groups", [DEV])
    check_names(options, project, {*groups, *([DEV] if "dev-dependencies" in uv else [])})
    by_default = [*groups] if default == "all" else [str(one) for one in default if isinstance(default, list)]
    return LockSelection(options.extras, (*options.groups, *(one for one in by_default if one != DEV)))


def _sync(options: DependencyOptions) -> tuple[str, ...]:
    return (*_SYNC, *(() if DEV in options.groups else ("--no-dev",)), *options.options())


def _check_fresh(application: Application, lock: Lock, folder: str, path: str, named: str) -> None:
    """Refuse a lock, `named` so, in which `folder` was locked for another pyproject.toml than the one at `path`."""
    pyproject = read_toml(path, (application.read(path) or "") if path in application.files else "")
    if not isinstance(table(path, pyproject, "project").get("dependencies", []), list):
        raise shape_error(path, "dependencies")
    stale = why_stale(pyproject, lock.projects[folder], lock.requires_python, lock.locked)
    if stale:
        raise _error(f"{named} {stale.replace('pyproject.toml', path)}", f"run uv lock and commit {named}")


def _check_local(application: Application, lock: Lock) -> None:
    present = application.files | folders(application.files)
    for place in lock.local:
        if inside(place, "uv.lock") not in present:
            raise _error(f"uv.lock names {place}, which is not in the release", "commit it or lock without it")
    for folder in lock.folders:
        _check_builds_read_only(application, folder)


def _from_requirements(application: Application, options: DependencyOptions) -> Dependencies:
    refuse_names(options)
    found = read_requirements("requirements.txt", application.read)
    present = application.files | folders(application.files) | {"."}
    for place in found.local + found.links:
        if place not in present:
            raise _error(
                f"requirements.txt names {place}, which is not in the release", "commit it or remove that line"
            )
        if place in found.local and place not in application.files:
            _check_builds_read_only(application, place)
    check_pins(options.server, found.names if found.hashed else None, found.versions, "requirements.txt")
    parts = [part for path in sorted(found.contents) for part in (path, found.contents[path])]
    parts += [application.tree] if found.local or found.links else []
    hashes = ("--require-hashes",) if found.hashed else ()
    install = (*_INSTALL, "requirements.txt", *_COPIES, *hashes)
    digest = _digest("requirements", application, options, parts)
    return Dependencies("requirements", digest, (install,), open_versions=open_versions.open_in_requirements(found))


def _from_pyproject(application: Application, options: DependencyOptions) -> Dependencies:
    text = application.read("pyproject.toml") or ""
    project = _pyproject(application, "project")
    if not project:
        raise _error(
            "pyproject.toml has no [project] table to read dependencies from", "add one, or a requirements.txt"
        )
    if "dependencies" in str(project.get("dynamic", "")):
        raise _error(
            "the dependencies in pyproject.toml are dynamic, so building the application would be needed to know them",
            "run uv lock and commit uv.lock",
        )
    groups, uv = _pyproject(application, "dependency-groups"), _pyproject(application, "tool", "uv")
    check_names(options, project, set(groups))
    return Dependencies(
        "pyproject",
        _digest("pyproject", application, options, [text]),
        ((*_INSTALL, "pyproject.toml", *_COPIES, *options.options()),),
        open_versions=open_versions.open_in_project(project, uv, groups, options),
    )


def _pyproject(application: Application, *names: str) -> Table:
    """Return the table `[names…]` of pyproject.toml; empty if there is none."""
    text = application.read("pyproject.toml") or ""
    return table("pyproject.toml", read_toml("pyproject.toml", text), *names)


def _digest(kind: Kind, application: Application, options: DependencyOptions, parts: list[str]) -> str:
    """Return the environment's name, from `parts` and what uv reads beside them: uv.toml, [tool.uv], the Python."""
    tool = _pyproject(application, "tool", "uv")
    asked = [application.read(name) or "" for name in ("uv.toml", ".python-version")]
    return content_id(
        kind,
        ADDED,
        options.python_version or "",
        json.dumps(tool, sort_keys=True, default=str),
        *asked,
        *parts,
        *options.parts(),
    )


def _check_builds_read_only(application: Application, folder: str) -> None:
    """Refuse a local dependency that setuptools builds: it writes into its folder, and a release is read-only."""
    path = posixpath.normpath(f"{folder}/pyproject.toml")
    build = table(path, read_toml(path, application.read(path) or ""), "build-system")
    if str(build.get("build-backend", "setuptools")).startswith("setuptools"):
        raise _error(
            f"{folder} is built by setuptools, which writes into its folder, and a release is read-only",
            f"give {path} a [build-system] with uv_build or hatchling, or commit a wheel",
        )


def _error(problem: str, fix: str) -> UsageError:
    return UsageError(problem, key="app_source", fix=fix)
