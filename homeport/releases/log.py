"""Reads the log of releases: the last deploy, its result, and how its time was spent. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

LIVE, FAILED, STARTED, LEFT = "live", "failed", "started", "rolled-back"
ENDS = (LIVE, FAILED)
# A shorter step had nothing to do (for example, no hooks).
SHORTEST_SECONDS = 0.02
# Something that is made, or ends, longer before or after a deploy does not belong to it.
NEAR_SECONDS = 3600

Entry = Mapping[str, Any]


def moment(text: str) -> datetime:
    """Return a time of the log (ISO 8601 with its zone)."""
    return datetime.fromisoformat(text)


def seconds_between(earlier: str, later: str) -> float:
    """Return how many seconds lie between two times of the log, to the tenth."""
    return round((moment(later) - moment(earlier)).total_seconds(), 1)


def last(log: Sequence[Entry]) -> Entry | None:
    """Return the entry with which the last deploy or rollback ended; None when there was none."""
    return next((entry for entry in reversed(log) if entry["event"] in ENDS), None)


def kind(log: Sequence[Entry], entry: Entry) -> str:
    """Return what ended with `entry`: a `deploy` or a `rollback`, before which the log says which release was left.

    A rollback that failed says so itself (`kept`): its release counts as it did before.
    """
    place = list(log).index(entry)
    left = place > 0 and entry["event"] == LIVE and log[place - 1]["event"] == LEFT
    return "rollback" if left or entry.get("kept") else "deploy"


def events(log: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the log without what is of the moment only: what became live, failed or was left, oldest first."""
    keys = ("at", "event", "release", "slot", "ref", "commit", "by", "reason")
    return [{key: entry.get(key) or None for key in keys} for entry in log if entry["event"] != STARTED]


def steps(log: Sequence[Entry], *, made_at: str | None = None, ended_at: str | None = None) -> list[dict[str, Any]]:
    """Return the steps of the last deploy in order, each with its name, its times and its seconds.

    `made_at` is when the controller made the release: what lies before the host's first step is `upload`. `ended_at` is
    when the old slot ended, which is after the log was written: `drain`. Entries of an older homeport have no steps.
    """
    end = last(log)
    if end is None:
        return []
    found = [*_of_the_start(log, end), *end.get("steps", ())]
    if found and made_at and 0 < seconds_between(made_at, found[0]["began_at"]) < NEAR_SECONDS:
        found.insert(
            0, {"name": "upload", "began_at": made_at.replace("+00:00", "Z"), "ended_at": found[0]["began_at"]}
        )
    if found and ended_at and 0 < seconds_between(found[-1]["ended_at"], ended_at) < NEAR_SECONDS:
        found.append({"name": "drain", "began_at": found[-1]["ended_at"], "ended_at": ended_at})
    timed = [{**one, "seconds": _exactly(one)} for one in found]
    return [{**one, "seconds": round(one["seconds"], 1)} for one in timed if one["seconds"] >= SHORTEST_SECONDS]


def _of_the_start(log: Sequence[Entry], end: Entry) -> list[Mapping[str, str]]:
    """Return the steps that the start of the same release noted, if it belongs to the same deploy as `end`."""
    for entry in reversed(list(log)[: list(log).index(end)]):
        if entry["event"] == STARTED and entry["release"] == end["release"]:
            return list(entry.get("steps", ()))
        if entry["event"] in ENDS:
            break
    return []


def _exactly(step: Mapping[str, str]) -> float:
    return (moment(step["ended_at"]) - moment(step["began_at"])).total_seconds()
