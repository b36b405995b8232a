"""Which of the tests a run takes: all, or what the commit's tree chooses: of those marked `sampled` one in eight, of a
file marked `either_suite` those on one suite.

Tests that need each other are marked `sampled("a name")`, which is drawn once for all tests of the file that have it;
`sampled(WHOLE_FILE)` is for a file. What runs each time is listed by capability in `tests/always.py`.

The seed is the tree of the commit, so that the same commit runs the same tests everywhere; HOMEPORT_TESTS=all, which
`make test-all` sets, takes everything.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

EVERYTHING = os.environ.get("HOMEPORT_TESTS") == "all"
# Of the sampled tests, one in so many is run by `make test`.
ONE_IN = 8
WHOLE_FILE = "file"
SUITES = ("bookworm", "trixie")


@functools.cache
def seed() -> int:
    """Return what every choice of this run follows from: HOMEPORT_SEED, or a number made from the commit's tree."""
    if given := os.environ.get("HOMEPORT_SEED"):
        return int(given)
    asked = ["git", "rev-parse", "HEAD^{tree}"]
    done = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return int(done.stdout.strip()[:8] or "0", 16) % 10**6


def suite_of(file: str, number: int) -> str:
    """Return the suite on which the seed `number` runs a file that is marked `either_suite`."""
    return SUITES[hashlib.sha256(f"{number} {file}".encode()).digest()[0] % len(SUITES)]


def is_elsewhere(name: str, number: int) -> bool:
    """Tell whether a test of such a file (pytest's node id) is one of the suites that the seed `number` leaves out."""
    there = [suite for suite in SUITES if suite in name.partition("::")[2]]
    return bool(there) and there != [suite_of(name.partition("::")[0], number)]


def is_chosen(name: str, number: int) -> bool:
    """Tell whether the seed `number` takes the sampled test, or the group, of this name (see `drawn_as`)."""
    digest = hashlib.sha256(f"{number} {name}".encode()).digest()
    return digest[0] % ONE_IN == 0


def drawn_as(name: str, groups: Iterable[str]) -> str:
    """Return what is drawn for a sampled test (pytest's node id): itself, or the widest of its `groups`, the last."""
    own = [group for group in groups if group]
    return f"{name.partition('::')[0]} {own[-1]}" if own else name
