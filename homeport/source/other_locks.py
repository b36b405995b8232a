"""What is installed for a poetry.lock, a Pipfile.lock, and a Poetry project without a lock. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from homeport.settings.server import check_pins
from homeport.source.application import Application, Dependencies, Kind, environment_name, source_error
from homeport.source.dependency_options import DependencyOptions
from homeport.source.exports import (
    PIPFILE,
    PIPFILE_LOCK,
    POETRY_LOCK,
    PYPROJECT,
    Export,
    Locked,
    outside_file,
    pipenv_export,
    poetry_export,
    read_pipfile_lock,
    read_poetry_lock,
)
from homeport.source.local_packages import Package, read_package
from homeport.source.open_versions import OpenVersions
from homeport.source.requirements import inside
from homeport.source.requirements_install import WRITTEN


def from_other_lock(application: Application, options: DependencyOptions) -> Dependencies | None:
    """Return the dependencies by a poetry.lock or a Pipfile.lock; None where there is neither.

    Raises UsageError when it cannot be read, names what is not in the release, or cannot run the server.
    """
    if {POETRY_LOCK, PYPROJECT} <= application.files:
        text = application.read(POETRY_LOCK) or ""
        lock = read_poetry_lock(text, extras=bool(options.extras), groups=options.groups)
        packages = _packages(application, lock.folders, POETRY_LOCK)
        _check_files(application, lock.files, POETRY_LOCK)
        pyproject = application.read(PYPROJECT) or ""
        export = poetry_export(application.view, pyproject, text, options, tuple(one.place for one in packages))
        return _locked("poetry-lock", application, options, lock, export, packages)
    if PIPFILE_LOCK in application.files:
        text = application.read(PIPFILE_LOCK) or ""
        lock = read_pipfile_lock(text, options.groups)
        packages = _packages(application, lock.folders, PIPFILE_LOCK)
        _check_files(application, lock.files, PIPFILE_LOCK)
        pipfile = application.read(PIPFILE) if PIPFILE in application.files else None
        places = tuple(one.place for one in packages)
        export = pipenv_export(application.view, pipfile, text, options, places, lock.files)
        return _locked("pipfile-lock", application, options, lock, export, packages)
    return None


def from_poetry(application: Application, options: DependencyOptions) -> Dependencies:
    """Return the dependencies of a Poetry project without a lock, whose versions are open."""
    export = poetry_export(application.view, application.read(PYPROJECT) or "", None, options, ())
    left = OpenVersions(PYPROJECT, (), (), compiled=WRITTEN)
    return Dependencies(
        "pyproject", _name("pyproject", application, options, export), (), open_versions=left, export=export
    )


def _locked(
    kind: Kind,
    application: Application,
    options: DependencyOptions,
    lock: Locked,
    export: Export,
    packages: tuple[Package, ...],
) -> Dependencies:
    # The lock does not say which extra or group a package belongs to: only the tool knows what they contain.
    all_known = not options.extras and not options.groups
    check_pins(options.server, lock.names if all_known else None, lock.versions, export.file)
    return Dependencies(kind, _name(kind, application, options, export), (), packages=packages, export=export)


def _name(kind: Kind, application: Application, options: DependencyOptions, export: Export) -> str:
    return environment_name(kind, application, options, export.parts())


def _packages(application: Application, places: Iterable[str], lock: str) -> tuple[Package, ...]:
    """Return the packages of the repository that a lock names, the application itself excepted."""
    found = []
    for place in places:
        package = read_package(inside(place, lock, application.view.depth), application.view)
        if package is None:
            raise source_error(f"{lock} names {place}, which is not in the release", "commit it or lock without it")
        if package.place != ".":
            found.append(package)
    return tuple(found)


def _check_files(application: Application, places: Iterable[str], lock: str) -> None:
    """Raise UsageError for a wheel that a lock names and that is not in the release."""
    for place in places:
        path = inside(place, lock, application.view.depth)
        if application.view.is_beside(path):
            raise outside_file(lock, place)
        if path not in application.files:
            raise source_error(f"{lock} names {place}, which is not in the release", "commit it or lock without it")
