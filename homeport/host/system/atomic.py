"""Small changes of the file system that are whole or not there, also after a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Return when the entries of `directory` are on the disk."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace `path` by a file with `content`: a temporary name in the same folder, fsync, rename."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as stream:
        os.fchmod(handle, mode)
        stream.write(content)
        stream.flush()
        os.fsync(handle)
    new.replace(path)
    sync_directory(path.parent)


def point(link: Path, target: str) -> None:
    """Make `link` a symbolic link to `target`, in one rename."""
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)
    sync_directory(link.parent)


def remove(path: Path) -> None:
    """Remove the file `path` if it is there."""
    if path.exists() or path.is_symlink():
        path.unlink(missing_ok=True)
        sync_directory(path.parent)
