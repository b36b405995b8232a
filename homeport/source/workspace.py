"""An application that is a member of a uv workspace: its lock lies in a folder above it, outside of the release. Pure.

The lock and the pyproject.toml of each member go into the release, so that uv finds them on the host as it did where
the lock was made. Members are not installed there: their code is imported from its folder in the release.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from homeport.source.own_package import OwnFile
from homeport.source.tree_contents import OWN_FOLDER
from homeport.source.uv_lock import read_lock

PLACE = f"{OWN_FOLDER}/lock"


@dataclass(frozen=True)
class Workspace:
    """The lock of a workspace: its path in the repository, its text, and where below it the application is.

    `pyprojects` has the pyproject.toml of the root (".") and of each member, by folder.
    """

    path: str
    text: str
    member: str
    pyprojects: Mapping[str, str] = field(default_factory=dict)

    def files(self) -> tuple[OwnFile, ...]:
        """Return what goes into the release."""
        listed = {"uv.lock": self.text}
        listed |= {posixpath.normpath(f"{folder}/pyproject.toml"): text for folder, text in self.pyprojects.items()}
        return tuple(OwnFile(f"{PLACE}/{path}", text) for path, text in sorted(listed.items()))


def find_workspace(folder: str, read: Callable[[str], str | None]) -> Workspace | None:
    """Return the workspace that has the repository's `folder` as a member; `read` gives a file's text from its root."""
    above = folder
    while above:
        above = posixpath.dirname(above)
        path = posixpath.join(above, "uv.lock")
        text, member = read(path), posixpath.relpath(folder, above or ".")
        if text is not None and member in (lock := read_lock(path, text)).local_folders:
            pyprojects = {one: read(_join(above, one, "pyproject.toml")) for one in (".", *sorted(lock.local_folders))}
            return Workspace(path, text, member, {one: found for one, found in pyprojects.items() if found is not None})
    return None


def _join(*parts: str) -> str:
    return posixpath.normpath(posixpath.join(*parts))
