"""Running commands under the clock, and what is said of many runs: median, spread, ratio."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

WATCH = Path(__file__).with_name("watch.py")
TIMEOUT_SECONDS = 900


class BenchmarkError(Exception):
    """Something that was to be measured did not work; the message has the end of its output."""


@dataclass(frozen=True)
class Finished:
    """One run: wall time and CPU time of the command on this machine, its peak memory, and what it printed."""

    status: int
    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    output: str


@dataclass(frozen=True)
class Series:
    """The same measurement of several rounds, in their order."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the median of the rounds."""
        return median(self.values)

    @property
    def low(self) -> float:
        """Return the least of the rounds."""
        return min(self.values)

    @property
    def high(self) -> float:
        """Return the most of the rounds."""
        return max(self.values)

    def over(self, floor: Series) -> Series:
        """Return the ratio to `floor`, round by round: what was run next to each other is compared."""
        return Series(tuple(ours / theirs for ours, theirs in zip(self.values, floor.values, strict=True)))


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Path = Path(os.devnull),
) -> Finished:
    """Run a command to its end and return what it took; raise BenchmarkError when it fails."""
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as folder:
        report, output = Path(folder) / "report", Path(folder) / "output"
        with stdin.open("rb") as given, output.open("wb") as printed:
            _wait([sys.executable, "-I", "-S", str(WATCH), str(report), *command], cwd, env, given, printed)
        text = output.read_text(errors="replace")
        if not report.exists():
            raise BenchmarkError(f"{command[0]} did not end within {TIMEOUT_SECONDS} s:\n{_tail(text)}")
        found = Finished(output=text, **json.loads(report.read_text()))
    if found.status != 0:
        raise BenchmarkError(f"{command[0]} ended with status {found.status}:\n{_tail(text)}")
    return found


def _wait(command: list[str], cwd: Path | None, env: Mapping[str, str] | None, given: object, printed: object) -> None:
    """Run a command in a session of its own, so that all of it can be ended when it takes too long."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=given,  # type: ignore[call-overload]
        stdout=printed,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        process.wait(TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-25:])
