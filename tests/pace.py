"""How fast this computer is, measured once as a run of the tests begins, and waiting that takes it into account.

A test waits for a state, never for a time. What bounds its wait grows with the computer's slowness, so that a machine
that is half as fast, or has other work, ends no test that is right. `tests/test_waiting.py` finds who does otherwise.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable

NAME = "HOMEPORT_PACE"
# What a start of Python takes on a quiet machine of 2020 (0.02 s, and some room), and how many are timed.
REFERENCE_SECONDS, STARTS = 0.04, 5
SLOWEST = 8.0


@functools.cache
def pace() -> float:
    """Return how many times slower than a quiet machine this one is, 1 at least: the same for a whole run."""
    if NAME not in os.environ:
        os.environ[NAME] = f"{measured():.1f}"
    return float(os.environ[NAME])


def measured() -> float:
    """Measure it, by what tests do most: they start programs."""
    began = time.monotonic()
    for _ in range(STARTS):
        subprocess.run([sys.executable, "-I", "-c", ""], check=True)
    return min(max((time.monotonic() - began) / STARTS / REFERENCE_SECONDS, 1.0), SLOWEST)


def patience(seconds: float) -> float:
    """Return how long to wait here for what takes at most `seconds` on a quiet machine."""
    return seconds * pace()


def until(condition: Callable[[], bool], seconds: float = 30, *, every: float = 0.3) -> bool:
    """Wait until something holds, which is looked at `every` so many seconds; give up after `patience(seconds)`."""
    deadline = time.monotonic() + patience(seconds)
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every)
    return condition()
