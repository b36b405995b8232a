"""Two applications on one machine, one of which burns all processors: what the other's visitors wait, with weights and
without, beside what they wait when it is alone.

The load comes from the machine itself, outside of both, and over TLS.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import BenchmarkError
from benchmarks.serving import APPLICATION, LOAD
from benchmarks.stage import Stage
from homeport.lab import LabHost
from tests.lab.project import Project

NAME = "neighbours"
CONNECTIONS, SECONDS = 4, 5
BURNING = "exec python3 -c 'while True: pass'"
# Of the one that is measured and of the one that burns.
WEIGHTS = (1000, 10)
ALONE, EQUAL, WEIGHED = ("alone", "a neighbour burns all processors", "the same, with cpu_weight 1000 and 10")
CASES = (ALONE, EQUAL, WEIGHED)


@dataclass(frozen=True)
class Met:
    """What one load came to: answers a second, and the time within which 99 of 100 came (milliseconds)."""

    case: str
    per_second: float
    p99_milliseconds: float


@dataclass(frozen=True)
class Neighbours:
    """A machine with both applications."""

    stage: Stage
    host: LabHost
    ours: Project
    theirs: Project

    def arrange(self, case: str) -> None:
        """Bring about one of CASES."""
        cores = int(self.stage.ssh(self.host, "nproc").output)
        burning = {} if case == ALONE else {f"burn{number}": BURNING for number in range(2 * cores)}
        for project, weight, processes in ((self.ours, WEIGHTS[0], {}), (self.theirs, WEIGHTS[1], burning)):
            weights = {"cpu_weight": weight} if case == WEIGHED else {}
            project.deployed(self.host, processes=json.dumps(processes), **weights)


def prepared(stage: Stage) -> Neighbours:
    """Return a machine with an application that is measured, and one beside it."""
    host, _ = stage.fresh(NAME)
    ours = Project.create(stage.folder / f"{NAME}-ours", stage.lab, "hello", watch_seconds=0)
    ours.write("main.py", (ours.app / "main.py").read_text() + APPLICATION)
    names = {"app_name": "other", "domain": f"other.{host.domain}", "port_blue": 8011, "port_green": 8012}
    theirs = Project.create(stage.folder / f"{NAME}-theirs", stage.lab, "hello", watch_seconds=0, **names)
    ours.deployed(host)
    script = "apt-get -qq update && apt-get -qq -y --no-install-recommends install wrk >/dev/null"
    stage.ssh(host, f"sudo sh -c {shlex.quote(script)}")
    stage.ssh(host, "sudo sh -c 'cat >/root/load.py'", stdin=Path(LOAD))
    return Neighbours(stage, host, ours, theirs)


def measured(there: Neighbours, rounds: int) -> Iterator[Met]:
    """Yield each case, one after the other, and that so many times."""
    for _ in range(rounds):
        for case in CASES:
            there.arrange(case)
            yield _measure(there, case)


def _measure(there: Neighbours, case: str) -> Met:
    words = f"python3 /root/load.py keep {CONNECTIONS} {SECONDS} https://{there.host.domain}/small"
    lines = there.stage.ssh(there.host, f"sudo {words}").output.strip().splitlines()
    try:
        found = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise BenchmarkError(f"{case}: {' '.join(lines[-3:])}") from None
    return Met(case, found["per_second"], found["p99_milliseconds"])
