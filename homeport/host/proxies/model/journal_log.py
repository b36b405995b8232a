"""The log of a proxy that writes a line for each request to the journal: read, and looked through for trouble."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Any

from ...system.journal import Journal
from .log_lines import Parser
from .proxy import Trouble

# The newest lines of the log: enough to know of what happens often.
MOST_LINES, ERRORS = 20_000, 3
LOOK_BACK_SECONDS = 3600.0


class JournalLog:
    """The lines of a unit in the journal, as far as `parse` makes something of them."""

    def __init__(self, unit: str, parse: Parser):
        self._journal, self._parse = Journal([f"--unit={unit}"], lambda entry: {}), parse

    def position(self, now: float) -> list[Any]:
        """Return where the log ends now."""
        return self._journal.position(now)

    def backwards(self, position: list[Any], since: float | None) -> Iterator[dict[str, Any]]:
        """Yield the lines up to a position, the newest first."""
        return self._parsed(self._journal.backwards(position, since))

    def after(self, position: list[Any]) -> tuple[list[dict[str, Any]], list[Any]]:
        """Return the lines after a position, and the position after them."""
        lines, end = self._journal.after(position)
        return list(self._parsed(iter(lines))), end

    def _parsed(self, lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        return (found for line in lines if (found := self._parse(line["text"])) is not None)


def newest(log: JournalLog) -> list[str]:
    """Return the texts of the last lines of the last hour; the newest last."""
    found = islice(log.backwards(log.position(0), time.time() - LOOK_BACK_SECONDS), ERRORS)
    return [line["text"] for line in found][::-1]


def troubles(log: JournalLog, since: float) -> Iterator[Trouble]:
    """Yield what a log has of trouble (lines with `kind`) since then, the newest first."""
    lines = islice(log.backwards(log.position(0), since), MOST_LINES)
    for line in takewhile(lambda line: line["seconds"] >= since, lines):
        if line["kind"]:
            yield line["kind"], line["seconds"], line["text"]
