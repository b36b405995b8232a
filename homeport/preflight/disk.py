"""Whether what is about to be uploaded fits on the host's disk. Pure."""

from __future__ import annotations

from homeport.source import Source
from homeport.state.snapshot import Snapshot


def upload_refusal(source: Source, found: Snapshot) -> str | None:
    """Return why the release's files do not fit on the file system of /srv, with the figures; None when they do."""
    size, files = -(-source.disk_kilobytes // 1024), source.disk_files
    free, inodes = found.release_free_megabytes, found.release_free_inodes
    if free is not None and size > free:
        return f"the release needs {size} MB on the file system of /srv, {free} MB are free"
    if inodes is not None and files > inodes:
        return f"the release needs {files} inodes on the file system of /srv, {inodes} are free"
    return None
