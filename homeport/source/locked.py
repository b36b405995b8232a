"""What is installed for a uv.lock: the application's own, or that of the uv workspace above it. Pure.

Packages of the repository that the lock names are built and installed from the release where that is possible; those
beside the application's folder, and those whose build writes beside their source, are imported from their own folder.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from homeport.errors import UsageError
from homeport.settings.server import check_pins
from homeport.source.application import COPIES, Application, Dependencies, environment_name, source_error
from homeport.source.dependency_options import DEV, DependencyOptions, check_names
from homeport.source.local_packages import Package, read_package
from homeport.source.lock_freshness import why_stale
from homeport.source.requirements import inside
from homeport.source.requirements_install import is_built_in_place
from homeport.source.tree_contents import folders
from homeport.source.uv_lock import Lock, LockSelection, lines_of, read_lock, read_toml, shape_error, table
from homeport.source.workspace import PLACE, Workspace

# --frozen: the lock is used unchanged and never written; --no-install-project: the environment is shared by releases.
_SYNC = ("sync", "--frozen", "--no-editable", "--no-install-project", *COPIES)


def from_lock(application: Application, options: DependencyOptions) -> Dependencies:
    """Return the dependencies by the application's own uv.lock; raise UsageError when it cannot be installed."""
    text = application.read("uv.lock") or ""
    lock = read_lock("uv.lock", text, _chosen(application, options))
    for folder in lock.projects:
        _check_fresh(application, lock, folder, posixpath.normpath(f"{folder}/pyproject.toml"), "uv.lock")
    packages = _imported(application, lock)
    places = {package.place for package in packages}
    _check_local(application, lock, places)
    check_pins(options.server, lock.installed, lock.versions, "uv.lock")
    built = [place for place in lock.local if place not in places]
    parts = ["uv.lock", text, *([application.tree] if built else [])]
    install = (*_sync(options), *_not_installed(lock, packages))
    digest = environment_name("uv-lock", application, options, parts)
    return Dependencies("uv-lock", digest, (install,), packages=packages)


def from_workspace(application: Application, workspace: Workspace, options: DependencyOptions) -> Dependencies:
    """Return the dependencies by the lock of a workspace above; raise UsageError when it cannot be installed."""
    lock = read_lock(workspace.path, workspace.text, _chosen(application, options), workspace.member)
    _check_fresh(application, lock, workspace.member, "pyproject.toml", workspace.path)
    check_pins(options.server, lock.installed, lock.versions, workspace.path)
    packages = _members(application, workspace, lock)
    files = workspace.files()
    place = ("--no-install-workspace", "--project", posixpath.normpath(f"{PLACE}/{workspace.member}"))
    parts = [workspace.member, *(part for file in files for part in (file.path, file.text))]
    digest = environment_name("uv-lock", application, options, parts)
    return Dependencies("uv-lock", digest, ((*_sync(options), *place),), files=files, packages=packages)


def _chosen(application: Application, options: DependencyOptions) -> LockSelection:
    """Return what uv installs of the project: the default groups without `dev`, and those that the settings name."""
    project, uv = application.pyproject("project"), application.pyproject("tool", "uv")
    groups, default = application.pyproject("dependency-groups"), uv.get("default-groups", [DEV])
    check_names(options, project, {*groups, *([DEV] if "dev-dependencies" in uv else [])})
    by_default = (
        [*groups] if default == "all" else lines_of("pyproject.toml", {"default-groups": default}, "default-groups")
    )
    return LockSelection(options.extras, (*options.groups, *(one for one in by_default if one != DEV)))


def _sync(options: DependencyOptions) -> tuple[str, ...]:
    return (*_SYNC, *(() if DEV in options.groups else ("--no-dev",)), *options.options())


def _not_installed(lock: Lock, packages: Iterable[Package]) -> tuple[str, ...]:
    names = (str(lock.projects[package.place]["name"]) for package in packages)
    return tuple(word for name in sorted(names) for word in ("--no-install-package", name))


def _check_fresh(application: Application, lock: Lock, folder: str, path: str, named: str) -> None:
    """Refuse a lock, `named` so, in which `folder` was locked for another pyproject.toml than the one at `path`."""
    pyproject = read_toml(path, application.read_anywhere(path) or "")
    if not isinstance(table(path, pyproject, "project").get("dependencies", []), list):
        raise shape_error(path, "dependencies")
    stale = why_stale(pyproject, lock.projects[folder], lock.requires_python, lock.locked)
    if stale:
        raise source_error(f"{named} {stale.replace('pyproject.toml', path)}", f"run uv lock and commit {named}")


def _imported(application: Application, lock: Lock) -> tuple[Package, ...]:
    """Return the packages that the application's own lock names and that are imported from their own folder."""
    found = []
    for place in lock.folders:
        view = application.view
        package = read_package(inside(place, "uv.lock", view.depth), view)
        if package and (view.is_beside(place) or is_built_in_place(package)):
            found.append(package)
    return tuple(found)


def _members(application: Application, workspace: Workspace, lock: Lock) -> tuple[Package, ...]:
    """Return the members of a workspace, and other folders that its lock names, which the application needs."""
    needed = {place for place, package in lock.projects.items() if package["name"] in lock.installed}
    found = []
    for member in sorted(needed - {workspace.member}):
        place = posixpath.relpath(member, workspace.member)
        package = read_package(place, application.view)
        if package is None:
            raise _missing(workspace.path, member)
        found.append(package)
    return tuple(found)


def _check_local(application: Application, lock: Lock, imported: set[str]) -> None:
    present = application.files | folders(application.files) | imported
    for place in lock.local:
        if inside(place, "uv.lock", application.view.depth if place in lock.projects else 0) not in present:
            raise _missing("uv.lock", place)


def _missing(lock: str, place: str) -> UsageError:
    return source_error(f"{lock} names {place}, which is not in the release", "commit it or lock without it")
