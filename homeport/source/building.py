"""Files of a release that git does not have: built on this machine from what git has, or lying in the working tree.

The commands run in a copy of the repository at the ref that is released, so that nobody needs a clean checkout, and in
an environment without the secrets of whoever deploys. Their result is cached by what it was made from, so that the
same commit is built once. No host is read.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from homeport.controller.clean_environment import clean_environment
from homeport.controller.folders import cache_folder, new_folder, remove_abandoned
from homeport.errors import UsageError
from homeport.settings.model import Settings
from homeport.source.archive import BuiltFile, Content
from homeport.source.git import GitError
from homeport.source.release import Source
from homeport.source.release_id import content_id
from homeport.source.tree_contents import RESERVED

# What is built is a folder of files and not a machine image; a build that hangs must not hold up a pipeline for ever.
LONGEST_SECONDS = 1800
# Builds of earlier commits that are kept, so that switching between two commits builds nothing.
KEPT = 5
# The version of how the copy is made that commands run in: what was built in an earlier kind of copy is not used.
VERSION = "2"
_LOCK = threading.RLock()


def built(source: Source, settings: Settings) -> Source:
    """Return the source with the files that `build_commands` make and `release_include` names; unchanged without these.

    Raises UsageError when a command fails, and when nothing is there that is to be included.
    """
    content = source.content
    if not settings.release_include or content is None:
        return source
    with _LOCK:
        try:
            files = _files(
                content, source.commit, settings.build_commands, settings.release_include, settings.build_environment
            )
        except OSError as error:
            problem = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
            raise _error(problem, "make sure that this machine has room for a copy of the repository") from None
    made = content_id(*(part for one in files for part in (one.path, one.digest, str(one.executable))))
    tree = hashlib.sha1(f"{source.tree}\0{made}".encode(), usedforsecurity=False).hexdigest()
    kilobytes = sum(-(-one.size // 4096) * 4 for one in files)
    return replace(
        source,
        tree=tree,
        disk_kilobytes=source.disk_kilobytes + kilobytes,
        disk_files=source.disk_files + len(files),
        content=replace(content, built=files),
    )


def forget_builds() -> None:
    """Look for files again from now on: for a process that outlives one run."""
    _files.cache_clear()


@lru_cache(maxsize=8)
def _files(
    content: Content, commit: str, commands: tuple[str, ...], include: tuple[str, ...], variables: tuple[str, ...]
) -> tuple[BuiltFile, ...]:
    if not commands:
        _check_is_checked_out(content, commit)
        return _found(content.repository.path / content.folder, include, "in the working tree")
    named = _named(variables)
    final = (cache_folder("builds") or _for_this_run()) / content_id(
        VERSION,
        content.root,
        content.folder,
        *commands,
        "",
        *include,
        "",
        *sorted(f"{name}={value}" for name, value in named.items()),
    )
    if final.is_dir():
        os.utime(final)
    else:
        with new_folder(final) as new:
            _build(content, commit, commands, include, named, new)
        _prune(final.parent)
    return _found(final, include, "of what was built")


def _build(
    content: Content,
    commit: str,
    commands: tuple[str, ...],
    include: tuple[str, ...],
    named: dict[str, str],
    target: Path,
) -> None:
    """Run the commands in a copy of the repository, and copy what is to be included into the folder `target`."""
    with tempfile.TemporaryDirectory(prefix="homeport-build-") as scratch:
        place = Path(scratch) / "repository"
        _check_out(content, place)
        folder = place / content.folder
        for command in commands:
            _run(command, folder, commit, named)
        for one in _found(folder, include, "after build_commands"):
            copy = target / one.path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(one.file, copy)


@lru_cache(maxsize=1)
def _for_this_run() -> Path:
    """Return a folder for what is built where nothing can be kept; it is removed when this process ends."""
    folder = tempfile.mkdtemp(prefix="homeport-built-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _check_is_checked_out(content: Content, commit: str) -> None:
    """Refuse to put files of the working tree into the release of another commit than it is at."""
    if content.repository.bare or content.repository.attempt("rev-parse", "HEAD") != commit:
        raise _error(
            f"the working tree in {content.repository.path} is not at {commit[:12]}, which is released",
            "git switch to it, or set build_commands, which build from any commit",
            "release_include",
        )


def _check_out(content: Content, place: Path) -> None:
    """Put the repository into the folder `place` as a checkout has it: also what no release has (`export-ignore`)."""
    place.mkdir()
    variables = {"GIT_INDEX_FILE": str(place.with_name("index")), "GIT_WORK_TREE": str(place)}
    for words in (("read-tree", content.root), ("checkout-index", "--all")):
        try:
            content.repository.run("-c", "core.sparseCheckout=false", *words, variables=variables)
        except GitError as error:
            said = " ".join(str(error).split())
            raise _error(f"git cannot check the commit out: {said[:200]}", "see git fsck there", "app_source") from None


def _named(variables: tuple[str, ...]) -> dict[str, str]:
    """Return further variables of this process that the commands get; raise UsageError for a missing one."""
    if missing := [name for name in variables if name not in os.environ]:
        problem = f"{', '.join(missing)} is not set in the environment of this command"
        raise _error(problem, "set it, or leave it out", "build_environment")
    return {name: os.environ[name] for name in variables}


def _run(command: str, folder: Path, commit: str, named: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=folder,
            env={**clean_environment(), **named, "HOMEPORT_COMMIT": commit},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _error(f"{command!r} took longer than {LONGEST_SECONDS} s", "find out why it does not end") from None
    if done.returncode:
        said = next((line.strip() for line in reversed(done.stdout.splitlines()) if line.strip()), "it printed nothing")
        for value in sorted(filter(None, named.values()), key=len, reverse=True):
            said = said.replace(value, "****")
        raise _error(
            f"{command!r} failed with status {done.returncode}: {said[:200]}",
            "run it in a fresh clone of that commit without .git (files that git ignores are not there either), and "
            "correct it; a variable of yours that it needs belongs into build_environment",
        )


def _found(folder: Path, include: tuple[str, ...], where: str) -> tuple[BuiltFile, ...]:
    """Return the files that `include` names below `folder`, in their order."""
    found: dict[str, BuiltFile] = {}
    for pattern in include:
        before = len(found)
        for file in sorted(_matching(folder, pattern)):
            path = file.relative_to(folder).as_posix()
            if path.split("/")[0] in RESERVED:
                raise _error(f"{path} is included, and homeport puts its own there", "leave it out", "release_include")
            try:
                content, executable = file.read_bytes(), bool(file.stat().st_mode & 0o100)
            except OSError as error:
                problem = f"{path} cannot be read: {error.strerror}"
                raise _error(problem, "let the user who deploys read it", "release_include") from None
            found[path] = BuiltFile(path, file, hashlib.sha256(content).hexdigest(), len(content), executable)
        if len(found) == before:
            problem = f"there is no file at {pattern} {where}"
            raise _error(
                problem, "name a file, a folder or a pattern below the application's folder", "release_include"
            )
    return tuple(found[path] for path in sorted(found))


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the files that a pattern names, all below a folder that it names.

    No file through a link that leads elsewhere, and none of git's own.
    """
    root = folder.resolve()
    for one in folder.glob(pattern.rstrip("/")):
        for file in one.rglob("*") if one.is_dir() else (one,):
            if ".git" not in file.relative_to(folder).parts and file.is_file() and file.resolve().is_relative_to(root):
                yield file


def _prune(folder: Path) -> None:
    remove_abandoned(folder)
    with suppress(OSError):
        kept = (one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
        newest = sorted(kept, key=lambda one: one.stat().st_mtime)
        for one in newest[:-KEPT]:
            shutil.rmtree(one, ignore_errors=True)


def _error(problem: str, fix: str, key: str = "build_commands") -> UsageError:
    return UsageError(problem, key=key, fix=fix)
