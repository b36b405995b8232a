"""The archive of a release: a compressed tar of its files, the same bytes for the same tree at the same commit time.

`git archive` gives the content as a checkout would have it; the headers are written anew, since git's own depend on the
moment and on its configuration. Content is read in pieces, so that only the compressed archive is in memory.
Files that the host already has, by path and content, are left out.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tarfile
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from homeport.errors import UsageError
from homeport.source.git import GitError, Repository
from homeport.source.own_package import OwnFile
from homeport.source.repository_view import BESIDE
from homeport.source.tree_contents import Entry, folders, pipelines

# More than any application's source; what is larger has models, media or dumps in it, which are no part of a release.
MAX_BYTES = 512 * 1024 * 1024
_MEGABYTE = 1024 * 1024
# Path, SHA-256 (hexadecimal) of the content, and whether it may be executed.
Present = frozenset[tuple[str, str, bool]]


@dataclass(frozen=True)
class BuiltFile:
    """A file that a build has made: its path in the release, where it lies here, SHA-256, bytes, if executable."""

    path: str
    file: Path
    digest: str
    size: int
    executable: bool = False


@dataclass(frozen=True)
class Content:
    """What goes into an archive: the folder `folder` of the tree `root`, dated `time`.

    `more` are files that are not in git, `built` those of a build, which replace git's; `beside` further folders
    of the tree, which go below `BESIDE`; `largest` is for the error.
    """

    repository: Repository
    root: str
    folder: str
    time: int
    largest: Entry | None = None
    more: tuple[OwnFile, ...] = ()
    beside: tuple[str, ...] = ()
    built: tuple[BuiltFile, ...] = ()

    def place(self, path: str) -> str:
        """Return the place in the archive of the file or folder at `path` of the tree; "" if it is not there."""
        below = f"{self.folder}/" if self.folder else ""
        if path.startswith(below):
            name = path.removeprefix(below)
            return "" if pipelines([name]) else name
        inside = any(f"{path}/".startswith(f"{one}/") for one in self.beside)
        return f"{BESIDE}/{path}" if inside else ""

    def pathspecs(self) -> list[str]:
        """Return the arguments with which git archive writes these folders only."""
        return ["--", self.folder, *self.beside] if self.folder else []


@dataclass(frozen=True)
class Archive:
    """A tar.gz, the paths of the files that it lacks because the host has them, and the time of all (since 1970)."""

    data: bytes
    time: int
    same: tuple[str, ...] = ()


class _Limited:
    """A file to write to that refuses to become larger than `limit` bytes."""

    def __init__(self, file: IO[bytes], limit: int):
        self.file, self.limit, self.written = file, limit, 0

    def write(self, content: bytes) -> int:
        self.written += len(content)
        if self.written > self.limit:
            raise _TooLargeError
        return self.file.write(content)

    def flush(self) -> None:
        self.file.flush()


class _TooLargeError(Exception):
    """The archive went over its limit."""


def build_archive(content: Content, present: Present = frozenset(), max_bytes: int = MAX_BYTES) -> Archive:
    """Return the tar.gz of `content`: paths relative to its folder, owner 0:0 without names, all times the commit's.

    Without the files that are `present`.
    `$Format:…$` (export-subst) is not expanded: it would make equal trees differ. Raises UsageError when the archive is
    larger than `max_bytes`.
    """
    with tempfile.TemporaryFile(prefix="homeport-archive-") as file:
        try:
            same = _write(content, _Limited(file, max_bytes), present)
        except _TooLargeError:
            raise _too_large(content, max_bytes) from None
        except GitError as error:
            raise UsageError(f"git archive failed: {error}", key="app_source", fix="git fsck") from None
        file.seek(0)
        return Archive(file.read(), content.time, tuple(same))


def _write(content: Content, target: _Limited, present: Present) -> list[str]:
    """Write the archive, and return what was left out of it."""
    same = []
    made = {one.path for one in content.built}
    arguments = ["-c", "core.autocrlf=false", "-c", "core.eol=lf", "archive", "--format=tar", content.root]
    with (
        content.repository.stream(*arguments, *content.pathspecs()) as source,
        gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=content.time) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as output,
        tarfile.open(fileobj=source, mode="r|") as given,
    ):
        _add_folders(output, folders(f"{BESIDE}/{one}/" for one in content.beside), content.time)
        for member in given:
            name = content.place(member.name)
            if not name or name in made:
                continue
            header, file = _header(member, name, content.time), given.extractfile(member) if member.isreg() else None
            if file is None or not present:
                output.addfile(header, file)
            elif not _add_changed(output, header, file, present):
                same.append(name)
        same += _add_built(output, content, present)
        _add_more(output, content.more, content.time)
    return same


def _add_built(output: tarfile.TarFile, content: Content, present: Present) -> list[str]:
    """Add what was built, and return what is present."""
    same = []
    _add_folders(output, folders(one.path for one in content.built), content.time)
    for one in content.built:
        if (one.path, one.digest, one.executable) in present:
            same.append(one.path)
            continue
        header = tarfile.TarInfo(one.path)
        header.size, header.mtime, header.mode = one.size, content.time, 0o755 if one.executable else 0o644
        output.addfile(header, io.BytesIO(_read(one)))
    return same


def _read(one: BuiltFile) -> bytes:
    """Return the content of a file that was built; raise UsageError when it differs from what the release is named by.

    Something on this machine may still write it: a build that was started by hand, say.
    """
    with suppress(OSError):
        if hashlib.sha256(data := one.file.read_bytes()).hexdigest() == one.digest:
            return data
    raise UsageError(f"{one.path} has changed while it was read", key="release_include", fix="run the command again")


def _add_folders(output: tarfile.TarFile, paths: Iterable[str], time: int) -> None:
    for folder in sorted(paths):
        header = tarfile.TarInfo(folder)
        header.type, header.mtime, header.mode = tarfile.DIRTYPE, time, 0o755
        output.addfile(header)


def _add_more(output: tarfile.TarFile, files: tuple[OwnFile, ...], time: int) -> None:
    _add_folders(output, folders(one.path for one in files), time)
    for one in files:
        data = one.text.encode()
        header = tarfile.TarInfo(one.path)
        header.size, header.mtime, header.mode = len(data), time, 0o755 if one.executable else 0o644
        output.addfile(header, io.BytesIO(data))


def _add_changed(output: tarfile.TarFile, header: tarfile.TarInfo, file: IO[bytes], present: Present) -> bool:
    """Add the file unless it is present, and return whether it was added."""
    # The source comes as a stream, and has to be read to its end before it is known whether it is wanted.
    with tempfile.SpooledTemporaryFile(_MEGABYTE, prefix="homeport-archive-") as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        digest = hashlib.sha256()
        while piece := copy.read(_MEGABYTE):
            digest.update(piece)
        if (header.name, digest.hexdigest(), bool(header.mode & 0o100)) in present:
            return False
        copy.seek(0)
        output.addfile(header, copy)
    return True


def _header(member: tarfile.TarInfo, name: str, time: int) -> tarfile.TarInfo:
    """Return a header with this name and the member's kind, size and executable bit, and nothing else of it."""
    header = tarfile.TarInfo(name)
    header.type, header.size, header.linkname, header.mtime = member.type, member.size, member.linkname, time
    header.mode = 0o777 if member.issym() else 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return header


def _too_large(content: Content, max_bytes: int) -> UsageError:
    largest = content.largest
    named = f" (largest file: {largest.path}, {largest.size / _MEGABYTE:.0f} MB)" if largest else ""
    return UsageError(
        f"the release's archive is over {max_bytes / _MEGABYTE:.0f} MB{named}",
        key="app_source",
        fix="keep large files out of it with `export-ignore` in .gitattributes",
    )
