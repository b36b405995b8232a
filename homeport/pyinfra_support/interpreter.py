"""Reduces the interpreter's own overhead in a run. Measured by `make bench`, in its profile."""

from __future__ import annotations

import atexit
import gc
import inspect
from functools import partial

from pyinfra.api import util

# Objects made before Python looks for garbage again; its own 700 has it look hundreds of times during the imports.
GARBAGE_THRESHOLD = 100_000


def economize() -> None:
    """Spend less: look for garbage seldom and not at the end, and read no source code for the order of operations."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    # The process ends, and its memory with it: a last search through all of it takes a third of a second.
    atexit.register(gc.freeze)
    # pyinfra wants the line numbers of each operation's callers; inspect reads and searches their files besides.
    util.stack = partial(inspect.stack, 0)
    util.getframeinfo = partial(inspect.getframeinfo, context=0)
