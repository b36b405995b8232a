"""What git has only a reference of, put into the tree that is released: submodules, and files of Git LFS.

Their content is taken from this clone, where `git submodule update` and `git lfs` put it: nothing is fetched. The tree
that has it is written into a folder of ours, which git is told to look into as well; the repository stays as it is.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from homeport.controller.folders import cache_folder, new_folder, remove_abandoned
from homeport.errors import UsageError
from homeport.source.git import GitError, Repository
from homeport.source.release_id import content_id
from homeport.source.tree_contents import LFS_HEAD, SUBMODULE, Entry, some

# Trees that are kept, so that a run without changes copies nothing again.
KEPT = 5
VERSION = "1"
_OID = re.compile(rb"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Reference:
    """A path of the whole tree and what it refers to: the commit of a submodule, or the SHA-256 of a file of Git LFS.

    `place` is where its content is: a git directory, or a file.
    """

    path: str
    mode: str
    id: str
    place: Path

    @property
    def is_submodule(self) -> bool:
        """Tell whether it is a submodule."""
        return self.mode == SUBMODULE


def is_reference(entry: Entry, contents: Mapping[str, bytes]) -> bool:
    """Tell whether git has only a reference of an entry; `contents` has the bytes of small files by object id."""
    return entry.mode == SUBMODULE or contents.get(entry.id, b"").startswith(LFS_HEAD)


def with_content(
    repository: Repository, root: str, folder: str, entries: tuple[Entry, ...], contents: Mapping[str, bytes]
) -> tuple[Repository, str]:
    """Return the repository with more objects, and its tree that has the content of these `entries` below `folder`.

    Raises UsageError, with the command that fetches them, when this clone lacks the content of one.
    """
    wanted = [(posixpath.join(folder, one.path), one) for one in entries]
    found = {path: _find(repository, root, path, one, contents) for path, one in wanted}
    missing = {path: one.mode == SUBMODULE for path, one in wanted if found[path] is None}
    named = {path: _module_name(repository, root, path) is not None for path, submodule in missing.items() if submodule}
    _refuse_missing([path for path, has_name in named.items() if not has_name], *_NAMELESS)
    _refuse_missing([*named], *_SUBMODULES)
    _refuse_missing([path for path in missing if path not in named], *_LFS)
    references = tuple(one for _, one in sorted(found.items()) if one is not None)
    objects = tuple(str(one.place / "objects") for one in references if one.is_submodule)
    key = content_id(VERSION, root, *(part for one in references for part in (one.path, one.id)))
    final = (cache_folder("trees") or Path(tempfile.mkdtemp(prefix="homeport-tree-"))) / key
    more = replace(repository, objects=tuple(dict.fromkeys((*repository.objects, *objects))))
    if not (final / "tree").is_file():
        with new_folder(final, lambda place: (place / "tree").is_file()) as new:
            _write(more, root, references, new)
        _prune(final)
    tree = (final / "tree").read_text()
    return replace(more, objects=(*more.objects, str(final / "objects"))), tree


_SUBMODULES = (
    "git keeps only a reference of {} (submodule), and this clone does not have its files",
    "git submodule update --init --recursive fetches them; or keep it out with `export-ignore` in .gitattributes",
)
_NAMELESS = (
    "git keeps only a reference of {} (submodule), and no .gitmodules says where its files are",
    "commit the files, install it as a dependency, or keep it out with `export-ignore` in .gitattributes",
)
_LFS = (
    "git keeps only a Git LFS pointer of {}, and this clone does not have the content",
    "git lfs pull fetches it (git lfs fetch REMOTE REF for another ref than HEAD); or keep it out with `export-ignore` "
    "in .gitattributes",
)


def _refuse_missing(paths: list[str], problem: str, fix: str) -> None:
    if paths:
        raise UsageError(problem.format(some(paths)), key="app_source", fix=fix)


def _find(
    repository: Repository, root: str, path: str, entry: Entry, contents: Mapping[str, bytes]
) -> Reference | None:
    """Return where this clone has the content of an entry, None for nowhere."""
    if entry.mode == SUBMODULE:
        places = (one for one in _modules(repository, root, path) if _has_commit(one, entry.id))
        place = next(places, None)
        return Reference(path, entry.mode, entry.id, place) if place else None
    match = _OID.search(contents[entry.id])
    if match is None:
        return None
    oid = match[1].decode()
    stored = (one / oid[:2] / oid[2:4] / oid for one in _lfs_folders(repository))
    file = next((one for one in stored if one.is_file() and _digest(one) == oid), None)
    return Reference(path, entry.mode, oid, file) if file else None


def _git_directories(repository: Repository) -> Iterator[Path]:
    """Yield the directories of git in which submodules and Git LFS keep theirs."""
    for words in (("rev-parse", "--absolute-git-dir"), ("rev-parse", "--git-common-dir")):
        if found := repository.attempt(*words):
            yield repository.path / found
    yield from (Path(one).parent for one in repository.objects)


def _modules(repository: Repository, root: str, path: str) -> Iterator[Path]:
    """Yield the git directories that a registered submodule may have; none for one that no .gitmodules names."""
    name = _module_name(repository, root, path)
    if name is None or ".." in name.split("/"):
        return
    for one in dict.fromkeys(_git_directories(repository)):
        yield one / "modules" / name
    # As old versions of git have it.
    yield repository.path / path / ".git"


def _module_name(repository: Repository, root: str, path: str) -> str | None:
    """Return the name of the submodule at `path`, by the .gitmodules of the repository or submodule that it is in."""
    above = path
    while above:
        above = posixpath.dirname(above)
        blob = f"{root}:{posixpath.join(above, '.gitmodules')}"
        listed = repository.attempt("config", "--blob", blob, "-z", "--get-regexp", r"^submodule\..*\.path$") or ""
        for record in listed.split("\0"):
            key, _, value = record.partition("\n")
            if posixpath.join(above, value.rstrip("/")) == path:
                return key.removeprefix("submodule.").removesuffix(".path")
    return None


def _has_commit(directory: Path, commit: str) -> bool:
    if not (directory / "objects").is_dir():
        return False
    return Repository(directory).attempt("cat-file", "-t", f"{commit}^{{tree}}") == "tree"


def _lfs_folders(repository: Repository) -> Iterator[Path]:
    for one in dict.fromkeys(_git_directories(repository)):
        stored = repository.attempt("config", "lfs.storage")
        yield one / (stored or "lfs") / "objects"


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while piece := content.read(_MEGABYTE):
            digest.update(piece)
    return digest.hexdigest()


def _write(repository: Repository, root: str, references: tuple[Reference, ...], new: Path) -> None:
    """Write the tree's objects, and its id, into the folder `new`."""
    objects = new / "objects"
    objects.mkdir(parents=True)
    own = repository.path / repository.text("rev-parse", "--git-path", "objects")
    inside = replace(repository, objects=(*repository.objects, str(own)))
    variables = {"GIT_INDEX_FILE": str(new / "index"), "GIT_OBJECT_DIRECTORY": str(objects)}
    try:
        inside.run("read-tree", root, variables=variables)
        for one in references:
            if one.is_submodule:
                inside.run("update-index", "--force-remove", one.path, variables=variables)
                inside.run("read-tree", f"--prefix={one.path}/", one.id, variables=variables)
            else:
                blob = inside.run("hash-object", "-w", "--no-filters", str(one.place), variables=variables)
                info = f"{one.mode},{blob.decode().strip()},{one.path}"
                inside.run("update-index", "--add", "--cacheinfo", info, variables=variables)
        tree = inside.run("write-tree", variables=variables).decode().strip()
    except GitError as error:
        said = " ".join(str(error).split())[:200]
        raise UsageError(f"git cannot read a submodule: {said}", key="app_source", fix="see git fsck there") from None
    (new / "index").unlink(missing_ok=True)
    (new / "tree").write_text(tree)


def _prune(final: Path) -> None:
    remove_abandoned(final.parent)
    with suppress(OSError):
        kept = [one for one in final.parent.iterdir() if one.is_dir() and not one.name.startswith(".") and one != final]
        for one in sorted(kept, key=lambda one: one.stat().st_mtime)[: -KEPT + 1]:
            shutil.rmtree(one, ignore_errors=True)
