"""Lists the files of a release, so that the next one need not be sent whole."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..system.layout import Layout

PIECE_BYTES = 1024 * 1024


def files(layout: Layout, release: str) -> Iterator[tuple[str, str, str]]:
    """Yield SHA-256, `x` (may be executed) or `-`, and path of each file of a release; nothing if it is not there.

    Left out is what a line could not name.
    """
    top = layout.code_releases / release
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder, name)
            mode = path.lstat().st_mode
            below = str(path.relative_to(top))
            if stat.S_ISREG(mode) and below.isprintable():
                yield digest(path), "x" if mode & stat.S_IXUSR else "-", below


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            found.update(piece)
    return found.hexdigest()
