"""How findings are shown, those of doctor and of status alike: in documents, on a line, and in which colour. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from homeport.diagnosis.finding import TROUBLE, Finding, Level, rank

# The separator between problem and fix.
TO_DO = "; to do: "
COLOURS: dict[str, str] = {"trouble": "red", "warning": "yellow", "hint": "cyan"}
MARKS: dict[str, str] = {"trouble": "!!", "warning": "!", "hint": "-"}
# A word for what a finding of the status is about, and the finding.
Advice = tuple[str, Finding]


def line(text: str, fix: str) -> str:
    """Return what is wrong and what to do on one line."""
    return f"{text}{TO_DO}{fix}"


def text(found: Mapping[str, Any]) -> str:
    """Return what is wrong by a finding of the doctor's document, with its evidence."""
    return Finding(found["id"], found["problem"], found["evidence"]).text


def severity(level: Level) -> str:
    """Return a level as documents of the doctor have had it from the first: `trouble`, all else `notice`."""
    return "trouble" if level == TROUBLE else "notice"


def of_doctor(found: Finding, target: str) -> dict[str, Any]:
    """Return a finding as homeport/cli/schemas/doctor.json has it; `target` is what the user calls the inventory."""
    return {
        "id": found.id,
        "problem": found.problem,
        "evidence": found.evidence,
        "fix": found.fix.replace("TARGET", target),
        "severity": severity(found.level),
        "level": found.level,
        "because": found.because,
    }


def of_status(said: Iterable[Advice], target: str) -> list[dict[str, str]]:
    """Return findings as homeport/cli/schemas/status.json has its advice, the worst first; `target` as above."""
    worst_first = sorted(said, key=lambda one: rank(one[1].level))
    return [
        {"level": found.level, "about": about, "text": found.text, "fix": found.fix.replace("TARGET", target)}
        for about, found in worst_first
    ]


def worst(said: Iterable[Mapping[str, Any]]) -> Level | None:
    """Return the worst level of entries of a document; None: there is none."""
    return min((one["level"] for one in said), key=rank, default=None)
