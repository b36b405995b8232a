"""Which of the tests a run takes: all, or those without machines, those that `tests/always.py` lists by capability, and
what the commit's tree draws of the rest: all others of a file together, and parameters marked `sampled` one by one, as
much as SECONDS allow; of a file marked `either_suite` those on one suite.

The seed is the tree of the commit, so that the same commit runs the same tests everywhere; HOMEPORT_TESTS=all, which
`make test-all` sets, takes everything.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

EVERYTHING = os.environ.get("HOMEPORT_TESTS") == "all"
# What is drawn takes so much of the workers' time together, on a quiet machine, whatever it is.
SECONDS = 150.0
# How long each takes that may be drawn: `HOMEPORT_DURATIONS=keep` writes it, as it does the table of files.
COSTS = Path(__file__).with_name("drawn.json")
# Of one that is not in the table.
UNKNOWN_SECONDS = 60.0
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


def drawn(names: Iterable[str], number: int) -> frozenset[str]:
    """Return which of these the seed `number` takes: in its order, what the seconds that are left are enough for.

    One that takes longer than all of them is taken when it is the first, so each is taken by some seed.
    """
    costs = json.loads(COSTS.read_text())
    left = SECONDS
    taken: set[str] = set()
    for name in sorted(set(names), key=lambda name: hashlib.sha256(f"{number} {name}".encode()).digest()):
        if (cost := costs.get(name, UNKNOWN_SECONDS)) <= left or not taken:
            taken.add(name)
            left -= cost
    return frozenset(taken)
