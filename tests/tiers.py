"""Which of the tests a run takes: all, or those without machines, those that `tests/always.py` lists by capability, and
what the commit's tree chooses: of all other tests on machines those of one file in sixteen, and one in sixteen of
the parameters marked `sampled`; of a file marked `either_suite` those on one suite.

The seed is the tree of the commit, so that the same commit runs the same tests everywhere; HOMEPORT_TESTS=all, which
`make test-all` sets, takes everything.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
from pathlib import Path

EVERYTHING = os.environ.get("HOMEPORT_TESTS") == "all"
# Of the files, and of the parameters marked `sampled`, `make test` takes one in so many.
ONE_IN = 16
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
    """Tell whether the seed `number` takes what is drawn by this name."""
    digest = hashlib.sha256(f"{number} {name}".encode()).digest()
    return digest[0] % ONE_IN == 0
