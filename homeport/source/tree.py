"""The files that a release consists of: the application's folder in a git tree, without what is not released.

Not released are files that are marked export-ignore, and a forge's pipelines.

Reads the repository through git, and the content of single files on demand; never the working tree.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homeport.errors import UsageError
from homeport.source.application import DEPENDENCY_FILES
from homeport.source.git import PARTIAL, GitError, Repository
from homeport.source.referenced import is_reference, with_content
from homeport.source.tree_contents import (
    SUBMODULE,
    Entry,
    folders,
    parse_entries,
    pipelines,
    refuse_what_cannot_be_released,
    to_examine,
    tree_id,
    without_ignored,
)


@dataclass(frozen=True)
class Tree:
    """The application's folder in the repository's tree `root`; `files` are the release.

    `id` is the folder's own tree; where some of it is not released, the tree of the rest. `contents` has what was read
    already, by git object: each question to git is a process.
    """

    repository: Repository
    root: str
    folder: str
    id: str
    files: tuple[Entry, ...]
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def paths(self) -> frozenset[str]:
        """Return the paths of the released files, below the application's folder."""
        return frozenset(entry.path for entry in self.files)

    def read(self, path: str) -> str | None:
        """Return the text of a released file, or None if there is none at `path`; raise UsageError if it is no text."""
        found = next((entry for entry in self.files if entry.path == path), None)
        if found is None:
            return None
        content = self.contents.get(found.id)
        return read_text(self.repository, found.id, path) if content is None else _decoded(content, path)

    def read_all(self, paths: Collection[str]) -> dict[str, str]:
        """Return the text of released files by path, read in one go; a byte that is no UTF-8 becomes a mark."""
        ids = {entry.path: entry.id for entry in self.files if entry.path in paths}
        contents = _contents(self.repository, sorted(set(ids.values())))
        return {path: contents[ids[path]].decode("utf-8", "replace") for path in paths}


def find_tree(repository: Repository, root: str, folder: str, place: str) -> Tree:
    """Return the application's tree; `place` says where it is, for errors.

    Raises UsageError when the folder is not there (key app_subdirectory) or holds what cannot be released.
    """
    try:
        identity = repository.text("rev-parse", "--verify", f"{root}:{folder}") if folder else root
        listed = parse_entries(repository.run("ls-tree", "-r", "-l", "-z", identity))
    except GitError as error:
        if not folder or PARTIAL in str(error):
            raise
        raise UsageError(  # not there, or a file
            f"no folder {folder} {place}", key="app_subdirectory", fix="set it to the folder that the application is in"
        ) from None
    files = without_ignored(listed, _unreleased(repository, root, folder, listed))
    asked = tuple(entry for entry in files if entry.path in DEPENDENCY_FILES and entry.mode != SUBMODULE)
    contents = _contents(repository, sorted({entry.id for entry in to_examine(files) + asked}))
    if referred := tuple(entry for entry in files if is_reference(entry, contents)):
        # What is put in may refer to more: a submodule of a submodule.
        more, whole = with_content(repository, root, folder, referred, contents)
        return find_tree(more, whole, folder, place)
    refuse_what_cannot_be_released(files, contents)
    return Tree(repository, root, folder, identity if files == listed else tree_id(files), files, contents)


def read_text(repository: Repository, blob: str, path: str) -> str:
    """Return the text of a git blob; raise UsageError that names `path` if it is not UTF-8."""
    return _decoded(repository.run("cat-file", "blob", blob), path)


def _decoded(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", key="app_source", fix="save it as UTF-8 and commit") from None


def _unreleased(repository: Repository, root: str, folder: str, entries: tuple[Entry, ...]) -> set[str]:
    """Return the files and folders (relative to `folder`) that are not released: see the module.

    The attributes are looked up in an index of our own: `git check-attr --source` is younger than Debian 12's git.
    """
    paths = [entry.path for entry in entries]
    with tempfile.TemporaryDirectory(prefix="homeport-index-") as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        repository.run("read-tree", root, variables=index)
        return export_ignored(repository, folder, paths, "--cached", index) | pipelines(paths)


def export_ignored(
    repository: Repository,
    folder: str,
    paths: Iterable[str],
    place: str = "",
    variables: Mapping[str, str] | None = None,
) -> set[str]:
    """Return which of the `paths` below `folder`, and of the folders that they lie in, `git archive` would leave out.

    By the attributes of the working tree; with `place` "--cached" by those of the index that `variables` name.
    """
    below = f"{folder}/" if folder else ""
    paths = list(paths)
    if not paths:
        return set()
    # As git archive does it: a folder is asked for with a slash at its end, which a pattern like "tests/" needs.
    asked = [below + path for path in paths] + [f"{below}{path}/" for path in sorted(folders(paths))]
    answer = repository.run(
        *("check-attr", *([place] if place else []), "--stdin", "-z", "export-ignore"),
        standard_input="".join(f"{path}\0" for path in asked).encode("utf-8", "surrogateescape"),
        variables=variables,
    )
    fields = answer.decode("utf-8", "surrogateescape").split("\0")
    records = zip(fields[0::3], fields[2::3], strict=False)
    return {path.removeprefix(below).rstrip("/") for path, value in records if value == "set"}


def _contents(repository: Repository, ids: list[str]) -> dict[str, bytes]:
    """Return the content of the git objects `ids`, which are small."""
    output = repository.run("cat-file", "--batch", standard_input="".join(f"{one}\n" for one in ids).encode())
    contents, at = {}, 0
    for one in ids:
        head_end = output.index(b"\n", at)
        size = int(output[at:head_end].split()[2])
        contents[one] = output[head_end + 1 : head_end + 1 + size]
        at = head_end + size + 2
    return contents
