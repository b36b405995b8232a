"""The report of a soak, as Markdown. Pure: a history and what it was taken on go in, the text comes out."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence

from benchmarks.soak.checker import Violation
from benchmarks.soak.costs import attributed, back
from benchmarks.soak.faults import INTERVALS, KINDS, POST
from benchmarks.soak.history import About, Event, History
from benchmarks.tables import table

# Of a history whose first line is gone.
UNKNOWN = About("unknown", 0, "", "unknown", "unknown", (), "unknown")


def report(history: History, violations: Sequence[Violation]) -> str:
    """Return the whole report."""
    about = history.about or UNKNOWN
    minutes = max((request.ended for request in history.requests), default=0.0) / 60
    verdict = f"**violations: {len(violations)}**" if violations else "no violation"
    head = [
        f"# Soak of {about.date}",
        "",
        f"{len(history.events)} faults in {minutes:.0f} minutes, {len(history.requests)} requests: {verdict}.",
        "",
        f"- Seed {about.seed}; again: `{about.command}`",
        f"- Computer: {about.computer}; pace {history.pace:.1f} (bounds are so many times those of a quiet computer)",
        f"- Machine: {about.machine}",
        f"- Database: {about.database}",
        f"- Left out: {', '.join(about.left_out) or 'nothing'}",
    ]
    parts = [violated(violations), clients(history), faults(history), writes(history), ended(history)]
    return "\n".join(head) + "\n" + "".join(f"\n{part}\n" for part in parts)


def violated(violations: Sequence[Violation]) -> str:
    """Return what broke a promise, line by line."""
    if not violations:
        return "## Violations\n\nNone."
    return "## Violations\n\n" + "\n".join(f"- {one}" for one in violations)


def clients(history: History) -> str:
    """Return the table of requests by kind of client."""
    rows = []
    failed = Counter(request.kind for request in history.requests if request.problem)
    for kind in INTERVALS:
        own = [request for request in history.requests if request.kind == kind]
        seconds = sorted(request.ended - request.sent for request in own if not request.problem)
        if own:
            good = len(own) - failed[kind]
            longest = f"{seconds[-1]:.2f} s" if seconds else "-"
            median = f"{statistics.median(seconds) * 1000:.0f} ms" if seconds else "-"
            rows.append((kind, str(good), str(failed[kind]), median, longest))
    header = ("client", "answered", "failed", "median", "longest")
    return "## Requests\n\n" + _table(header, rows)


def faults(history: History) -> str:
    """Return the table of faults by kind, with what each cost and how soon the site was back."""
    lost: dict[str, Counter[str]] = defaultdict(Counter)
    for request, allowance in attributed(history):
        if allowance is not None:
            lost[allowance.event.kind][request.kind] += 1
    rows = []
    for name, kind in KINDS.items():
        events = [event for event in history.events if event.kind == name]
        if events:
            cost = ", ".join(f"{count} {client}" for client, count in sorted(lost[name].items())) or "nothing"
            rows.append(
                (name, str(len(events)), cost, _longest(history, events), f"{kind.bound_seconds:.0f} s", kind.reason)
            )
    header = ("fault", "times", "cost, all together", "longest until back", "bound", "why")
    return "## Faults\n\n" + _table(header, rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(table(head, rows)).rstrip()


def _longest(history: History, events: Sequence[Event]) -> str:
    found = [at - event.struck for event in events if (at := back(history, event)) is not None]
    return f"{max(found):.1f} s" if found else "never"


def writes(history: History) -> str:
    """Return what became of writes."""
    own = [request for request in history.requests if request.kind == POST]
    good = [request for request in own if not request.problem]
    kept = history.ending.notes if history.ending else {}
    silent = sum(request.note in kept for request in own if request.problem)
    lost = sum(request.note not in kept for request in good)
    twice = sum(count > 1 for count in kept.values())
    return (
        f"## Writes\n\n{len(good)} were acknowledged: {lost} of these are lost, {twice} are there twice. "
        f"{len(own) - len(good)} failed; {silent} of these were kept nevertheless, as the client must expect."
    )


def ended(history: History) -> str:
    """Return how the machine is after it."""
    if history.ending is None:
        return "## In the end\n\nIt did not come to its end."
    before, after = history.ending.before, history.ending.after
    rows = [
        ("failed units", len(before.failed_units), len(after.failed_units)),
        ("files in /run/homeport", len(before.runtime_flags), len(after.runtime_flags)),
        ("unfinished work", len(before.unfinished), len(after.unfinished)),
        ("releases on the disk", before.releases, after.releases),
        ("environments", before.environments, after.environments),
        ("MB of code, settings, tools", before.megabytes, after.megabytes),
    ]
    text = _table(("what", "before", "after"), [(name, str(old), str(new)) for name, old, new in rows])
    found = "; ".join(history.ending.findings) or "nothing"
    again = "changed something" if history.ending.last_run else "changed nothing"
    return f"## In the end\n\n{text}\n\nDoctor found {found}. A deploy of the same {again}."
