"""Ends a deploy with SIGKILL at a point of its way: as an operation begins, or at something the host says in it."""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass

from homeport.lab.model import LabHost
from tests import tiers
from tests.lab.project import Project

EVERYWHERE = tiers.EVERYTHING or os.environ.get("HOMEPORT_KILL") == "everywhere"
SEED = tiers.seed()
# What the host says stands in the first column; what pyinfra says of the host is indented.
POINT = re.compile(r"--> Starting operation: |\[[\w-]+\] ")


@dataclass(frozen=True)
class Ended:
    """How a run ended: at which line it was killed (None: it came to its end), and all that it had printed."""

    at: str | None
    output: str

    @property
    def points(self) -> list[str]:
        """Return the lines of the output at which a run can be killed."""
        return [line for line in self.output.splitlines() if POINT.match(line)]


def deploy_until(project: Project, host: LabHost, number: int, **data: object) -> Ended:
    """Deploy, and kill the controller at the `number`-th point, counted from 1 (0: at none).

    A run that has fewer points comes to its end, and must succeed.
    """
    printed, seen = [], 0
    with project.started(host.name, "-y", **data) as process:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            seen += (here := POINT.match(line) is not None)
            if here and seen == number:
                process.kill()
                process.wait()
                return Ended(line.strip(), "".join(printed))
    assert process.returncode == 0, "".join(printed)
    return Ended(None, "".join(printed))


def chosen(numbers: range, count: int, *, most: int | None = None) -> list[int]:
    """Return all numbers under `make test-kill`, else `count` of the first `most`, which the printed seed repeats."""
    if EVERYWHERE:
        return list(numbers)
    print(f"HOMEPORT_SEED={SEED}")
    some = numbers[:most]
    return sorted(random.Random(SEED).sample(some, min(count, len(some))))  # noqa: S311
