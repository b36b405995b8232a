"""One deploy at a time: a flock that the kernel drops when its holder dies, and who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .output import LockedError, say

POLL_SECONDS = 0.2
LOCKS = Path("/proc/locks")


@contextlib.contextmanager
def held(path: Path, holder: dict[str, str], wait_seconds: float) -> Iterator[None]:
    """Hold the lock `path` inside the block; `holder` tells others what is at work.

    Waits up to `wait_seconds` and raises LockedError, naming the present holder, when that was not enough.
    """
    handle = _locked(path, wait_seconds)
    try:
        _describe(handle, {"pid": os.getpid(), "since": now(), **holder})
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def is_held_by(path: Path, run: str) -> bool:
    """Tell whether the lock `path` is held by the controller's run that has written its mark `run` there.

    Who looks holds it for a moment itself; so only a lock that has the mark is looked at, which is nobody else's.
    """
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        if _mark(os.pread(handle, 4096, 0)) != run:
            return False
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def is_held(path: Path) -> bool:
    """Tell whether a process holds the lock `path`, without touching it: the kernel knows."""
    return path.exists() and is_locked(path, LOCKS.read_text())


def is_locked(path: Path, table: str) -> bool:
    """Tell whether a process has a flock on a file, by the text of /proc/locks: proc(5)."""
    status = path.stat()
    key = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    rows = [line.split() for line in table.splitlines()]
    return any(row[1] == "FLOCK" and key in row for row in rows if len(row) > 5 and "->" not in row)


def _mark(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["run"])
    except (ValueError, KeyError, TypeError):
        return ""


def now() -> str:
    """Return the time as ISO 8601 in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _locked(path: Path, wait_seconds: float) -> int:
    """Return the lock's file, open and locked. A file that a removal has deleted meanwhile is not a lock any more."""
    while True:
        path.parent.mkdir(mode=0o755, exist_ok=True)
        # 0600: flock needs no more than a readable file, so that a readable one could be locked by every user.
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _acquire(handle, wait_seconds)
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _acquire(handle: int, wait_seconds: float) -> None:
    end = time.monotonic() + wait_seconds
    announced = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = describe_holder(os.pread(handle, 4096, 0))
            if time.monotonic() >= end:
                raise LockedError(f"held by {holder}") from None
            if not announced:
                say(f"waiting up to {wait_seconds:.0f} s for {holder}")
                announced = True
            time.sleep(POLL_SECONDS)
        else:
            return


def _describe(handle: int, holder: dict[str, Any]) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(holder).encode() + b"\n", 0)


def describe_holder(raw: bytes) -> str:
    """Return in words who wrote `raw` into a lock file; the content may be missing or cut short."""
    try:
        holder = json.loads(raw)
        release = f" of release {holder['release']}" if holder["release"] else ""
        by = f" by {holder['by']}" if holder.get("by") else ""
        return f"{holder['action']}{release}{by} since {holder['since']} (pid {holder['pid']})"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "another run"
