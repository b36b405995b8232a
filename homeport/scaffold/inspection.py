"""Looks at an application's repository: what a project that deploys it has to say. Reads files, and writes none."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeport.errors import UsageError
from homeport.scaffold.entrypoint import find_entrypoint, find_folder
from homeport.scaffold.from_others import FromOthers, find_foreign
from homeport.scaffold.health import Health, find_health
from homeport.scaffold.naming import app_name
from homeport.scaffold.needs import Needs, find_needs, find_requirements
from homeport.scaffold.python_version import find_python
from homeport.scaffold.remarks import remarks
from homeport.scaffold.repository_files import RepositoryFiles
from homeport.scaffold.server import find_server
from homeport.scaffold.wheels import find_python as find_python_with_wheels
from homeport.servers import SERVERS
from homeport.settings.server import Server
from homeport.settings.variables import RESERVED_ENVIRONMENT
from homeport.source.background_work import BackgroundWork, background_work
from homeport.source.entrypoint import find_entry
from homeport.source.exports import PIPFILE_LOCK, POETRY_LOCK, python_required
from homeport.source.git import Repository, find_repository
from homeport.source.required_variables import read_variables, required_variables, variables_of
from homeport.source.uv_lock import read_toml, table
from homeport.source.workspace import find_workspace

EXAMPLES_OF_ENVIRONMENT = (".env.example", ".env.sample", ".env.template", "env.example", ".env.dist")
MAIN = "main"


@dataclass(frozen=True)
class Inspection:
    """The result: settings by name, and remarks for the user. Paths in `files` are below the application.

    `repository` is its root; `place` is the folder that was looked at, `subdirectory` the application's below it.
    `variables` are the names in an example of a .env file; `branch` is the one that is deployed. `foreign` is what
    files of other tools say. `background` is what the code starts in each worker; `fetches` has "submodules" and "lfs"
    where a clone has to fetch those as well.
    """

    repository: Path
    place: Path
    subdirectory: str
    files: frozenset[str] = field(repr=False)
    app_name: str
    entrypoint: str
    server: Server
    requirements_file: str
    needs: Needs
    health: Health
    python_version: str | None
    migrate_command: str | list[str] | None
    variables: tuple[str, ...]
    branch: str
    remarks: tuple[str, ...]
    foreign: FromOthers = field(default_factory=FromOthers)
    background: BackgroundWork | None = None
    fetches: frozenset[str] = frozenset()


def inspect(place: Path, *, name: str | None = None, entrypoint: str | None = None) -> Inspection:
    """Return what is found in and below the folder `place`, which is in a git repository.

    `name` and `entrypoint` are what the user says himself. Raises UsageError when there is no repository, and when
    there is no application in it, or more than one.
    """
    repository = find_repository(str(place), Path.cwd())
    everything = RepositoryFiles(repository)
    folder = "" if entrypoint else find_folder(everything.paths, everything.code())
    files = everything.below(folder)
    toml = read_toml("pyproject.toml", files.read("pyproject.toml"))
    # `fastapi run` itself looks there first.
    said = entrypoint or str(table("pyproject.toml", toml, "tool", "fastapi").get("entrypoint") or "")
    requirements = find_requirements(files.paths, files.read, _is_member(repository, files))
    needs = _needs(files, requirements)
    python = _python(files, needs, _required(toml))
    foreign = find_foreign(repository, files, requirements, said, python=not (python or _required(toml)))
    entry, server = _served(files, said, foreign, requirements)
    said_name = str(table("pyproject.toml", toml, "project").get("name", ""))
    path, root = place.resolve(), repository.path
    return Inspection(
        repository=root,
        place=path,
        subdirectory=folder,
        files=files.paths,
        app_name=name or app_name([*foreign.names, said_name, posixpath.basename(folder), path.name, root.name]),
        entrypoint=entry,
        server=server,
        requirements_file=requirements,
        needs=needs,
        health=foreign.health or find_health(files.code(), entry),
        python_version=python or foreign.python_version,
        migrate_command=foreign.migrate_command or find_migrate_command(files),
        variables=foreign.without_known(_variables(files)),
        branch=_branch(repository),
        remarks=remarks(files.paths, files.read, requirements),
        foreign=foreign,
        background=_background(files, foreign),
        fetches=_fetches(repository),
    )


def _served(files: RepositoryFiles, said: str, foreign: FromOthers, requirements: str) -> tuple[str, Server]:
    """Return entry point and server; `said` is the entry point that somebody has named, "" for none."""
    server = foreign.server or find_server(files.paths, files.read, requirements)
    entry = said or foreign.entrypoint or find_entrypoint(files.code(), server)
    if entry.endswith("()") and not SERVERS[server].makes_application:
        server = find_server(files.paths, files.read, requirements, factory=True)
    # The message that a deploy would show, shown now.
    find_entry(server, entry, files.paths, "HEAD")
    return entry, server


def _required(pyproject: Mapping[str, Any]) -> str:
    """Return the Python that a pyproject.toml asks for, "" for none."""
    project, poetry = (table("pyproject.toml", pyproject, *names) for names in (("project",), ("tool", "poetry")))
    return str(project.get("requires-python", "")) or python_required(poetry)


def _python(files: RepositoryFiles, needs: Needs, required: str) -> str | None:
    """Return the Python that the application asks for, or its lock was made for, where a system's own would not do."""
    if asked := find_python(files.read(".python-version"), required):
        return asked
    lock = files.read("uv.lock") or files.read(POETRY_LOCK)
    said = re.search(r'"python_(?:full_)?version":\s*"(3\.\d+)', "" if lock else files.read(PIPFILE_LOCK))
    return said[1] if said else find_python_with_wheels(lock, needs.names, required)


