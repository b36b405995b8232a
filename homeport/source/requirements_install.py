"""How an application is installed that has a requirements file, or a setup.py alone. Pure.

A requirements file is used unchanged where uv can read it. One that is elsewhere in the repository, or that has a
folder of the repository or a git repository "editable", is rewritten into the release, as one file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, replace

from homeport.source.local_packages import Package, needs, read_package
from homeport.source.open_versions import OpenVersions, open_in_requirements
from homeport.source.own_package import OwnFile
from homeport.source.package_sources import Listed
from homeport.source.repository_view import RepositoryView
from homeport.source.requirements import Local, Requirements, direct_names, lines, normalized, pinned_version
from homeport.source.tree_contents import OWN_FOLDER
from homeport.source.uv_lock import table

WRITTEN, LIMITS = f"{OWN_FOLDER}/requirements.in", f"{OWN_FOLDER}/constraints.txt"
# What a folder is built by that writes nothing beside its source (a release is read-only).
BUILDS_ELSEWHERE = "setuptools"


@dataclass(frozen=True)
class Plan:
    """What uv is told to install: the `file` (from the application's folder), made of `files` of our own if there are
    any, and the `packages` of the repository whose code is imported and not installed.

    `built` has the places that uv builds and installs from the release, `leaves_open` what has no version.
    """

    file: str
    files: tuple[OwnFile, ...] = ()
    packages: tuple[Package, ...] = ()
    built: tuple[str, ...] = ()
    open_versions: OpenVersions | None = None

    def parts(self) -> list[str]:
        """Return what the environment depends on, where the requirements are written anew."""
        return [part for file in self.files for part in (file.path, file.text)]


def plan_requirements(path: str, found: Requirements, view: RepositoryView) -> Plan:
    """Return what to install for the requirements file at `path`, which was read; raise UsageError as `needs` does."""
    imported = tuple(one for one in found.local if _is_imported(one, view))
    built = tuple(one.path for one in found.local if one not in imported)
    listed = Listed(found.names, direct_names(found), complete=found.hashed)
    packages, wanted = needs(imported, view, path, listed)
    # Where there are hashes, each distribution has its line there, also what such a package needs.
    wanted = () if found.hashed else wanted
    elsewhere = any(view.is_beside(one) for one in found.contents)
    files = _files(found, imported, wanted) if imported or elsewhere or found.rewritten else ()
    known = replace_versions(found, wanted)
    left = open_in_requirements(path, known, built=bool(built))
    return Plan(
        WRITTEN if files else path,
        files,
        packages,
        built,
        left and replace(left, compiled=WRITTEN if files else "", asked=(*left.asked, *wanted)),
    )


def plan_setup(view: RepositoryView) -> Plan | None:
    """Return what to install for an application that has nothing but a setup.py or setup.cfg; None: it has none."""
    package = read_package(".", view)
    if package is None or not package.is_script:
        return None
    _, wanted = needs([Local(".")], view, "setup.py")
    text = "".join(f"{line}\n" for line in wanted)
    found = Requirements(contents={"setup.py": text}, flat=list(wanted))
    left = open_in_requirements("setup.py", replace_versions(found, wanted), built=False)
    return Plan(WRITTEN, (OwnFile(WRITTEN, text),), (package,), (), left and replace(left, compiled=WRITTEN))


def replace_versions(found: Requirements, wanted: Iterable[str]) -> Requirements:
    """Return the requirements with the lines `wanted` added to their names and versions."""
    names, versions = set(found.names), dict(found.versions)
    for line in (one for text in wanted for one in lines(text) if one.name):
        names.add(normalized(line.name))
        if version := pinned_version(line.value):
            versions.setdefault(normalized(line.name), version)
    return replace(found, names=names, versions=versions)


def _is_imported(one: Local, view: RepositoryView) -> bool:
    if one.editable or view.is_beside(one.path):
        return True
    package = read_package(one.path, view)
    return package is not None and is_built_in_place(package)


def is_built_in_place(package: Package) -> bool:
    """Tell whether a build of the package writes into its own folder, which is read-only in a release."""
    build = table(posixpath.normpath(f"{package.place}/pyproject.toml"), package.pyproject, "build-system")
    return str(build.get("build-backend", BUILDS_ELSEWHERE)).startswith(BUILDS_ELSEWHERE)


def _files(found: Requirements, imported: tuple[Local, ...], wanted: Iterable[str]) -> tuple[OwnFile, ...]:
    listed = [_line(one) for one in found.flat if one not in imported]
    limits = [f"-c {posixpath.basename(LIMITS)}"] if found.limits else []
    written = [OwnFile(WRITTEN, _text((*limits, *listed, *wanted)))]
    return (*written, *([OwnFile(LIMITS, _text(found.limits))] if found.limits else []))


def _line(one: str | Local) -> str:
    if isinstance(one, Local):
        extras = f"[{','.join(one.extras)}]" if one.extras else ""
        return f"./{one.path}{extras}"
    # Relative to the file, and that lies a folder deeper.
    links = "--find-links "
    return f"{links}../{one.removeprefix(links)}" if one.startswith(links) and "://" not in one else one


def _text(found: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in dict.fromkeys(found))
