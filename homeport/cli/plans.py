"""A plan for people and for programs: what would change, per host, step and file. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from homeport.cli.progress import HostProgress, Progress

# The reason of a change that makes what is not there (`homeport.state.compare`).
MISSING = "missing"
ABOUT = ("app", "release", "ref", "commit", "live")


def table(progress: Progress, *, diffs: bool) -> Iterator[str]:
    """Yield the plan for people, with diffs of files if wanted."""
    for host in _in_order(progress):
        if not host.about:
            continue
        yield f"{host.name}: {host.way}"
        if not host.planned:
            yield "  no changes"
        for step, changes in groupby(host.planned, key=lambda one: one.step):
            yield f"  {step}"
            for change in changes:
                yield f"    {change}"
                # All of a new file is in the template, and in the JSON.
                if diffs and change.reason != MISSING:
                    yield from (
                        f"      {line}" for path in _files(host, step, change.what) for line in host.diffs[path]
                    )


def _files(host: HostProgress, step: str, what: str) -> list[tuple[str, str]]:
    """Return which diffs belong to a change: that of its file, or those of the files that a release has of its own."""
    release = host.about.get("release", "")
    mine = [key for key in host.diffs if key[0] == step]
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


def document(progress: Progress) -> list[dict[str, Any]]:
    """Return the plan as `homeport plan --json` prints it."""
    return [_host(host) for host in _in_order(progress)]


def _host(host: HostProgress) -> dict[str, Any]:
    if host.errors or not host.about:
        line = host.errors[0] if host.errors else "another host ended the run before this one was compared"
        return {"host": host.name, "error": line.removeprefix(f"{host.name}: ")}
    about = {key: host.about.get(key) or None for key in ABOUT}
    return {"host": host.name, **about, "changes": [_change(host, number) for number in range(len(host.planned))]}


def _change(host: HostProgress, number: int) -> dict[str, Any]:
    change = host.planned[number]
    lines = [line for path in _files(host, change.step, change.what) for line in host.diffs[path]]
    return {
        "step": change.step,
        "action": change.action,
        "what": change.what,
        "reason": change.reason or None,
        "diff": "\n".join(lines) + "\n" if lines else None,
    }


def _in_order(progress: Progress) -> list[HostProgress]:
    return sorted(progress.hosts.values(), key=lambda host: host.name)
