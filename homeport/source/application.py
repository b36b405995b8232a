"""The input and the result of the rules about dependencies: an application's files, and its dependencies. Pure.

The virtual environment is shared by all releases with the same digest, so the application itself is never installed
into it, and everything that uv takes into account is in the digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Literal

from homeport.errors import UsageError
from homeport.source.dependency_options import DependencyOptions
from homeport.source.exports import Export
from homeport.source.local_packages import Package
from homeport.source.open_versions import OpenVersions
from homeport.source.own_package import OwnFile
from homeport.source.release_id import content_id
from homeport.source.repository_view import RepositoryView
from homeport.source.uv_lock import Table, read_toml, table
from homeport.source.workspace import Workspace

# Files that are read of most applications.
DEPENDENCY_FILES = (
    *("uv.lock", "requirements.txt", "pyproject.toml", "uv.toml", ".python-version"),
    *("poetry.lock", "Pipfile", "Pipfile.lock"),
)
# What dependencies.sh adds to each environment of its own; another version is another environment.
ADDED = "access-log-1 import-path-1"
Kind = Literal["uv-lock", "poetry-lock", "pipfile-lock", "requirements", "pyproject", "none"]
# Copies, because the environment must outlive uv's cache; bytecode, because the application may not write any.
COPIES = ("--compile-bytecode", "--link-mode", "copy")
# `install` and not `sync`: the environment is fresh, and a file that is not compiled names no indirect dependencies.
INSTALL = ("pip", "install", "-r")


@dataclass(frozen=True)
class Dependencies:
    """What the virtual environment of a release is made from.

    `digest` names the environment (12 hexadecimal characters). `install` has the argument lists for uv, to be run in
    the release's folder with the variables of `install_environment`; that folder may be read-only. `warnings` are a
    line each. `requires_python` is a specifier that uv insists on, "" for none; `files` are what the release has for
    uv besides those of git; `leaves_open` is there where versions are not pinned. `packages` are those of the
    repository whose code is imported from where it lies. With an `export`, `install` follows from what that gives.
    """

    kind: Kind
    digest: str
    install: tuple[tuple[str, ...], ...]
    warnings: tuple[str, ...] = ()
    requires_python: str = ""
    files: tuple[OwnFile, ...] = ()
    open_versions: OpenVersions | None = None
    packages: tuple[Package, ...] = ()
    export: Export | None = None


@dataclass(frozen=True)
class Application:
    """The application's folder, seen by the rules: its files, a way to read one, its tree, and where and when it is.

    `workspace` is the one that it is a member of, where it has no lock of its own; `view` is the repository.
    """

    files: Set[str]
    read: Callable[[str], str | None]
    tree: str
    place: str
    workspace: Workspace | None = None
    view: RepositoryView = field(default_factory=RepositoryView)

    def read_anywhere(self, place: str) -> str | None:
        """Return the text of a file of the repository, seen from the application's folder; None where there is none."""
        return self.view.read_file(self.view.path(place)) if self.view.is_beside(place) else self.read(place)

    def pyproject(self, *names: str) -> Table:
        """Return the table `[names…]` of pyproject.toml; empty if there is none."""
        return table("pyproject.toml", read_toml("pyproject.toml", self.read("pyproject.toml") or ""), *names)


def environment_name(kind: Kind, application: Application, options: DependencyOptions, parts: list[str]) -> str:
    """Return the environment's name, from `parts` and what uv reads beside them: uv.toml, [tool.uv], the Python."""
    tool = application.pyproject("tool", "uv")
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


def source_error(problem: str, fix: str) -> UsageError:
    """Return the error for an application whose files cannot be deployed as they are."""
    return UsageError(problem, key="app_source", fix=fix)
