"""Which dependencies a release has, how uv installs them on the host, and what their environment's name is. Pure.

The virtual environment is shared by all releases with the same digest, so the application itself is never installed
into it, and everything that uv takes into account is in the digest.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Literal

from homeport.errors import UsageError
from homeport.rules.release_id import content_id
from homeport.rules.requirements import inside, read_requirements
from homeport.rules.tree import folders, some
from homeport.rules.uv_lock import Lock, Table, missing_from_lock, read_lock, read_toml, table

# What is read of most applications.
DEPENDENCY_FILES = ("uv.lock", "requirements.txt", "pyproject.toml", "uv.toml", ".python-version")
# What dependencies.sh adds to each environment of its own; another version is another environment.
ADDED = "access-log-1"
Kind = Literal["uv-lock", "requirements", "pyproject", "none"]
# Copies, because the environment must outlive uv's cache; bytecode, because the application may not write any.
_COPIES = ("--compile-bytecode", "--link-mode", "copy")
# --frozen: the lock is taken as it is and never written; --no-install-project: the environment is shared by releases.
_SYNC = ("sync", "--frozen", "--no-dev", "--no-editable", "--no-install-project", *_COPIES)
# `install` and not `sync`: the environment is fresh, and a file that is not compiled names no indirect dependencies.
_INSTALL = ("pip", "install", "-r")


@dataclass(frozen=True)
class Dependencies:
    """What the virtual environment of a release is made from.

    `digest` names the environment (12 hexadecimal characters). `install` has the argument lists for uv, to be run in
    the release's folder with the variables of `install_environment`; that folder may be read-only. `warning` is one
    line.
    """

    kind: Kind
    digest: str
    install: tuple[tuple[str, ...], ...]
    warning: str | None = None


@dataclass(frozen=True)
class Application:
    """The application's folder, seen by the rules: its files, a way to read one, its tree, and where and when it is."""

    files: Set[str]
    read: Callable[[str], str | None]
    tree: str
    place: str


def install_environment(environment: str) -> dict[str, str]:
    """Return the variables with which `Dependencies.install` fills the virtual environment at the path `environment`.

    UV_PYTHON keeps `uv sync` from replacing the environment by another one when the application's `.python-version` or
    `requires-python` asks for a Python that the environment does not have: it fails instead (measured with uv 0.13).
    """
    return {
        "VIRTUAL_ENV": environment,
        "UV_PROJECT_ENVIRONMENT": environment,
        "UV_PYTHON": posixpath.join(environment, "bin/python"),
        "UV_PYTHON_DOWNLOADS": "never",
    }


def decide_dependencies(application: Application, python_version: str | None) -> Dependencies:
    """Return the dependencies of an application: its uv.lock, else requirements.txt, else pyproject.toml.

    Raises UsageError when there is none of them, when something that they name is not in the release, and when a lock
    plainly lacks the `fastapi` command.
    """
    if {"uv.lock", "pyproject.toml"} <= application.files:
        return _from_lock(application, python_version)
    if "requirements.txt" in application.files:
        return _from_requirements(application, python_version)
    if "pyproject.toml" in application.files:
        return _from_pyproject(application, python_version)
    raise _error(
        f"no uv.lock, requirements.txt or pyproject.toml {application.place}",
        "commit one (uv init --bare && uv add 'fastapi[standard]'), or set app_subdirectory to where it is",
    )


def _from_lock(application: Application, python_version: str | None) -> Dependencies:
    text = application.read("uv.lock") or ""
    project = _pyproject(application, "project")
    lock = read_lock("uv.lock", text)
    stale = missing_from_lock(project, lock)
    if stale:
        raise _error(f"uv.lock is older than pyproject.toml: it lacks {some(stale)}", "run uv lock and commit uv.lock")
    _check_local(application, lock)
    _check_command(lock.installed, "uv.lock")
    parts = ["uv.lock", text, *([application.tree] if lock.local else [])]
    return Dependencies("uv-lock", _digest("uv-lock", application, python_version, parts), (_SYNC,))


def _check_local(application: Application, lock: Lock) -> None:
    present = application.files | folders(application.files)
    for place in lock.local:
        if inside(place, "uv.lock") not in present:
            raise _error(f"uv.lock names {place}, which is not in the release", "commit it or lock without it")
    for folder in lock.folders:
        _check_builds_read_only(application, folder)


def _from_requirements(application: Application, python_version: str | None) -> Dependencies:
    found = read_requirements("requirements.txt", application.read)
    present = application.files | folders(application.files) | {"."}
    for place in found.local + found.links:
        if place not in present:
            raise _error(
                f"requirements.txt names {place}, which is not in the release", "commit it or remove that line"
            )
        if place in found.local and place not in application.files:
            _check_builds_read_only(application, place)
    if found.hashed:
        _check_command(frozenset(found.names), "requirements.txt")
    parts = [part for path in sorted(found.contents) for part in (path, found.contents[path])]
    parts += [application.tree] if found.local or found.links else []
    hashes = ("--require-hashes",) if found.hashed else ()
    return Dependencies(
        "requirements",
        _digest("requirements", application, python_version, parts),
        ((*_INSTALL, "requirements.txt", *_COPIES, *hashes),),
    )


def _from_pyproject(application: Application, python_version: str | None) -> Dependencies:
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
    return Dependencies(
        "pyproject",
        _digest("pyproject", application, python_version, [text]),
        ((*_INSTALL, "pyproject.toml", *_COPIES),),
        "pyproject.toml without a lock: versions are not pinned; run uv lock and commit uv.lock",
    )


def _pyproject(application: Application, *names: str) -> Table:
    """Return the table `[names…]` of pyproject.toml; empty if there is none."""
    text = application.read("pyproject.toml") or ""
    return table("pyproject.toml", read_toml("pyproject.toml", text), *names)


def _digest(kind: Kind, application: Application, python_version: str | None, parts: list[str]) -> str:
    """Return the environment's name, from `parts` and what uv reads beside them: uv.toml, [tool.uv], the Python."""
    tool = _pyproject(application, "tool", "uv")
    asked = [application.read(name) or "" for name in ("uv.toml", ".python-version")]
    return content_id(kind, ADDED, python_version or "", json.dumps(tool, sort_keys=True, default=str), *asked, *parts)


def _check_builds_read_only(application: Application, folder: str) -> None:
    """Refuse a local dependency that setuptools builds: it writes into its folder, and a release is read-only."""
    path = posixpath.normpath(f"{folder}/pyproject.toml")
    build = table(path, read_toml(path, application.read(path) or ""), "build-system")
    if str(build.get("build-backend", "setuptools")).startswith("setuptools"):
        raise _error(
            f"{folder} is built by setuptools, which writes into its folder, and a release is read-only",
            f"give {path} a [build-system] with uv_build or hatchling, or commit a wheel",
        )


def _check_command(names: frozenset[str], lock: str) -> None:
    if "fastapi-cli" not in names:
        raise _error(
            f"the dependencies in {lock} do not bring the fastapi command", "add fastapi[standard] and lock again"
        )


def _error(problem: str, fix: str) -> UsageError:
    return UsageError(problem, key="app_source", fix=fix)
