"""The repository seen from the application's folder: what a lock, a requirements file or a package may name. Pure.

Paths are seen from the application's folder and may begin with "..", up to the repository's root.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Set
from dataclasses import dataclass

from homeport.source.tree_contents import OWN_FOLDER

# Where a release has the code of folders that lie beside the application's: by their path in the repository.
BESIDE = f"{OWN_FOLDER}/beside"


def _nothing(_: str) -> str | None:
    return None


def _no_files(_: str) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True)
class RepositoryView:
    """The application's `folder` in its repository, and ways to look at the rest.

    `read_file` gives a file's text by its path from the repository's root, or None; `list_files` the paths below a
    folder of it, seen from there.
    """

    folder: str = ""
    read_file: Callable[[str], str | None] = _nothing
    list_files: Callable[[str], Set[str]] = _no_files

    @property
    def depth(self) -> int:
        """Return how many folders above the application's there are."""
        return self.folder.count("/") + 1 if self.folder else 0

    def path(self, place: str) -> str:
        """Return the path in the repository ("" for its root) of `place`, seen from the application's folder."""
        found = posixpath.normpath(posixpath.join(self.folder, place))
        return "" if found == "." else found

    def place(self, path: str) -> str:
        """Return a path of the repository as it is seen from the application's folder."""
        return posixpath.relpath(path or ".", self.folder or ".")

    def is_beside(self, place: str) -> bool:
        """Tell whether a place, seen from the application's folder, lies outside of it."""
        return place.split("/")[0] == ".."

    def released(self, place: str) -> str:
        """Return where the release has what is at `place` in the repository ("" for the release's own folder)."""
        found = f"{BESIDE}/{self.path(place)}" if self.is_beside(place) else posixpath.normpath(place)
        return "" if found == "." else found
