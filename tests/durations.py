"""How long each file of tests takes, at the end of the output, and which takes twice as long as it did.

`tests/durations.json` is what it compares with: seconds of the workers' time, on a quiet machine, by file. It is no
test: a computer that has other work makes no code wrong. `HOMEPORT_DURATIONS=keep` writes what a run has found there,
and to `tests/drawn.json` the same of what `make test` draws (tests/tiers.py).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import tiers
from tests.pace import pace

TABLE = Path(__file__).with_name("durations.json")
SHOWN = 10
# The property of a test's report that says by which name it is drawn.
DRAWN = "drawn"
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
        keep(TABLE, {name: seconds for name, seconds in found.items() if seconds >= LEAST_SECONDS})
        # What takes no time was skipped.
        keep(tiers.COSTS, {name: seconds for name, seconds in by_draw(terminalreporter).items() if seconds >= 1})


def keep(table: Path, found: Mapping[str, float]) -> None:
    """Write into a table what a run has found, in seconds of a quiet machine; what it has not found stays."""
    kept = json.loads(table.read_text()) | {name: round(seconds / pace()) for name, seconds in found.items()}
    table.write_text(json.dumps(dict(sorted(kept.items())), indent=2) + "\n")


def by_file(terminalreporter: pytest.TerminalReporter) -> Counter[str]:
    """Return the seconds that each file took: its tests, and what was set up and torn down for them."""
    found: Counter[str] = Counter()
    for report in reports(terminalreporter):
        found[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]
    return found


def by_draw(terminalreporter: pytest.TerminalReporter) -> Counter[str]:
    """Return the same for what is drawn, by the name by which it is."""
    found: Counter[str] = Counter()
    for report in reports(terminalreporter):
        for name in (str(value) for key, value in report.user_properties if key == DRAWN):
            found[name] += report.duration  # type: ignore[assignment]
    return found


def reports(terminalreporter: pytest.TerminalReporter) -> Iterator[pytest.TestReport]:
    for kind in terminalreporter.stats.values():
        yield from (one for one in kind if isinstance(one, pytest.TestReport))


def lines(found: Mapping[str, float], kept: Mapping[str, float], slower: float) -> list[str]:
    """Return what is printed; `slower` is how many times slower than a quiet machine this one is."""
    longest = Counter(found).most_common(SHOWN)
    told = [f"{seconds:6.0f}  {name}" for name, seconds in longest]
    for name, seconds in found.items():
        before = kept.get(name)
        if before and seconds >= LEAST_SECONDS and seconds > 2 * before * slower:
            told.append(f"{name} takes {seconds / slower:.0f} s of a quiet machine's time; it was {before:.0f}")
    return told
