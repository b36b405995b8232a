"""Whether one release is served at a time, whatever connection a request comes by. Pure.

The faults of a history say in which order releases went live, and in which window each switch was. A release is served
from the begin of the window in which it went live to the end of the window in which the next one did; and once an
answer of it has come, no request that is sent after that may get an answer of one before it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.soak.faults import WEBSOCKET
from benchmarks.soak.history import History, Request


@dataclass
class Turn:
    """A release's time: it may be live from `earliest` to `latest`. One that goes back to it later is a turn anew."""

    release: str
    earliest: float
    latest: float = float("inf")


def turns(history: History) -> list[Turn]:
    """Return who was live when, in order, as the faults say."""
    # Without a fault it is whoever answers first.
    first = [one.release for one in history.requests if one.release][:1] if not history.events else []
    found = [Turn(release, 0.0) for release in first]
    for event in history.events:
        # Without a fault's end nobody knows when it was over: it lasts to the next one's begin, at least.
        end = event.struck if event.back is None else event.back
        if not found and event.path:
            found.append(Turn(event.path[0], 0.0))
        for release in event.path[1:]:
            found[-1].latest = end
            found.append(Turn(release, event.began))
    return found


def out_of_order(history: History) -> Iterator[tuple[Request, str]]:
    """Yield each answer of a release that was not live when it was asked, and what is to be said of it.

    A WebSocket stays with the release that it was opened to until that has drained, and is left out.
    """
    timeline = turns(history)
    answers = [one for one in history.requests if one.release and not one.problem and one.kind != WEBSOCKET]
    known = 0  # the latest turn of which an answer has come
    pending: list[tuple[float, int]] = []  # when an answer came, and of which turn
    for request in sorted(answers, key=lambda one: one.sent):
        while pending and pending[0][0] < request.sent:
            known = max(known, heapq.heappop(pending)[1])
        turn = _turn(timeline, known, request)
        if turn is None:
            yield (
                request,
                f"{request.client}: release {request.release} ({request.slot}) answered; {_live(timeline, known)}",
            )
        else:
            heapq.heappush(pending, (request.ended, turn))


def _turn(timeline: list[Turn], known: int, request: Request) -> int | None:
    """Return the first turn, not before the known one, in which this release may have answered."""
    for number in range(known, len(timeline)):
        turn = timeline[number]
        if turn.earliest > request.ended:
            return None
        if turn.release == request.release and turn.latest >= request.sent:
            return number
    return None


def _live(timeline: list[Turn], known: int) -> str:
    return f"{timeline[known].release} had answered before it was asked" if timeline else "no release was live"
