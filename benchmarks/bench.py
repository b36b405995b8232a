"""What the parts of the benchmarks share: the stage, what was found so far, the time, and one provisioned host."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks import floor, sessions
from benchmarks.floor import Floor
from benchmarks.measure import BenchmarkError, Finished
from benchmarks.results import ROUND_TRIP_SECONDS, Options, Results
from benchmarks.stage import Stage
from homeport.errors import HomeportError
from homeport.lab import LabHost

HOST = "bench"


@dataclass
class Bench:
    """One run of the benchmarks."""

    stage: Stage
    options: Options
    results: Results = field(default_factory=Results)
    began: float = field(default_factory=time.monotonic)
    _host: LabHost | None = None
    _floor: Floor | None = None

    def say(self, text: str) -> None:
        """Show progress on stderr."""
        print(f"bench: {time.monotonic() - self.began:4.0f} s  {text}", file=sys.stderr, flush=True)

    def part(self, name: str, measure: Callable[[], object]) -> None:
        """Measure one part; when it fails, that is noted, and the others go on, from the commit that it began with."""
        self.say(f"{name}:")
        commit = self.stage.project.git("rev-parse", "HEAD")
        try:
            measure()
        except (BenchmarkError, HomeportError, AssertionError, OSError) as error:
            self.results.problems.append(f"{name}: {_short(error)}")
            self.say(f"{name} failed: {error}")
        finally:
            self.stage.project.git("reset", "-q", "--hard", commit)

    def rounds(self, most: int, *, least: int = 1) -> Iterator[int]:
        """Yield 0, 1, … up to `most` rounds; after `least`, none that would end after the time that there is."""
        ends = self.began + self.options.minutes * 60
        for number in range(most):
            began = time.monotonic()
            yield number
            now = time.monotonic()
            if number + 1 >= least and now + (now - began) > ends:
                return

    def fresh(self, name: str = HOST, backend: str = "nspawn") -> LabHost:
        """Return a new host, and note how soon it let us log in."""
        if name == HOST:
            self._host = None
        host, seconds = self.stage.fresh(name, "qemu" if backend == "qemu" else "nspawn")
        self.results.add(f"ready {backend}", seconds)
        self.say(f"{backend} host ready in {seconds:.2f} s")
        return host

    def provisioned(self) -> LabHost:
        """Return the host HOST as homeport has provisioned it; a new one counts the SSH commands of that."""
        if self._host is None:
            stage, counts = self.stage, self.results.counts
            host = self.fresh()
            sessions.log_sessions(stage, host)
            self.say("provisioning a host, which fills the caches")
            counts["first"] = sessions.count(stage, host, lambda: stage.pyinfra([host]))
            stage.check(host)
            counts["none"] = sessions.count(stage, host, lambda: unchanged(stage.pyinfra([host])))
            self._floor = self._floor or floor.prepare(stage, host)
            self._host = host
        return self._host

    def forget(self) -> None:
        """Have the next part that needs the provisioned host make a new one."""
        self._host = None

    def floor(self) -> Floor:
        """Return the floor, made from a provisioned host."""
        if self._floor is None:
            self.provisioned()
        assert self._floor is not None  # noqa: S101
        return self._floor

    def places(self, host: LabHost) -> Iterator[tuple[str, LabHost]]:
        """Yield each of PLACES with the host as it is reached there."""
        yield "near", host
        with self.stage.distant(host, ROUND_TRIP_SECONDS) as far:
            yield "far", far


def unchanged(run: Finished) -> Finished:
    """Return the run; raise BenchmarkError unless homeport has found nothing to change."""
    total = next((line.split() for line in run.output.splitlines() if "Grand total" in line), [])
    # Operations, hosts that succeeded, that failed, and for which there was nothing to do.
    if total[3:5] != ["-", "-"] or total[2] != total[5]:
        raise BenchmarkError(f"homeport would change something:\n{run.output}")
    return run


def _short(error: Exception) -> str:
    """Return the first and the last line of an error as one."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " … ".join(dict.fromkeys((lines[0], lines[-1])))
