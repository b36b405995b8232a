"""The cause of an error of the file system, in one line with the whole path, and the fix. Reads only."""

from __future__ import annotations

import errno
import fcntl
import os
from array import array
from collections.abc import Iterator
from pathlib import Path

from .output import HostError

FULL = (errno.ENOSPC, errno.EDQUOT)
# Which of the two it is for an immutable file depends on the call.
REFUSED = (errno.EPERM, errno.EACCES)
# linux/fs.h: FS_IOC_GETFLAGS of a 64-bit machine, FS_IMMUTABLE_FL | FS_APPEND_FL
GET_FLAGS, FIXED = 0x80086601, 0x10 | 0x20


def is_fixed(path: Path) -> bool:
    """Tell whether a file or folder is immutable or append-only (chattr); one that cannot be asked is not."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        flags = array("l", [0])
        fcntl.ioctl(handle, GET_FLAGS, flags)
        return bool(flags[0] & FIXED)
    except OSError:
        # A file system without such flags.
        return False
    finally:
        os.close(handle)


def refusal(path: Path) -> HostError:
    """Return the error that says that `path` is such a file."""
    return HostError(f"{path} may not be changed (lsattr says so); chattr -ia {path} allows it")


def explained(error: HostError | OSError, below: Path | None = None) -> HostError:
    """Return the error as one for people; `below` is the folder that was being removed, in which the names may be."""
    if isinstance(error, HostError):
        return error
    if error.errno in FULL:
        return HostError(f"the disk is full; free some space and run it again: {error}")
    if error.errno in REFUSED:
        for path in _suspects(error, below):
            if is_fixed(path):
                return refusal(path)
    named = below is None or str(below) in str(error)
    return HostError(str(error) if named else f"in {below}: {error}")


def _suspects(error: OSError, below: Path | None) -> Iterator[Path]:
    for name in (error.filename2, error.filename):
        if isinstance(name, str) and name.startswith("/"):
            yield from (Path(name), Path(name).parent)
    if below is not None:
        yield below.parent
        for folder, _, files in os.walk(below):
            yield from (Path(folder), *(Path(folder, name) for name in files))
