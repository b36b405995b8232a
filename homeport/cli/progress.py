"""The progress of a run, made from its events: each host's phases, changes, lines and errors, and the lines to print.

Pure: events and moments (seconds of a clock that only goes forward) in, lines of text out.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["step", "word", "error", "host"]
# This many of a host's last lines are shown for an error without lines of its own.
LAST_LINES = 15
WARNING = "warning: "
SHORT_COMMIT = 12
# This many changes of a phase are shown as they are made; `homeport plan` shows all.
MOST_CHANGES = 4


@dataclass(frozen=True)
class ProgressLine:
    """A line for a person about one host."""

    kind: Kind
    host: str
    text: str


@dataclass
class Change:
    """A change that a phase makes, or would make."""

    phase: str
    action: str
    what: str
    reason: str
    diff: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.action} {self.what}{f' ({self.reason})' if self.reason else ''}"


@dataclass
class Phase:
    """A phase of a run on a host: when it began and ended, and what it has changed."""

    name: str
    began: float
    ended: float | None = None
    failed: bool = False
    changes: list[str] = field(default_factory=list)

    def seconds(self, now: float) -> float:
        """Return how long it took, or has taken until now."""
        return (self.ended if self.ended is not None else now) - self.began


@dataclass
class HostProgress:
    """All that is known of one host."""

    name: str
    state: str = "waiting"
    about: dict[str, str] = field(default_factory=dict)
    planning: str = ""
    planned: list[Change] = field(default_factory=list)
    diffs: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)
    output: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    errors: list[str] = field(default_factory=list)
    # What to know of it though nothing fails; each once, in the order in which it was said.
    warnings: list[str] = field(default_factory=list)
    # What a removal keeps, and cannot bring back; what the machine has from other applications: kind, what, why.
    notes: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def current(self) -> Phase | None:
        """The phase that it is in, None between two."""
        return self.phases[-1] if self.phases and self.phases[-1].ended is None else None

    @property
    def changed_phases(self) -> list[Phase]:
        """The phases that changed something."""
        return [phase for phase in self.phases if phase.changes]

    @property
    def changes(self) -> list[str]:
        """All that was changed, in the order in which it was."""
        return [change for phase in self.phases for change in phase.changes]

    @property
    def release(self) -> str:
        """The release that it gets, with its ref and commit; "" as long as nobody knows."""
        ref, commit = self.about.get("ref"), self.about.get("commit", "")[:SHORT_COMMIT]
        return f"{self.about.get('release', '')}{f' ({ref} at {commit})' if ref else ''}"

    @property
    def way(self) -> str:
        """From which release of the application it goes to which."""
        app, live = self.about.get("app"), self.about.get("live") or "none"
        if not self.release:
            return self.about.get("app", "")
        if live == self.about.get("release"):
            return f"{app} {self.release}, which is live"
        return f"{app} {live} -> {self.release}"


def in_view(hosts: Sequence[HostProgress], room: int) -> tuple[list[HostProgress], str]:
    """Return the hosts to show where there is room for so many lines, in their order, and what there is of the others.

    Who failed comes before who is at work, and both before who waits or is done.
    """
    if len(hosts) <= room:
        return list(hosts), ""
    urgent = sorted(range(len(hosts)), key=lambda number: (not hosts[number].errors, hosts[number].current is None))
    chosen = set(urgent[: max(room - 1, 1)])
    counts = Counter(host.state for number, host in enumerate(hosts) if number not in chosen)
    others = ", ".join(f"{count} {state}" for state, count in counts.items())
    return [host for number, host in enumerate(hosts) if number in chosen], f"and {counts.total()} more: {others}"


class Progress:
    """The state of a run, host by host, in the order in which they were heard of.

    `asked_seconds` is how long it waited for somebody's answer.
    """

    def __init__(self) -> None:
        self.hosts: dict[str, HostProgress] = {}
        self.problems: list[str] = []
        self.chatter: list[str] = []
        self.asked_seconds = 0.0

    @property
    def in_order(self) -> list[HostProgress]:
        """The hosts by name."""
        return sorted(self.hosts.values(), key=lambda host: host.name)

    def take(self, event: Mapping[str, Any], now: float) -> Iterator[ProgressLine]:
        """Take an event in, and yield what is to be said of it."""
        kind = event["event"]
        if kind == "problem":
            self.problems.append(event["line"])
        elif kind == "chatter":
            self.chatter.append(event["line"])
        elif "host" in event:
            host = self.hosts.setdefault(event["host"], HostProgress(event["host"]))
            handler = getattr(self, f"_{kind}", None)
            yield from handler(host, event, now) if handler else ()

    def _host(self, host: HostProgress, event: Mapping[str, Any], now: float) -> Iterator[ProgressLine]:
        host.state = event["state"]
        if host.state == "connected":
            yield ProgressLine("host", host.name, "connected")

    def _run(self, host: HostProgress, event: Mapping[str, Any], now: float) -> Iterator[ProgressLine]:
        host.about = {key: str(value) for key, value in event.items() if key not in ("event", "host")}
        if host.release:
            yield ProgressLine("host", host.name, host.way)

    def _step(self, host: HostProgress, event: Mapping[str, Any], now: float) -> Iterator[ProgressLine]:
        if event["state"] == "planned":
            host.planning = event["step"]
        elif event["state"] == "started":
            host.state = "working"
            host.phases.append(Phase(event["step"], now))
        elif host.phases:
            phase = host.phases[-1]
            phase.ended, phase.failed = now, event["state"] == "failed"
            if phase.failed:
                host.state = "failed"
                yield from self._failed(host, phase)
            elif phase.changes:
                more = len(phase.changes) - MOST_CHANGES
                all_of_it = f", with {more} more {'change' if more == 1 else 'changes'}" if more > 0 else ""
                yield ProgressLine("step", host.name, f"{phase.name} done in {duration(phase.seconds(now))}{all_of_it}")

    @staticmethod
    def _failed(host: HostProgress, phase: Phase) -> Iterator[ProgressLine]:
        if not host.errors:
            why = f"the host's last line is: {host.output[-1]}" if host.output else "the host printed nothing"
            host.errors.append(f"{host.name}: {phase.name} failed; {why}")
            yield ProgressLine("error", host.name, host.errors[-1])

    def _change(self, host: HostProgress, event: Mapping[str, Any], now: float) -> Iterator[ProgressLine]:
        change = Change(host.planning, event["action"], event["what"], event["reason"])
        if event["planned"]:
            host.planned.append(change)
        elif host.phases:
            phase = host.phases[-1]
            phase.changes.append(str(change))
            if len(phase.changes) <= MOST_CHANGES:
                yield ProgressLine("step", host.name, f"{phase.name}: {change}")

    def _diff(self, host: HostProgress, event: Mapping[str, Any], now: float) -> Iterator[ProgressLine]:
        host.diffs[host.planning, event["path"]] = event["lines"]
        yield from ()

    def _note(self, host: HostProgress, event: Mapping[str, Any], now: float) -> Iterator[ProgressLine]:
        host.notes.append((event["kind"], event["what"], event["reason"]))
        yield from ()

    def _word(self, host: HostProgress, event: Mapping[str, Any], now: float) -> Iterator[ProgressLine]:
        text = event["text"]
        host.output.append(text)
        if text.startswith(WARNING) and text not in host.warnings:
            host.warnings.append(text)
        if text.startswith("error: "):
            yield from self._error(host, {"line": f"{host.name}: {text.removeprefix('error: ')}"}, now)
        else:
            yield ProgressLine("word", host.name, text)

    @staticmethod
    def _error(host: HostProgress, event: Mapping[str, Any], now: float) -> Iterator[ProgressLine]:
        if event["line"] not in host.errors:
            host.errors.append(event["line"])
            yield ProgressLine("error", host.name, event["line"].removeprefix(f"{host.name}: "))

    @property
    def errors(self) -> list[str]:
        """All that went wrong, a line each, before and after hosts were connected."""
        return [*self.problems, *self.host_errors]

    @property
    def host_errors(self) -> list[str]:
        """The errors of hosts, a line each."""
        return [line for host in self.hosts.values() for line in host.errors]

    @property
    def planned(self) -> int:
        """How many changes there would be, on all hosts."""
        return sum(len(host.planned) for host in self.hosts.values())


def duration(seconds: float) -> str:
    """Return a length of time for people, in whole seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
