"""The files of a repository that `homeport init` reads: those that git knows, and those that it would. Writes none."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Set
from pathlib import Path

from homeport.scaffold.entrypoint import is_application_code
from homeport.source.code import Code, read_code
from homeport.source.git import Repository

# More than any module that is written by hand.
LARGEST_BYTES = 1_000_000


class RepositoryFiles:
    """The files of a repository below a folder."""

    def __init__(self, repository: Repository, paths: Set[str] | None = None):
        self._repository = repository
        if paths is None:
            listed = repository.run(
                "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", self.folder or "."
            )
            found = listed.decode("utf-8", "surrogateescape").split("\0")
            paths = {path.removeprefix(f"{self.folder}/") for path in found if (repository.path / path).is_file()}
        self.paths = frozenset(paths)
        self._root = os.path.realpath(repository.path)
        self._texts: dict[str, str] = {}
        self._code: Mapping[str, Code] | None = None

    @property
    def folder(self) -> str:
        """Return the folder's path in the repository."""
        return self._repository.folder

    def below(self, folder: str) -> RepositoryFiles:
        """Return those below `folder`, by their paths from there."""
        if not folder:
            return self
        inside = {path.removeprefix(f"{folder}/") for path in self.paths if path.startswith(f"{folder}/")}
        return RepositoryFiles(Repository(self._repository.path, posixpath.join(self.folder, folder)), inside)

    def read(self, path: str) -> str:
        """Return a file's text, "" for one that is not there or is not looked at (`refusal`)."""
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def _read(self, path: str) -> str:
        if path not in self.paths or self.refusal(path):
            return ""
        try:
            return self._file(path).read_text("utf-8", "replace")
        except OSError:
            return ""

    def refusal(self, path: str, largest: int = LARGEST_BYTES) -> str:
        """Return why a file is not looked at, "" for one that is: `largest` is its greatest size in bytes."""
        file = self._file(path)
        try:
            if not os.path.realpath(file).startswith(f"{self._root}/"):
                return "it is a symbolic link that leads out of the repository"
            if file.stat().st_size > largest:
                return f"it is larger than {largest // 1000} KB"
            with file.open("rb"):
                return ""
        except OSError as error:
            return f"it cannot be read ({error.strerror})"

    def _file(self, path: str) -> Path:
        return self._repository.path / self.folder / path

    def code(self) -> Mapping[str, Code]:
        """Return what the application's modules say, by their paths."""
        if self._code is None:
            paths = sorted(path for path in self.paths if is_application_code(path))
            self._code = {path: read_code(self.read(path)) for path in paths}
        return self._code