def _needs(files: RepositoryFiles, requirements: str) -> Needs:
    try:
        return find_needs(files.paths, files.read, requirements)
    except UsageError:
        return Needs()


def _is_member(repository: Repository, files: RepositoryFiles) -> bool:
    """Tell whether a uv workspace above the application has a lock for it."""
    root = Path(repository.path)
    read = lambda path: (root / path).read_text("utf-8", "replace") if (root / path).is_file() else None  # noqa: E731
    return bool(files.folder) and find_workspace(files.folder, read) is not None


def find_migrate_command(files: RepositoryFiles) -> str | None:
    """Return the migration's command where "auto" would not find it: an alembic.ini below the application's folder.

    Alembic looks for the folder of the migrations from where it is run, unless that is told otherwise (`%(here)s`).
    """
    if "alembic.ini" in files.paths:
        return None
    others = sorted(
        (path for path in files.paths if posixpath.basename(path) == "alembic.ini"), key=lambda one: one.count("/")
    )
    if not others:
        return None
    folder = posixpath.dirname(others[0])
    said = re.search(r"^script_location\s*=\s*(\S+)", files.read(others[0]), re.MULTILINE)
    place = posixpath.normpath(said[1]) if said else ""
    if f"{folder}/{place}/env.py" in files.paths and f"{place}/env.py" not in files.paths:
        return f"cd {shlex.quote(folder)} && alembic upgrade head"
    return f"alembic -c {shlex.quote(others[0])} upgrade head"


def _variables(files: RepositoryFiles) -> tuple[str, ...]:
    """Return the names that an example of a .env file sets, and those that the code needs, or reads without a default.

    Without those that homeport gives itself.
    """
    text = next(filter(None, map(files.read, EXAMPLES_OF_ENVIRONMENT)), "")
    example = variables_of(text)
    known = {name.upper() for name in (*example, *variables_of(files.read(".env")))}
    modules = {path: files.read(path) for path in files.paths if path.endswith(".py")}
    asked = dict.fromkeys(one.name for one in (*required_variables(modules), *read_variables(modules)))
    needed = (name for name in asked if name.upper() not in known)
    return tuple(name for name in (*example, *needed) if not name.startswith(RESERVED_ENVIRONMENT))


def _background(files: RepositoryFiles, foreign: FromOthers) -> BackgroundWork | None:
    """Return background work that the server's own code starts, None for none."""
    modules = {path: files.read(path) for path in files.paths if path.endswith(".py")}
    return next(iter(background_work(modules, foreign.commands)), None)


def _fetches(repository: Repository) -> frozenset[str]:
    """Return what a pipeline's clone has to fetch besides git's own objects."""
    root = RepositoryFiles(Repository(repository.path))
    attributes = [path for path in root.paths if path.rpartition("/")[2] == ".gitattributes"]
    lfs = any("filter=lfs" in root.read(path) for path in attributes)
    return frozenset((*(["submodules"] if ".gitmodules" in root.paths else []), *(["lfs"] if lfs else [])))


def _branch(repository: Repository) -> str:
    """Return the branch that is deployed: the remote's own, else the one that is checked out, else main."""
    remote = repository.attempt("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    if remote:
        return remote.removeprefix("origin/")
    return repository.attempt("symbolic-ref", "--quiet", "--short", "HEAD") or MAIN


def check_folder(project: Path, inspection: Inspection) -> None:
    """Raise UsageError when `project` cannot become the project's folder: it is the user's, or is elsewhere."""
    if not project.is_relative_to(inspection.repository):
        raise UsageError(f"{project} is not in the repository", key="--folder", fix="name a folder below PATH")
    if project == inspection.place:
        raise UsageError(
            "the project needs a folder of its own", key="--folder", fix="leave it out, and the folder is deploy/"
        )
    ours = project / "deploy.py"
    if project.exists() and not (project.is_dir() and (not any(project.iterdir()) or _is_ours(ours))):
        problem = f"{project.relative_to(inspection.place)} exists already, and is not a project of homeport"
        raise UsageError(problem, key="--folder", fix="name another: --folder ops")


def _is_ours(path: Path) -> bool:
    return path.is_file() and "homeport" in path.read_text("utf-8", "replace")
