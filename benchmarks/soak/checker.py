"""Whether a soak's history is one that homeport promises. Pure: a history goes in, violations come out.

Five rules: each request ended once, and well, or a fault may have cost it (`costs.py`); one release is served at a time
(`order.py`); no write that was acknowledged is lost, and none is kept twice; the site is back in time after each fault,
which does what it is expected to do; and at the end the machine is as it was.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.soak.costs import back, lost_beyond
from benchmarks.soak.faults import KINDS, POST
from benchmarks.soak.history import Ending, Event, History, MachineState, Request
from benchmarks.soak.order import out_of_order

# Releases that are kept (`keep_releases` of the soak) and the two in the slots, and environments of theirs.
MOST_RELEASES = 5
# The code of releases, records and logs of deploys: what 60 minutes may add to a disk that keeps a few of each.
MOST_MORE_MEGABYTES = 60


@dataclass(frozen=True)
class Violation:
    """What broke a promise: the rule, when (in seconds since the begin), and what was seen."""

    rule: str
    at: float
    text: str

    def __str__(self) -> str:
        return f"{self.at:8.2f} s  {self.rule}: {self.text}"


def violations(history: History) -> list[Violation]:
    """Return all that a history has against a rule, in the order of time."""
    found = [
        *unanswered(history),
        *(Violation("failures", request.sent, text) for request, text in lost_beyond(history)),
        *(Violation("one release", request.sent, text) for request, text in out_of_order(history)),
        *unexpected(history),
        *(ended_wrong(history) if history.ending else [Violation("ending", 0.0, "the soak did not come to its end")]),
    ]
    return sorted(found, key=lambda one: one.at)


def unanswered(history: History) -> Iterator[Violation]:
    """Each client's requests are there from 1 to the last that it sent, each once, and none ends before it was sent."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for request in history.requests:
        numbers[request.client].append(request.number)
        if request.ended < request.sent:
            yield Violation(
                "answers", request.sent, f"{request.client}: request {request.number} ended before it began"
            )
    sent = history.ending.sent if history.ending else {}
    for client in sorted(numbers.keys() | sent.keys()):
        found = Counter(numbers[client])
        last = sent.get(client, max(found, default=0))
        for number in sorted(set(range(1, last + 1)) ^ found.keys()):
            said = "was never sent" if found[number] else "never ended"
            yield Violation("answers", 0.0, f"{client}: request {number} {said}")
        for number in sorted(number for number, times in found.items() if times > 1):
            yield Violation("answers", 0.0, f"{client}: request {number} ended {found[number]} times")


def unexpected(history: History) -> Iterator[Violation]:
    """After each fault the site is back in time, and what the fault did is what it had to do."""
    for event in history.events:
        bound = KINDS[event.kind].bound_seconds * history.pace
        found = back(history, event)
        if found is None:
            yield Violation("recovery", event.began, f"{name(event)}: the site did not answer again")
        elif found - event.struck > bound:
            late = f"back after {found - event.struck:.1f} s, not within {bound:.0f} s"
            yield Violation("recovery", event.began, f"{name(event)}: {late}")
        if event.problem:
            yield Violation("expected", event.began, f"{name(event)}: {event.problem}")


def ended_wrong(history: History) -> Iterator[Violation]:
    """Look at the end: writes, the machine, doctor, and the run that followed."""
    assert history.ending is not None  # noqa: S101
    end = max((request.ended for request in history.requests), default=0.0)
    yield from wrong_writes(history.requests, history.ending)
    for text in differences(history.ending.before, history.ending.after):
        yield Violation("ending", end, text)
    for finding in history.ending.findings:
        yield Violation("ending", end, f"doctor: {finding}")
    if history.ending.last_run:
        yield Violation("ending", end, f"a deploy of the same: {history.ending.last_run}")


def wrong_writes(requests: list[Request], ending: Ending) -> Iterator[Violation]:
    """Each note that was acknowledged is kept, each once, and none that nobody sent. One whose answer failed may be."""
    writes = [request for request in requests if request.kind == POST]
    for request in writes:
        kept = ending.notes.get(request.note, 0)
        if kept > 1:
            yield Violation("writes", request.sent, f"{request.note} was written {kept} times")
        elif not kept and not request.problem:
            yield Violation(
                "writes", request.sent, f"{request.note} was acknowledged at {request.ended:.2f} s and is lost"
            )
    for note in sorted(ending.notes.keys() - {request.note for request in writes}):
        yield Violation("writes", 0.0, f"{note} is in the database, and nobody sent it")


def differences(before: MachineState, after: MachineState) -> Iterator[str]:
    """Say what is left of the soak on a machine."""
    for what, old, new in (
        ("failed units", before.failed_units, after.failed_units),
        ("files in /run/homeport", before.runtime_flags, after.runtime_flags),
        ("unfinished work", before.unfinished, after.unfinished),
    ):
        if more := sorted(set(new) - set(old)):
            yield f"{what}: {', '.join(more)}"
    for what, count in (("releases", after.releases), ("environments", after.environments)):
        if count > MOST_RELEASES:
            yield f"{count} {what} on the disk, where at most {MOST_RELEASES} are kept"
    if after.megabytes - before.megabytes > MOST_MORE_MEGABYTES:
        yield f"{after.megabytes} MB on the disk, {before.megabytes} MB before"


def name(event: Event) -> str:
    """Return how a fault is called in texts."""
    return f"fault {event.number} ({event.kind})"
