"""The record of a program that supervisord runs: what supervisord does not know of it. A boot forgets it.

supervisord knows a process and its state; it does not know whether the application is healthy, how often it was started
again, or why homeport has given it up.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

from ..system import atomic

FOLDER = Path("/run/homeport/programs")
# How far a start is. PAUSE: before another one; WAITING: for the server of the slot; PRE: the commands of before_start.
START, PAUSE, WAITING, PRE, UP = "start", "auto-restart", "waiting", "start-pre", "running"
# Results, in systemd's words.
GIVEN_UP, SUCCESS, TIMEOUT, EXIT = "start-limit-hit", "success", "timeout", "exit-code"


class Record(NamedTuple):
    """`pid` is whose start this is of (0: it was told to start, and nothing has begun); `phase` how far that is.

    `attempts` are the times of the newest starts, `gate` the status of the health gate of this one, `migrated` whether
    the migration that comes before it has been. `code` and `status` are how the process ended last, in systemd's
    numbers; `began` and `ended` when a migration did. Times are of the monotonic clock, `since` of the other.
    """

    pid: int = 0
    phase: str = START
    attempts: tuple[float, ...] = ()
    restarts: int = 0
    gate: int | None = None
    result: str = ""
    migrated: bool = False
    code: str = ""
    status: str = ""
    began: float = 0.0
    ended: float = 0.0
    since: float = 0.0
    changed: float = 0.0


def read(name: str) -> Record | None:
    """Return the record of a program, by its unit's name; None where there is none."""
    try:
        raw: dict[str, Any] = json.loads(_path(name).read_text())
        return Record(**{**raw, "attempts": tuple(raw["attempts"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(name: str, record: Record) -> Record:
    """Replace the record of a program, and return it with the time of that."""
    dated = record._replace(since=time.time(), changed=time.monotonic())
    FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    atomic.write(_path(name), json.dumps(dated._asdict()).encode(), 0o600)
    return dated


def change(name: str, **values: Any) -> None:
    """Change values of a program's record, if it has one."""
    if (found := read(name)) is not None:
        write(name, found._replace(**values))


def forget(name: str) -> None:
    """Remove a program's record."""
    atomic.remove(_path(name))


def _path(name: str) -> Path:
    return FOLDER / f"{name}.json"
