"""Which of an application's files the installation of its dependencies reads: a layer of an image depends on these.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Set

from homeport.source.dependencies import Dependencies
from homeport.source.exports import PIPFILE_LOCK, POETRY_LOCK, PYPROJECT
from homeport.source.requirements import inside, read_requirements
from homeport.source.tree_contents import folders
from homeport.source.uv_lock import read_lock

REQUIREMENTS = "requirements.txt"
# Files that uv reads in every case, beside the file that names the dependencies.
ASIDE = ("uv.toml", ".python-version")


def install_inputs(found: Dependencies, files: Set[str], read: Callable[[str], str | None]) -> tuple[str, ...]:
    """Return the paths of the files and folders, sorted; "." when the application's whole folder is installed.

    `found` are its dependencies, `files` its paths, `read` gives the text of one.
    """
    named = {"uv-lock": _of_lock, "requirements": _of_requirements}.get(found.kind, _of_project)
    paths = {path for path in (*named(found, files, read), *ASIDE) if path in files | folders(files) | {"."}}
    return (".",) if "." in paths else tuple(sorted(paths))


def made_from(found: Dependencies, files: Set[str]) -> str:
    """Return the file that names the dependencies."""
    if found.kind == "uv-lock":
        return "uv.lock" if "uv.lock" in files else "the workspace's uv.lock"
    if found.kind == "requirements":
        return next(one for one in (REQUIREMENTS, "setup.py", "setup.cfg") if one in files)
    return {"poetry-lock": POETRY_LOCK, "pipfile-lock": PIPFILE_LOCK}.get(found.kind, PYPROJECT)


def _of_lock(_: Dependencies, files: Set[str], read: Callable[[str], str | None]) -> tuple[str, ...]:
    if "uv.lock" not in files:
        return ()  # a member of a workspace: its lock is in our own folder
    local = read_lock("uv.lock", read("uv.lock") or "").local
    return (PYPROJECT, "uv.lock", *(inside(place, "uv.lock") for place in local))


def _of_requirements(found: Dependencies, files: Set[str], read: Callable[[str], str | None]) -> tuple[str, ...]:
    """Return the file, those that it names, and what uv builds. A package that is imported from its folder is left out.

    A setup.py is written anew into our own folder, and all of what the application has beside it is imported.
    """
    if REQUIREMENTS not in files:
        return (PYPROJECT,)
    named = read_requirements(REQUIREMENTS, read)
    imported = {one.place for one in found.packages}
    built = (one.path for one in named.local if one.path not in imported)
    return (PYPROJECT, *named.contents, *built, *named.links)


def _of_project(_: Dependencies, __: Set[str], ___: Callable[[str], str | None]) -> tuple[str, ...]:
    return (PYPROJECT,)
