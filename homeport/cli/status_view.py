"""A host's status as a person reads it: a block of labelled lines. Other modules decide the content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from homeport.certificates import lifetime
from homeport.diagnosis import TROUBLE
from homeport.report.findings import COLOURS, MARKS, line
from homeport.report.humanize import NEVER, ago, clean, count, duration, percent, size

LABEL_WIDTH = 14
SHORT_COMMIT = 12
Status = Mapping[str, Any]


def block(found: Status) -> RenderableType:
    """Return one host's block: its name, and its lines; or why it could not be read."""
    if "error" in found:
        return Group(_title(found, "cannot be read", "bold red"), _grid([("error", Text(clean(found["error"])))]))
    state, style = ("serves", "green") if found["serving"] else ("does not serve", "bold red")
    return Group(_title(found, state, style), _grid(_lines(found)))


def _title(found: Status, state: str, style: str) -> Text:
    site = f"  https://{found['domain']}" if "domain" in found else ""
    return Text.assemble((found["host"], "bold"), "  ", (state, style), (site, "dim"))


def _grid(lines: Iterable[tuple[str, RenderableType]]) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=LABEL_WIDTH, style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, shown in lines:
        grid.add_row(f"  {label}", shown)
    return grid


def _lines(found: Status) -> Iterator[tuple[str, RenderableType]]:
    yield "release", Text(release(found["release"]))
    if found["slot"]:
        yield "slot", Text(slot(found))
        yield "workers", _workers(found)
    for one in found["processes"]:
        yield one["kind"], Text(process(one))
    yield "machine", Text(machine(found["machine"]))
    if found["week"]:
        yield "week", Text(week(found["week"]))
    for disk in found["disks"]:
        yield "disk", Text(f"{disk['path']} {percent(disk['used_percent'])} of {size(disk['total_bytes'])} used")
    yield "certificate", Text(certificate(found["certificate"], found["at"]))
    yield "last deploy", Text(last_deploy(found["last_deploy"]))
    for label, one in zip(["advice", *[""] * len(found["advice"])], found["advice"], strict=False):
        style = f"bold {COLOURS[one['level']]}" if one["level"] == TROUBLE else COLOURS[one["level"]]
        yield label, Text(f"{MARKS[one['level']]} {line(clean(one['text']), one['fix'])}", style)


def release(found: Status | None) -> str:
    """Return which release is live, since when, what it was made from, and by whom."""
    if found is None:
        return "none yet"
    made = f"{found['ref'] or '?'} at {(found['commit'] or '?')[:SHORT_COMMIT]}{' with changes' * found['dirty']}"
    return f"{found['id']}, live for {duration(found['live_seconds'])}, by {found['by'] or '?'} ({clean(made)})"


def slot(found: Status) -> str:
    """Return the live slot's state, and whether another release stands by."""
    live = found["slots"][found["slot"]]
    up = f"up for {duration(live['since_seconds'])}" if found["serving"] else live["state"]
    standby = found["standby"] and found["slots"][found["standby"]]["release"]
    return ", ".join(
        [
            f"{found['slot']} {up}",
            f"restarted {count(live['restarts'], 'time')}",
            *([f"release {standby} on standby"] if standby else []),
        ]
    )


def _workers(found: Status) -> RenderableType:
    """Return the workers' number, and each one's processor, memory and age."""
    workers, live = found["workers"], found["slots"][found["slot"]]
    lone = not any(one["kind"] == "worker" for one in live["processes"])
    table = Table.grid(padding=(0, 2, 0, 0))
    for place in ("left", "right", "right", "left"):
        table.add_column(justify=place, no_wrap=True)
    for one in live["processes"]:
        if one["kind"] == "worker" or lone or one["kind"] == "main":
            name = "worker" if lone and one["kind"] == "main" else {"main": "manager"}.get(one["kind"], one["kind"])
            cells = (percent(one["cpu_percent"]), size(one["memory_bytes"]), f"for {duration(one['age_seconds'])}")
            table.add_row(f"{name} {one['pid']}", *cells)
    wanted = workers["wanted"] or NEVER
    return Group(Text(f"{workers['running']} of {wanted}, {size(live['memory_bytes'])} together"), table)


def process(found: Status) -> str:
    """Return a process or timer beside the server."""
    again = f", restarted {count(found['restarts'], 'time')}" if found["restarts"] else ""
    upcoming = f", next {found['next_run_at']}" if found["next_run_at"] else ""
    return f"{found['unit']} {found['state']}{again}{upcoming}"


def machine(found: Status) -> str:
    """Return what the machine has, and how much of it is used."""
    loads = " ".join(f"{found[f'load_{minutes}']:.2f}" for minutes in (1, 5, 15))
    used = found["memory_total_bytes"] - found["memory_available_bytes"]
    memory = f"{size(used)} of {size(found['memory_total_bytes'])} ({percent(found['memory_used_percent'])})"
    cores = f"{count(found['cores'], 'core')} {percent(found['cpu_percent'])} busy, load {loads}"
    return f"{cores}; memory {memory}; up for {duration(found['uptime_seconds'])}"


def week(found: Status) -> str:
    """Return how much of the machine was used in the last week: means, and peaks of five minutes."""
    uses = [("processors", percent), ("memory", percent), ("disk busy", percent), ("network", rate)]
    parts = [
        f"{name} {show(one['mean'])} (peak {show(one['peak'])})"
        for name, show in uses
        if (one := found[name.partition(" ")[0]])
    ]
    swap = [f"swap up to {size(found['swap_peak_bytes'])}"] if found["swap_peak_bytes"] else []
    fits = [f"could serve a peak {found['fits']:g} times as large"] if found["fits"] else []
    hours = count(found["hours"], "hour")
    return ", ".join([*parts, *swap, *fits, f"in {hours} since {found['since'][:10]}"])


def rate(number: float) -> str:
    """Return bytes a second."""
    return f"{number / 1000:.0f} KB/s" if number < 1e6 else f"{number / 1e6:.1f} MB/s"


def certificate(found: Status | None, now: str) -> str:
    """Return how long the certificate lasts, whose it is, and when the next one comes."""
    if found is None:
        return "none"
    by = lifetime.source(provided=found["source"] == "files", self_signed=found["self_signed"])
    if by == "placeholder":
        return "a self-signed placeholder"
    left = f"{found['remaining_days']:g} days left, until {found['not_after'][:10]}, by {clean(found['issuer'])}"
    if by == "provided":
        return f"{left}; provided by you"
    upcoming = found["next_check_at"]
    look = f", next look in {_until(upcoming, now)}" if upcoming else ""
    return f"{left}; renewed from {found['renewal_due_at'][:10]} on{look}"


def last_deploy(found: Status | None) -> str:
    """Return what the last deploy or rollback came to, when, by whom, and how long it took."""
    if found is None:
        return "none yet"
    took = f", took {duration(found['seconds'])}" if found["seconds"] else ""
    what = f"{found['kind']} of {found['release']} {found['outcome']}"
    return f"{what} {ago(found['age_seconds'])} by {found['by'] or '?'}{took}"


def _until(moment: str, now: str) -> str:
    seconds = (datetime.fromisoformat(moment) - datetime.fromisoformat(now)).total_seconds()
    return duration(max(seconds, 0))
