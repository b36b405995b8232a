"""How long each file of tests takes, at the end of the output, and which takes twice as long as it did.

`tests/durations.json` is what it compares with: seconds of the workers' time, on a quiet machine, by file. It is no
test: a computer that has other work makes no code wrong. `HOMEPORT_DURATIONS=keep` writes what a run has found there.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.pace import pace

TABLE = Path(__file__).with_name("durations.json")
SHOWN = 10
# Below that nothing is worth a line, neither of a run nor of a file.
LEAST_SECONDS = 20.0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the longest files, and those that have doubled; keep the table when that is asked for."""
    found = by_file(terminalreporter)
    if sum(found.values()) < LEAST_SECONDS:
        return
    kept = json.loads(TABLE.read_text())
    terminalreporter.section("seconds by file")
    for line in lines(found, kept, pace()):
        terminalreporter.write_line(line)
    if os.environ.get("HOMEPORT_DURATIONS") == "keep":
        kept |= {name: round(seconds / pace()) for name, seconds in found.items() if seconds >= LEAST_SECONDS}
        TABLE.write_text(json.dumps(dict(sorted(kept.items())), indent=2) + "\n")


def by_file(terminalreporter: pytest.TerminalReporter) -> Counter[str]:
    """Return the seconds that each file took: its tests, and what was set up and torn down for them."""
    found: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                found[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]
    return found


def lines(found: Mapping[str, float], kept: Mapping[str, float], slower: float) -> list[str]:
    """Return what is printed; `slower` is how many times slower than a quiet machine this one is."""
    longest = Counter(found).most_common(SHOWN)
    told = [f"{seconds:6.0f}  {name}" for name, seconds in longest]
    for name, seconds in found.items():
        before = kept.get(name)
        if before and seconds >= LEAST_SECONDS and seconds > 2 * before * slower:
            told.append(f"{name} takes {seconds / slower:.0f} s of a quiet machine's time; it was {before:.0f}")
    return told
