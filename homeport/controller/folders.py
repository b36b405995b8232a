"""Where homeport's own files are on this machine, and what it keeps here between runs."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# In a wheel the project's files lie inside the package; in a checkout they lie beside it.
PROJECT_FILES = PACKAGE / "_project" if (PACKAGE / "_project").is_dir() else PACKAGE.parent
TEMPLATES = PROJECT_FILES / "templates"
# Deploy files that pyinfra is given by path.
ENTRIES = PACKAGE / "entries"


def cache_folder(name: str) -> Path | None:
    """Return a folder of ours in the user's cache directory; None where there can be none that is the user's own.

    Its files are run, or installed on machines.
    """
    try:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        folder = Path(base) / "homeport" / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if folder.stat().st_uid == os.getuid() else None
    except (OSError, RuntimeError):
        return None
