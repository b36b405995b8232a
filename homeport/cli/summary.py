"""The summary of a run: a few lines that a person can paste. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from homeport.cli.progress import MOST_CHANGES, HostProgress, Progress, duration
from homeport.errors import EXIT_HELD, EXIT_INTERRUPTED


def lines(progress: Progress, status: int, seconds: float, *, done: str, by: str, now: datetime) -> Iterator[str]:
    """Yield the summary of a run that ended with `status`; nothing when it has not come as far as a host.

    `done` says what was done when all went well ("deployed").
    """
    if not progress.hosts:
        return
    ends = {0: done, EXIT_HELD: f"not {done}, held by somebody else,", EXIT_INTERRUPTED: "interrupted"}
    word = ends.get(status, f"not {done}")
    if status == 0 and not any(host.changed_phases for host in progress.hosts.values()):
        word = "nothing to change, checked"
    yield f"{word} in {duration(seconds)} by {by}, {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    width = max(map(len, progress.hosts))
    for host in progress.hosts.values():
        first, *others = _host(host)
        yield f"  {host.name.ljust(width)}  {first}"
        for line in others:
            yield f"  {'':{width}}  {line}"


def _host(host: HostProgress) -> Iterator[str]:
    # A run without a release of its own, such as a hold, is described by its changes.
    yield host.way if host.release else _changes(host) or host.state
    if phases := list(_phases(host)):
        yield ", ".join(phases)
    for line in host.errors:
        yield f"error: {line.removeprefix(f'{host.name}: ')}"
    if not host.errors and host.about.get("url"):
        yield host.about["url"]


def _changes(host: HostProgress) -> str:
    more = len(host.changes) - MOST_CHANGES
    return "; ".join(host.changes[:MOST_CHANGES]) + (f"; and {more} more" if more > 0 else "")


def _phases(host: HostProgress) -> Iterator[str]:
    for phase in host.phases:
        if phase.failed:
            yield f"{phase.name} failed after {duration(phase.seconds(phase.began))}"
        elif phase.ended is None:
            yield f"{phase.name} begun"
        elif phase.changes:
            yield f"{phase.name} {duration(phase.seconds(phase.began))}"
