"""A stand-in for `chattr +i`, which not every file system here has."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest


def fix(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Have the kernel say that `path` is immutable."""
    known = path.stat().st_ino

    def ioctl(handle: int, request: int, flags: Any) -> None:
        flags[0] = 0x10 if os.fstat(handle).st_ino == known else 0x80000

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
