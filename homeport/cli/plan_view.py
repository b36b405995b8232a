"""A plan for people and for programs: what would change, per host, phase and file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from homeport.cli.progress import WARNING, Change, HostProgress, Progress

# The reason of a change that makes what is not there (`homeport.comparison.compare`).
MISSING = "missing"
ABOUT = ("app", "release", "ref", "commit", "live")


def table(progress: Progress, *, diffs: bool) -> Iterator[str]:
    """Yield the plan for people, with diffs of files if wanted."""

    def diff(host: HostProgress, change: Change) -> Iterator[str]:
        # All of a new file is in the template, and in the JSON.
        if diffs and change.reason != MISSING:
            yield from (line for path in _files(host, change.phase, change.what) for line in host.diffs[path])

    for host in progress.in_order:
        if host.about:
            yield from of_host(host, host.way, "no changes", diff)
            yield from (f"  the machine has {what} ({why})" for kind, what, why in host.notes if kind == "machine")


def of_host(
    host: HostProgress,
    title: str,
    nothing: str,
    below: Callable[[HostProgress, Change], Iterable[str]] = lambda host, change: (),
) -> Iterator[str]:
    """Yield a host's lines: its title, its changes by phase, `below` each of them; `nothing` where there are none."""
    yield f"{host.name}: {title}"
    if not host.planned:
        yield f"  {nothing}"
    for phase, changes in groupby(host.planned, key=lambda one: one.phase):
        yield f"  {phase}"
        for change in changes:
            yield f"    {change}"
            yield from (f"      {line}" for line in below(host, change))


def warnings(progress: Progress) -> Iterator[str]:
    """Yield what to know of the hosts besides, a line each."""
    for host in progress.in_order:
        yield from (f"warning: {host.name}: {line.removeprefix(WARNING)}" for line in host.warnings)


def _files(host: HostProgress, phase: str, what: str) -> list[tuple[str, str]]:
    """Return which diffs belong to a change: that of its file, or those of the files that a release has of its own."""
    release = host.about.get("release", "")
    mine = [key for key in host.diffs if key[0] == phase]
    return [
        key for key in mine if key[1] == what or (what == f"release {release}" and f"/releases/{release}/" in key[1])
    ]


def total(progress: Progress) -> str:
    """Return the plan's last line."""
    changed = sum(1 for host in progress.hosts.values() if host.planned)
    if not changed:
        return "no changes"
    count = progress.planned
    return f"{count} {'change' if count == 1 else 'changes'} on {changed} of {len(progress.hosts)} hosts"


def document(host: HostProgress) -> dict[str, Any]:
    """Return what `homeport plan --json` prints of a host."""
    if failed := failure(host):
        return failed
    about = {key: host.about.get(key) or None for key in ABOUT}
    return {"host": host.name, **about, "changes": [_change(host, number) for number in range(len(host.planned))]}


def failure(host: HostProgress) -> dict[str, Any] | None:
    """Return the same of a host for which there is no plan; None where there is one."""
    if host.about and not host.errors:
        return None
    line = host.errors[0] if host.errors else "the run ended, because of another host, before this one was compared"
    return {"host": host.name, "error": line.removeprefix(f"{host.name}: ")}


def _change(host: HostProgress, number: int) -> dict[str, Any]:
    change = host.planned[number]
    lines = [line for path in _files(host, change.phase, change.what) for line in host.diffs[path]]
    return {
        "step": change.phase,
        "action": change.action,
        "what": change.what,
        "reason": change.reason or None,
        "diff": "\n".join(lines) + "\n" if lines else None,
    }
