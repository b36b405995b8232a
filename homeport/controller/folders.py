"""Where homeport's own files are on this machine, and what it keeps here between runs."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# In a wheel the project's files lie inside the package; in a checkout they lie beside it.
PROJECT_FILES = PACKAGE / "_project" if (PACKAGE / "_project").is_dir() else PACKAGE.parent
TEMPLATES = PROJECT_FILES / "templates"
# Deploy files that pyinfra is given by path.
ENTRIES = PACKAGE / "entries"
# Nothing takes that long to make: a folder that is still under its first name then was left by a process that died.
ABANDONED_SECONDS = 24 * 3600


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


@contextmanager
def new_folder(place: Path, is_whole: Callable[[Path], bool] = Path.is_dir) -> Iterator[Path]:
    """Give a path to make a folder at, which is called `place` in the end; on an error nothing is left.

    Processes that make the same one at a time do not disturb each other: the first counts, as long as `is_whole` says
    so of it, and others find it in place of their own.
    """
    made = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        new = made / place.name
        yield new
        _rename(new, place, is_whole, made / "old")
    finally:
        shutil.rmtree(made, ignore_errors=True)


def remove_abandoned(folder: Path) -> None:
    """Remove what processes that died left in one of our folders."""
    with suppress(OSError):
        for one in folder.iterdir():
            if one.name.startswith(".") and one.is_dir() and time.time() - one.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(one, ignore_errors=True)


def _rename(new: Path, place: Path, is_whole: Callable[[Path], bool], old: Path) -> None:
    """Call `new` what `place` says, unless a whole one is there; a broken one is moved to `old`.

    It takes no lock: one that is never given back would hold up a deploy for ever.
    """
    try:
        new.rename(place)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        if not is_whole(place):
            with suppress(FileNotFoundError):
                place.rename(old)
            _rename(new, place, is_whole, old.with_name(f"{old.name}-"))
