"""The log of releases, `releases.jsonl`: one JSON object a line, only ever appended to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..services.release_description import Release
from ..system.layout import Layout
from ..system.lock import now

LIVE = "live"
FAILED = "failed"
STARTED = "started"
LEFT = "rolled-back"


class Event(NamedTuple):
    """Events of a release: it was started, became live, failed, or was left by a rollback."""

    event: str
    release: str


def entries(text: str) -> list[dict[str, Any]]:
    """Return the entries of a log, oldest first; a line cut short by a power cut is passed over."""
    found = []
    for line in text.splitlines():
        try:
            raw = json.loads(line)
        except ValueError:
            continue
        if isinstance(raw, dict) and "event" in raw and "release" in raw:
            found.append(raw)
    return found


def parse(text: str) -> list[Event]:
    """Return the events of a log, oldest first."""
    return events(entries(text))


def events(entries: Iterable[Mapping[str, Any]]) -> list[Event]:
    """Return what the entries of a log say of its releases, in their order.

    A rollback that failed (`kept`) says nothing new about a release that was good, and may be tried again.
    """
    return [Event(str(entry["event"]), str(entry["release"])) for entry in entries if not entry.get("kept")]


def text(layout: Layout) -> str:
    """Return the application's log as it stands; nothing when there is none yet."""
    try:
        return layout.log.read_text(errors="replace")
    except FileNotFoundError:
        return ""


def read(layout: Layout) -> list[Event]:
    """Return the events of the application, oldest first."""
    return parse(text(layout))


def last_live(events: Iterable[Event]) -> str | None:
    """Return the release that became live last, or None when none ever did."""
    found = None
    for event in events:
        if event.event == LIVE:
            found = event.release
    return found


def verdicts(events: Iterable[Event]) -> dict[str, str]:
    """Return for each release what it came to in the end: LIVE, FAILED or LEFT; one only ever started has none."""
    return {event.release: event.event for event in events if event.event in (LIVE, FAILED, LEFT)}


def good(events: Iterable[Event]) -> list[str]:
    """Return the releases that were live and neither failed nor were left since, the last one to go live first."""
    events = list(events)
    found = verdicts(events)
    lives = [event.release for event in reversed(events) if event.event == LIVE]
    return [release for release in dict.fromkeys(lives) if found[release] == LIVE]


def append(
    layout: Layout,
    event: str,
    release: Release,
    slot: str,
    *,
    by: str = "",
    reason: str = "",
    kept: bool = False,
    steps: Sequence[Mapping[str, str]] = (),
) -> None:
    """Write down that `event` happened to `release`; `by` is who asked, else who made the release.

    `kept` marks what says nothing of the release itself (see `events`). `steps` are those that the run has gone
    through since it wrote last (see `timeline`).
    """
    entry = {
        "at": now(),
        "event": event,
        "release": release.id,
        "slot": slot,
        "commit": release.commit,
        "ref": release.ref,
        "by": by or release.by,
        "reason": reason,
        **({"kept": True} if kept else {}),
        **({"steps": list(steps)} if steps else {}),
    }
    handle = os.open(layout.log, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(handle).st_size
        cut_short = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, (b"\n" if cut_short else b"") + json.dumps(entry).encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
