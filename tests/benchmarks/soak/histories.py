"""Histories of soaks, made by hand."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.soak.checker import violations
from benchmarks.soak.faults import GET, POST
from benchmarks.soak.history import Ending, Event, History, MachineState, Request

GOOD = MachineState(runtime_flags=("nginx.closes",), releases=3, environments=1, megabytes=300)


def asked(sent: float, release: str = "a", *, kind: str = GET, client: int = 1, ended: float = 0.0) -> Request:
    """Return a request that was answered well, after a tenth of a second unless it says when."""
    status = 201 if kind == POST else 200
    return Request(f"{kind} {client}", 0, sent, ended or sent + 0.1, status, release, "blue")


def failed(sent: float, *, kind: str = GET, client: int = 1, ended: float = 0.0, status: int = 0) -> Request:
    """Return one that was not."""
    return replace(asked(sent, "", kind=kind, client=client, ended=ended), status=status, problem="it failed")


def wrote(sent: float, note: str, *, problem: str = "") -> Request:
    """Return a write."""
    return replace(asked(sent, kind=POST), note=note, problem=problem)


def event(kind: str, began: float = 10.0, struck: float = 11.0, *path: str, back: float | None = 0.0) -> Event:
    """Return a fault after which the site answered at once, unless it says when."""
    return Event(1, kind, began, struck, struck + 0.1 if back == 0.0 else back, path or ("a",))


def history(*requests: Request, events: tuple[Event, ...] = (), notes: dict[str, int] | None = None) -> History:
    """Return a history with these, the requests numbered, and every note kept once unless it says which are."""
    numbered, sent = [], dict[str, int]()
    for request in sorted(requests, key=lambda one: one.sent):
        sent[request.client] = sent.get(request.client, 0) + 1
        numbered.append(replace(request, number=sent[request.client]))
    kept = {one.note: 1 for one in requests if one.note and not one.problem} if notes is None else notes
    counted = [replace(one, number=number) for number, one in enumerate(events, 1)]
    return History(numbered, counted, Ending(sent, kept, GOOD, GOOD))


def rules(given: History) -> list[str]:
    """Return the rules that a history breaks."""
    return [one.rule for one in violations(given)]
