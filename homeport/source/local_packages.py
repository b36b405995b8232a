"""Packages of the repository that the application needs: its own folders, and those beside it. Pure.

They are not built and not installed: their code is in the release, on the import path, as after an editable
installation, and their dependencies are installed with those of the application. So releases share an environment
although such a package changes, and after a rollback the release has the code that it had.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from homeport.errors import UsageError
from homeport.source.own_package import PACKAGES, OwnPackage, own_package
from homeport.source.package_sources import NOTHING, Listed, find_sources, requirement_extras, requirement_name, resolve
from homeport.source.repository_view import RepositoryView
from homeport.source.requirements import Local, normalized
from homeport.source.setup_files import UNREADABLE, read_setup
from homeport.source.uv_lock import lines_of, read_toml, table

Table = Mapping[str, Any]


@dataclass(frozen=True)
class Package:
    """A folder of the repository that is a Python package: its path from the application's folder, and what it says.

    `project` is its `[project]`, or what setup.py and setup.cfg have in its place (`is_script`); `pyproject` is all of
    its pyproject.toml.
    """

    place: str
    project: Table = field(default_factory=dict, hash=False)
    pyproject: Table = field(default_factory=dict, hash=False)
    is_script: bool = False

    @property
    def name(self) -> str:
        """Return the name of its distribution, "" for none."""
        return normalized(str(self.project.get("name", "")))


def read_package(place: str, view: RepositoryView) -> Package | None:
    """Return the package in the folder `place`; None where there is none."""

    def read(name: str) -> str | None:
        return view.read_file(posixpath.join(view.path(place), name))

    text, named = read("pyproject.toml"), posixpath.normpath(f"{place}/pyproject.toml")
    pyproject = read_toml(named, text or "")
    project = table(named, pyproject, "project")
    setup = None if project else read_setup(read)
    if setup is not None:
        return Package(place, setup, pyproject, is_script=True)
    return Package(place, project, pyproject) if text is not None else None


def needs(
    asked: Iterable[Local], view: RepositoryView, named_by: str, listed: Listed = NOTHING
) -> tuple[tuple[Package, ...], tuple[str, ...]]:
    """Return the packages at the places `asked`, the packages of the repository that they need, and the requirements of
    all of them as lines of a requirements file.

    `named_by` is the file that asks, which lists what is `listed`. Raises UsageError for a folder that has no package,
    one that has the application in it, one whose requirements only a build would tell, and one that takes a
    requirement from where a requirements file cannot take it.
    """
    found: dict[str, Package] = {}
    taken: set[tuple[str, str]] = set()
    lines: dict[str, None] = {}
    waiting = list(asked)
    while waiting:
        one = waiting.pop(0)
        package = found.setdefault(one.path, found.get(one.path) or _package(one.path, view, named_by))
        new = {"", *map(normalized, one.extras)} - {extra for place, extra in taken if place == one.path}
        taken |= {(one.path, extra) for extra in new}
        sources = find_sources(one.path, package.pyproject, view) if new else {}
        for line in _requirements(package, new):
            name = requirement_name(line)
            if name and name == package.name:
                waiting.append(Local(one.path, requirement_extras(line)))
                continue
            came = resolve(line, sources[name], view, named_by, listed) if name in sources else line
            if isinstance(came, Local):
                waiting.append(came)
            else:
                lines[came] = None
    return tuple(found.values()), tuple(lines)


def own_packages(packages: Iterable[Package], view: RepositoryView, trees: Mapping[str, str]) -> OwnPackage:
    """Return the part of the release that comes from these packages: folders of the import path, metadata, commands.

    `trees` has the git tree id of those beside the application, by place.
    """
    made = [_own(package, view, trees.get(package.place, "")) for package in packages]
    return OwnPackage(
        tuple(dict.fromkeys(folder for one in made for folder in one.import_folders)),
        tuple({file.path: file for one in made for file in one.files}.values()),
        tuple(dict.fromkeys(line for one in made for line in one.warnings)),
    )


def _own(package: Package, view: RepositoryView, tree: str) -> OwnPackage:
    path = view.path(package.place)
    start = view.released(package.place)

    def read(name: str) -> str | None:
        return view.read_file(posixpath.join(path, name))

    own = own_package(view.list_files(path), with_setup(package), read, tree=tree)
    # All share the folder with the metadata.
    folders = (one if one == PACKAGES else posixpath.join(start, one).rstrip("/") for one in own.import_folders)
    return OwnPackage(tuple(folders), own.files, own.warnings)


def with_setup(package: Package) -> Table:
    """Return the pyproject.toml of a package, completed by its setup.py and setup.cfg."""
    if "project" in package.pyproject or not package.project:
        return package.pyproject
    where = package.project.get("packages-from")
    tool = package.pyproject.get("tool", {})
    setuptools = {"package-dir": {"": where}} if where else {}
    return {**package.pyproject, "project": package.project, "tool": {**tool, "setuptools": setuptools}}


def _package(place: str, view: RepositoryView, named_by: str) -> Package:
    path = view.path(place)
    if view.is_beside(place) and (view.folder == path or not path or view.folder.startswith(f"{path}/")):
        raise _error(
            f"{named_by} names {place}, which has the application's own folder in it",
            f'set app_subdirectory = "{path}" and app_entrypoint to what is served, seen from there',
        )
    package = read_package(place, view)
    if package is None:
        raise _error(
            f"{named_by} names {place}, which is not in the release (no pyproject.toml or setup.py is there)",
            "commit it or remove that line",
        )
    return package


def _requirements(package: Package, extras: Set[str]) -> Iterator[str]:
    """Yield the requirements of a package with `extras`, "" among them for its own."""
    file, project = posixpath.normpath(f"{package.place}/pyproject.toml"), package.project
    dynamic = lines_of(file, project, "dynamic")
    if "dependencies" not in project:
        if UNREADABLE in project:
            raise _unknown(package, str(project[UNREADABLE]))
        if "dependencies" in dynamic:
            raise _unknown(package, "dependencies is dynamic in its pyproject.toml")
        if _poetrys(package):
            raise _unknown(package, "its dependencies are in [tool.poetry.dependencies]")
    if "" in extras:
        yield from lines_of(file, project, "dependencies")
    optional = table(file, project, "optional-dependencies")
    for name in optional:
        if normalized(name) in extras:
            yield from lines_of(file, optional, name)
    missing = extras - {"", *map(normalized, optional)}
    if missing and "optional-dependencies" in dynamic:
        raise _unknown(package, str(project.get(UNREADABLE, "optional-dependencies is dynamic in its pyproject.toml")))


def _poetrys(package: Package) -> Table:
    """Return the dependencies that Poetry's own table has besides the Python."""
    found = table(f"{package.place}/pyproject.toml", package.pyproject, "tool", "poetry", "dependencies")
    return {name: one for name, one in found.items() if name != "python"}


def _unknown(package: Package, why: str) -> UsageError:
    own = package.place == "."
    return _error(
        f"only a build would tell what {'the application' if own else package.place} needs: {why}",
        "write a plain list: install_requires in setup.py, or dependencies of [project] in pyproject.toml"
        + (", or a requirements.txt that names all" if own else ""),
    )


def _error(problem: str, fix: str) -> UsageError:
    return UsageError(problem, key="app_source", fix=fix)


def places_beside(packages: Iterable[Package], view: RepositoryView) -> Set[str]:
    """Return the places of the packages that are not below the application's folder."""
    return {one.place for one in packages if view.is_beside(one.place)}
