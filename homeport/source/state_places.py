"""The paths of a release that the application writes to: which are folders, and that no code is among them. Pure.

A folder of the state directory is mounted over a folder of the release: its files have the paths that the code knows. A
file is a link to one of the state directory: what is made beside it (the journal of SQLite) is made there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from typing import NamedTuple

from homeport.errors import UsageError
from homeport.settings.model import Settings
from homeport.source.release import Source
from homeport.source.tree_contents import modules


class StatePlaces(NamedTuple):
    """Folders and files, by their path below the application's folder and below the state directory alike."""

    folders: tuple[str, ...]
    files: tuple[str, ...]


def state_places(settings: Settings, source: Source) -> StatePlaces:
    """Return what the setting names: a folder or a file as the release has it, else by the name's look.

    A name that ends with "/" is a folder, and so is one without a dot.
    """
    paths = source.paths() if settings.state_paths else ()
    folders = [path for path in settings.state_paths if _is_folder(path, paths)]
    files = [path for path in settings.state_paths if path not in folders]
    return StatePlaces(tuple(path.rstrip("/") for path in folders), tuple(files))


def check_state_places(source: Source, settings: Settings) -> None:
    """Raise UsageError for a path of state_paths that the release has other things in than what is written."""
    if not settings.state_paths:
        return
    places, paths = state_places(settings, source), source.paths()
    for path in (*places.folders, *places.files):
        if problem := _problem(path, path in places.folders, paths):
            raise UsageError(problem, key="state_paths", fix="name a path that has nothing but what is written")


def _is_folder(path: str, paths: Collection[str]) -> bool:
    if path.endswith("/") or any(one.startswith(f"{path}/") for one in paths):
        return True
    return path not in paths and "." not in posixpath.basename(path).lstrip(".")


def _problem(path: str, is_folder: bool, paths: Collection[str]) -> str:
    if is_folder and path in paths:
        return f"{path} is a folder by its name, and a file or a link in the release"
    parts = path.split("/")
    for length in range(1, len(parts)):
        if (parent := "/".join(parts[:length])) in paths:
            return f"{path} lies in {parent}, which is no folder in the release but a file or a link"
    inside = [one for one in paths if f"{one}/".startswith(f"{path}/")]
    if code := modules(inside):
        return f"{path} has code of the application in it ({code[0]}), which no release could change any more"
    return ""
