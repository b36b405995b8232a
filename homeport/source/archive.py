"""The archive of a release: a compressed tar of its files, the same bytes for the same tree at the same commit time.

`git archive` gives the content as a checkout would have it; the headers are written anew, since git's own depend on the
moment and on its configuration. Content goes through in pieces, so memory holds the compressed archive and no more.
"""

from __future__ import annotations

import gzip
import tarfile
import tempfile
from dataclasses import dataclass
from typing import IO

from homeport.errors import UsageError
from homeport.rules.tree import Entry, pipelines
from homeport.source.git import GitError, Repository

# More than any application's source; what is above it are models, media or dumps, which have no place in a release.
MAX_BYTES = 512 * 1024 * 1024
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Content:
    """What goes into an archive: the folder `folder` of the tree `root`, dated `time`; `largest` is for the error."""

    repository: Repository
    root: str
    folder: str
    time: int
    largest: Entry | None = None


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


def build_archive(content: Content, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the tar.gz of `content`: paths relative to its folder, owner 0:0 without names, all times the commit's.

    `$Format:…$` (export-subst) is not expanded: it would make equal trees differ. Raises UsageError when the archive is
    larger than `max_bytes`.
    """
    with tempfile.TemporaryFile(prefix="homeport-archive-") as file:
        try:
            _write(content, _Limited(file, max_bytes))
        except _TooLargeError:
            raise _too_large(content, max_bytes) from None
        except GitError as error:
            raise UsageError(f"git archive failed: {error}", key="app_source", fix="git fsck") from None
        file.seek(0)
        return file.read()


def _write(content: Content, target: _Limited) -> None:
    arguments = ["-c", "core.autocrlf=false", "-c", "core.eol=lf", "archive", "--format=tar", content.root]
    below = f"{content.folder}/" if content.folder else ""
    with (
        content.repository.stream(*arguments, *(["--", content.folder] if content.folder else [])) as source,
        gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=content.time) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as output,
        tarfile.open(fileobj=source, mode="r|") as given,
    ):
        for member in given:
            name = member.name.removeprefix(below)
            if member.name.startswith(below) and name and not pipelines([name]):
                output.addfile(
                    _header(member, below, content.time), given.extractfile(member) if member.isreg() else None
                )


def _header(member: tarfile.TarInfo, below: str, time: int) -> tarfile.TarInfo:
    """Return a header with the member's path, kind, size and executable bit, and nothing else of it."""
    header = tarfile.TarInfo(member.name.removeprefix(below))
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
