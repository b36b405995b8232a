"""Which of an application's files the installation of its dependencies reads: what a layer of an image follows from.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Set

from homeport.source.dependencies import Dependencies
from homeport.source.requirements import inside, read_requirements
from homeport.source.tree_contents import folders
from homeport.source.uv_lock import read_lock

# What uv reads beside the file that names the dependencies, wherever it is run.
ASIDE = ("uv.toml", ".python-version")


def install_inputs(found: Dependencies, files: Set[str], read: Callable[[str], str | None]) -> tuple[str, ...]:
    """Return the paths of the files and folders, sorted; "." when the application's whole folder is installed.

    `found` are its dependencies, `files` its paths, `read` gives the text of one.
    """
    named = {"uv-lock": _of_lock, "requirements": _of_requirements}.get(found.kind, _of_project)
    paths = {path for path in (*named(files, read), *ASIDE) if path in files | folders(files) | {"."}}
    return (".",) if "." in paths else tuple(sorted(paths))


def made_from(found: Dependencies, files: Set[str]) -> str:
    """Return the file that names the dependencies."""
    if found.kind != "uv-lock":
        return "requirements.txt" if found.kind == "requirements" else "pyproject.toml"
    return "uv.lock" if "uv.lock" in files else "the workspace's uv.lock"


def _of_lock(files: Set[str], read: Callable[[str], str | None]) -> tuple[str, ...]:
    if "uv.lock" not in files:
        return ()  # a member of a workspace: its lock is in our own folder
    local = read_lock("uv.lock", read("uv.lock") or "").local
    return ("pyproject.toml", "uv.lock", *(inside(place, "uv.lock") for place in local))


def _of_requirements(files: Set[str], read: Callable[[str], str | None]) -> tuple[str, ...]:
    found = read_requirements("requirements.txt", read)
    return ("pyproject.toml", *found.contents, *(one.path for one in found.local), *found.links)


def _of_project(files: Set[str], read: Callable[[str], str | None]) -> tuple[str, ...]:
    return ("pyproject.toml",)
