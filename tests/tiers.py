"""Which of the tests a run takes: all, or, of those marked `sampled`, the ones that the commit's tree chooses.

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
# Of the sampled tests, one in so many is run by `make test`.
ONE_IN = 4


@functools.cache
def seed() -> int:
    """Return what every choice of this run follows from: HOMEPORT_SEED, or a number made from the commit's tree."""
    if given := os.environ.get("HOMEPORT_SEED"):
        return int(given)
    asked = ["git", "rev-parse", "HEAD^{tree}"]
    done = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return int(done.stdout.strip()[:8] or "0", 16) % 10**6


def is_chosen(name: str, number: int) -> bool:
    """Tell whether the seed `number` takes the sampled test of this name (pytest's node id)."""
    digest = hashlib.sha256(f"{number} {name}".encode()).digest()
    return digest[0] % ONE_IN == 0
