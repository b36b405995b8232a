"""What a git tree may contain that becomes a release, and the errors for what it must not contain. Pure.

A release must stay in its own folder: no symbolic link leads out of it, and nothing is where homeport puts something of
its own. What git has only a reference of (submodules, files of Git LFS) has its content by now: `source/referenced.py`.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from homeport.errors import UsageError

FOLDER = "40000"
SYMLINK = "120000"
SUBMODULE = "160000"
# Names at the application's root that homeport makes on the host.
OWN_FOLDER = ".homeport"
RESERVED = (".venv", OWN_FOLDER)
# Files at a repository's root that only a forge reads: a changed pipeline does not make another release.
PIPELINES = (".github", ".gitlab", ".gitlab-ci.yml")
# First line of a pointer, and its greatest size: the Git LFS specification, version 1.
LFS_HEAD = b"version https://git-lfs.github.com/spec/v1\n"
LFS_MAX_BYTES = 1024
# Characters of an object id in a repository that uses SHA-256.
SHA256_LENGTH = 64


@dataclass(frozen=True)
class Entry:
    """One file of a tree: its path below the application's folder, git's mode and object id, its size in bytes."""

    path: str
    mode: str
    id: str
    size: int


def parse_entries(listing: bytes) -> tuple[Entry, ...]:
    """Return the files in the output of `git ls-tree -r -l -z`, in its order; raise UsageError if git lacks one."""
    entries = []
    for record in listing.decode("utf-8", "surrogateescape").split("\0"):
        if record:
            facts, path = record.split("\t", 1)
            mode, _, identity, size = facts.split()
            if size == "BAD":
                raise UsageError(f"git has lost the content of {path}", key="app_source", fix="see git fsck there")
            entries.append(Entry(path, mode, identity, 0 if size == "-" else int(size)))
    return tuple(entries)


def modules(paths: Iterable[str]) -> list[str]:
    """Return the paths of Python's modules among these, in their order."""
    return sorted(path for path in paths if path.endswith((".py", ".pyc")))


def folders(paths: Iterable[str]) -> set[str]:
    """Return every folder that one of `paths` lies in, without the root."""
    found: set[str] = set()
    for path in paths:
        parent = posixpath.dirname(path)
        while parent and parent not in found:
            found.add(parent)
            parent = posixpath.dirname(parent)
    return found


def disk_kilobytes(entries: Iterable[Entry]) -> int:
    """Return what the files and their folders take on a disk, in whole blocks of 4 KB each."""
    entries = tuple(entries)
    blocks = sum(-(-entry.size // 4096) for entry in entries) + len(folders(entry.path for entry in entries))
    return blocks * 4


def without_ignored(entries: Iterable[Entry], ignored: set[str]) -> tuple[Entry, ...]:
    """Return the entries that neither are in `ignored` nor lie in a folder that is."""
    return tuple(entry for entry in entries if not ({entry.path} | folders([entry.path])) & ignored)


def pipelines(paths: Iterable[str]) -> set[str]:
    """Return those of the `paths`, seen from the application's folder, that are a forge's and not the application's."""
    return {path for path in paths if path.split("/")[0] in PIPELINES}


def tree_id(entries: Iterable[Entry]) -> str:
    """Return the id that git gives to the tree of these files (git's manual, "git-hash-object", and its object format).

    So a folder is the same tree whether what is not released lies in it or not.
    """
    blobs: dict[str, Entry] = {}
    below: dict[str, list[Entry]] = {}
    for entry in entries:
        folder, slash, rest = entry.path.partition("/")
        if slash:
            below.setdefault(folder, []).append(replace(entry, path=rest))
        else:
            blobs[folder] = entry
    found = {name: (entry.mode, entry.id) for name, entry in blobs.items()}
    found |= {name: (FOLDER, tree_id(inside)) for name, inside in below.items()}
    # git sorts a folder as if its name ended in a slash.
    names = sorted((_bytes(name + "/" * (found[name][0] == FOLDER)), name) for name in found)
    content = b"".join(_bytes(f"{found[name][0]} {name}\0") + bytes.fromhex(found[name][1]) for _, name in names)
    sha256 = any(len(identity) == SHA256_LENGTH for _, identity in found.values())
    algorithm = hashlib.sha256 if sha256 else hashlib.sha1
    return algorithm(b"tree %d\0" % len(content) + content).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def to_examine(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the entries whose content decides about them: symbolic links and what may be a Git LFS pointer."""
    return tuple(
        entry
        for entry in entries
        if entry.mode == SYMLINK or (entry.mode != SUBMODULE and len(LFS_HEAD) < entry.size < LFS_MAX_BYTES)
    )


def leads_out(path: str, target: str) -> bool:
    """Say whether the symbolic link at `path` points outside of the tree that it is in."""
    goal = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return posixpath.isabs(goal) or goal == ".." or goal.startswith("../")


def refuse_what_cannot_be_released(entries: Iterable[Entry], contents: Mapping[str, bytes]) -> None:
    """Raise UsageError when the tree would leave its folder on a host, or has what homeport puts there.

    `contents` has the bytes of the entries in `to_examine`, by object id.
    """
    files = tuple(entries)
    _refuse(
        [f"{path} -> {target}" for path, target in _links(files, contents) if leads_out(path, target)],
        "{} (symbolic link) leads out of the release",
        "link to a file below the application's folder, or commit a copy",
    )
    _refuse(
        sorted({e.path.split("/")[0] for e in files} & set(RESERVED)),
        "{} is tracked, and homeport puts its own there",
        "git rm -r --cached it and add it to .gitignore",
    )


def _links(files: Iterable[Entry], contents: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return path and target of every symbolic link."""
    return [(e.path, contents.get(e.id, b"").decode("utf-8", "surrogateescape")) for e in files if e.mode == SYMLINK]


def some(names: Iterable[str], limit: int = 3) -> str:
    """Return the first `limit` names and how many more there are, for one line of text."""
    shown = tuple(names)
    more = f" and {len(shown) - limit} more" if len(shown) > limit else ""
    return ", ".join(name.encode("utf-8", "backslashreplace").decode() for name in shown[:limit]) + more


def _refuse(names: list[str], problem: str, fix: str) -> None:
    if names:
        raise UsageError(problem.format(some(names)), key="app_source", fix=fix)
