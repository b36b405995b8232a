"""A change that a run would make: what is done to which thing, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """One line of a plan: `verb what (reason)`."""

    verb: str
    what: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.what}{f' ({self.reason})' if self.reason else ''}"
