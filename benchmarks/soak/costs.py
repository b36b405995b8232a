"""Which failures no fault may have caused, by what each kind of fault is declared to cost. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.soak.faults import KINDS, NEW, Cost
from benchmarks.soak.history import Event, History, Request

GOOD_IN_A_ROW = 2


@dataclass(frozen=True)
class Allowance:
    """What one fault may cost, and from when until when."""

    event: Event
    cost: Cost
    number: int
    until: float

    def covers(self, request: Request) -> bool:
        """Tell whether a request was under way while the fault may have cost it something."""
        return (
            request.kind in self.cost.kinds
            and request.sent <= self.until
            and request.ended >= self.event.began
            and (self.cost.status is None or (request.status == self.cost.status and request.retry_after))
        )


def allowances(history: History) -> list[Allowance]:
    """Return what all faults of a history may cost, those that end first before the others."""
    found = []
    for event in history.events:
        down = back(history, event)
        for number, cost in enumerate(KINDS[event.kind].costs):
            end = down or event.struck
            # A request that was sent in time may hang; one that is sent later may not fail.
            found.append(Allowance(event, cost, number, end + cost.linger_seconds * history.pace))
    return sorted(found, key=lambda one: one.until)


def back(history: History, event: Event) -> float | None:
    """Return when the site was back after a fault that may have it be down: new connections are answered from then on.

    One answer is not enough: a worker may give it that ends a moment later; two in a row are. From the next fault on,
    or later than the fault's bound, nothing counts.
    """
    kind = KINDS[event.kind]
    if event.back is None or all(cost.each is not None for cost in kind.costs):
        return event.back
    latest = event.struck + kind.bound_seconds * history.pace
    latest = min([latest, *(other.began for other in history.events if other.began > event.began)])
    found, good = event.back, 0
    for request in history.requests:
        if request.kind == NEW and event.struck <= request.sent <= latest and good < GOOD_IN_A_ROW:
            good = 0 if request.problem else good + 1
            found = max(found, request.ended) if request.problem else found
    return found


def attributed(history: History) -> Iterator[tuple[Request, Allowance | None]]:
    """Yield each failure with the fault that it goes to the account of; None: there is none that may have cost it.

    A request that counts against an allowance of so many takes the one that ends first, which leaves as much as can be
    for those that come later.
    """
    every = allowances(history)
    used: Counter[tuple[int, int, str]] = Counter()
    for request in sorted((one for one in history.requests if one.problem), key=lambda one: one.sent):
        found = [one for one in every if one.covers(request)]
        free = [one for one in found if one.cost.each is None]
        limited = [
            one
            for one in found
            if one.cost.each is not None and used[one.event.number, one.number, request.client] < one.cost.each
        ]
        chosen = next(iter(free or limited), None)
        if chosen and chosen.cost.each is not None:
            used[chosen.event.number, chosen.number, request.client] += 1
        yield request, chosen


def lost_beyond(history: History) -> Iterator[tuple[Request, str]]:
    """Yield each failure that no fault may have cost, and what is to be said of it."""
    spans: dict[tuple[int, int], list[Request]] = defaultdict(list)
    limits: dict[tuple[int, int], Allowance] = {}
    for request, allowance in attributed(history):
        if allowance is None:
            yield request, f"{request.client}: {request.problem}; {near(history, request)}"
        elif allowance.cost.span_seconds is not None:
            key = allowance.event.number, allowance.number
            spans[key].append(request)
            limits[key] = allowance
    for key, requests in spans.items():
        allowance = limits[key]
        most = (allowance.cost.span_seconds or 0.0) * history.pace
        lasted = requests[-1].sent - requests[0].sent
        if lasted > most:
            text = f"requests failed for {lasted:.1f} s, not for {most:.0f} s at most"
            yield requests[-1], f"fault {allowance.event.number} ({allowance.event.kind}): {text}"


def near(history: History, request: Request) -> str:
    """Say which fault a failure came in, or after which."""
    before = [event for event in history.events if event.began <= request.ended]
    if not before:
        return "before the first fault"
    last = before[-1]
    seconds = request.sent - last.began
    return f"{seconds:.2f} s after fault {last.number} ({last.kind}) began"
