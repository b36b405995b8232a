"""The result of this pyinfra run, for its exit status: pyinfra itself knows only that a host has failed."""

from __future__ import annotations

import re
from collections.abc import Iterable

# How the host program says that somebody else has the host; it then ends with 4, which pyinfra does not tell us.
HELD_LINE = re.compile(r"error: \S+: (release \S+: )?held by ")

_held: set[str] = set()
_failed: set[str] = set()


def mark_held(host: str) -> None:
    """Note that somebody else has this host."""
    _held.add(host)


def mark_failed(host: str, lines: Iterable[str]) -> None:
    """Note that a command failed on this host; its output tells whether that is because somebody else has it."""
    (_held if any(HELD_LINE.match(line) for line in lines) else _failed).add(host)


def is_held() -> bool:
    """Tell whether the run could not be done because somebody else had a host, and for no other reason."""
    return bool(_held) and not _failed


def forget() -> None:
    """Forget all results: for a process with more than one run."""
    _held.clear()
    _failed.clear()
