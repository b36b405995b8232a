"""Editing a secret text with a person's editor: on a file of his own in memory, which is gone afterwards."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from homeport.errors import EXIT_INTERRUPTED, UsageError

# The signals of a closed terminal, and of a normal kill.
ENDINGS = (signal.SIGHUP, signal.SIGTERM)


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that its owner alone can enter, in memory where the machine has such a place; remove it in the end.

    Also when the terminal is closed or the command is told to stop.
    """
    before = {one: signal.signal(one, _end) for one in ENDINGS}
    folder = Path(tempfile.mkdtemp(prefix="homeport-secrets-", dir=_in_memory()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for one, handler in before.items():
            signal.signal(one, handler)


def edited(text: str, folder: Path, name: str) -> str:
    """Return `text` as the editor ($VISUAL, $EDITOR, vi) has left it; raise UsageError when that fails."""
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    # An interrupt is the editor's business.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = subprocess.run([*editor, str(path)], check=False, preexec_fn=_take_interrupts).returncode
    except OSError as error:
        raise UsageError(f"cannot be run ({error.strerror})", key="EDITOR", fix="set it to your editor") from None
    finally:
        signal.signal(signal.SIGINT, handler)
    if status:
        raise UsageError(f"the editor ended with status {status}; nothing was changed", key="EDITOR")
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8-sig")
    raise UsageError("the editor's file is not UTF-8 text; nothing was changed", key="EDITOR")


def _take_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _in_memory() -> str | None:
    """Return a folder that never reaches a disk; None, which is the system's temporary one, where there is none."""
    for place in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm"):  # noqa: S108 - a private folder is made in it
        if place and os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK):  # noqa: PTH112
            return place
    return None


def _end(number: int, frame: object) -> NoReturn:
    raise SystemExit(EXIT_INTERRUPTED)
