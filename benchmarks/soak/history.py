"""What a soak has seen, as data: each request, each fault, and how it ended. A line of JSON each; only `Recorder` acts.

All times are in seconds since the soak began, by the one clock of the computer that runs it.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO


@dataclass(frozen=True)
class Request:
    """One request and how it ended. `client` is its kind and a number, `number` counts the client's requests from 1.

    `problem` is empty when the answer is the one that must come; `status` is 0 where none came. `note` is what a write
    wants to have kept. `retry_after` tells whether an answer says when to come again.
    """

    client: str
    number: int
    sent: float
    ended: float
    status: int = 0
    release: str = ""
    slot: str = ""
    note: str = ""
    problem: str = ""
    retry_after: bool = False

    @property
    def kind(self) -> str:
        """Return the kind of its client."""
        return self.client.rpartition(" ")[0]


@dataclass(frozen=True)
class Event:
    """A fault that was brought about: from `began` until the site answered again at `back` (None: it did not in time).

    `struck` is when the disturbance itself was over. `path` has the releases that may have been live meanwhile, in
    their order, the one from before first. `problem` says what was not as it must be, `remark` what is worth reading.
    """

    number: int
    kind: str
    began: float
    struck: float
    back: float | None
    path: tuple[str, ...]
    problem: str = ""
    remark: str = ""


@dataclass(frozen=True)
class MachineState:
    """What must be on a machine after the soak as it was before, but for the `releases` that are kept."""

    failed_units: tuple[str, ...] = ()
    runtime_flags: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()  # files and units of work that has not come to its end
    releases: int = 0  # the good ones: what failed, or was left, is kept for an hour
    environments: int = 0
    megabytes: int = 0


@dataclass(frozen=True)
class Ending:
    """How it ended: requests by client, notes in the database by text, the machine before and after, what doctor says.

    `last_run` is what a deploy of the same that followed did not find as it must be: empty when it changed nothing.
    """

    sent: dict[str, int]
    notes: dict[str, int]
    before: MachineState
    after: MachineState
    findings: tuple[str, ...] = ()
    last_run: str = ""


@dataclass(frozen=True)
class About:
    """What a soak was: when it began (UTC), its seed, the command that repeats it, on what, and without what."""

    date: str
    seed: int
    command: str
    computer: str
    machine: str
    left_out: tuple[str, ...]
    database: str


@dataclass
class History:
    """All of a soak. `pace` is how many times slower than a quiet machine this one is: bounds grow with it."""

    requests: list[Request] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    ending: Ending | None = None
    pace: float = 1.0
    about: About | None = None


class Recorder:
    """Writes a history to a file as it happens, so that nothing of it is lost when the soak itself ends."""

    def __init__(self, file: TextIO, pace: float, about: About | None = None):
        self.history = History(pace=pace, about=about)
        # What is written in this soak says so, since a machine may have others.
        self.mark = secrets.token_hex(4)
        self._file, self._lock, self._zero = file, threading.Lock(), time.monotonic()
        self._write("pace", pace)
        if about:
            self._write("about", asdict(about))

    def now(self) -> float:
        """Return the seconds since the soak began."""
        return time.monotonic() - self._zero

    def request(self, request: Request) -> None:
        """Record a request that has ended."""
        with self._lock:
            self.history.requests.append(request)
            self._write("request", asdict(request))

    def event(self, event: Event) -> None:
        """Record a fault that is over."""
        with self._lock:
            self.history.events.append(event)
            self._write("event", asdict(event))
            self._file.flush()

    def end(self, ending: Ending) -> None:
        """Record how it ended."""
        with self._lock:
            self.history.ending = ending
            self._write("ending", asdict(ending))
            self._file.flush()

    def _write(self, kind: str, value: object) -> None:
        self._file.write(json.dumps({kind: value}) + "\n")


def read(path: Path) -> History:
    """Read a history from its file, also one that was cut off in its last line."""
    with path.open() as file:
        return parse(file)


def parse(lines: Iterable[str]) -> History:
    """Read a history from its lines."""
    history = History()
    for line in lines:
        try:
            [(kind, value)] = json.loads(line).items()
        except ValueError:
            continue
        if kind == "request":
            history.requests.append(Request(**value))
        elif kind == "event":
            history.events.append(Event(**{**value, "path": tuple(value["path"])}))
        elif kind == "ending":
            history.ending = _ending(value)
        elif kind == "about":
            history.about = About(**{key: _frozen(one) for key, one in value.items()})
        elif kind == "pace":
            history.pace = value
    return history


def _ending(raw: dict[str, Any]) -> Ending:
    states = {
        name: MachineState(**{key: _frozen(one) for key, one in raw[name].items()}) for name in ("before", "after")
    }
    return Ending(**{**raw, **states, "findings": tuple(raw["findings"])})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
