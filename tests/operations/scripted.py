"""A host that answers only what a test has scripted: anything else that is asked of it fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pyinfra.api import Config, Inventory, State, StringCommand
from pyinfra.connectors.local import LocalConnector

from homeport.operations.deploy_run import Run
from homeport.plans.provision import PHASES
from homeport.settings import Settings
from homeport.source import Archive, Present
from homeport.state.roles import ROLES, Role
from homeport.state.snapshot import MachineFound, Snapshot
from homeport.state.wanted import Wanted
from tests.state.builders import make_settings, make_source, wanted_for

ARCHIVE = b"the archive of the code"


class Source:
    """The application's source with an archive that needs no repository."""

    def __init__(self) -> None:
        self._source = make_source()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def archive(self, present: Present = frozenset()) -> Archive:
        return Archive(ARCHIVE, 1, tuple(sorted(path for path, _, _ in present)))


def make_state(*hosts: str) -> State:
    """Return pyinfra's state of a run on `hosts`."""
    return State(Inventory((list(hosts), {})), Config())


class Data(dict[str, Any]):
    """A host's data, as pyinfra gives it."""

    def dict(self) -> dict[str, Any]:
        return dict(self)


@dataclass
class ScriptedHost:
    """Answers each fact with what is scripted for it, one answer after the other, and keeps what it was told."""

    facts: dict[str, list[Any]]
    name: str = "web1"
    lines: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    state: State = field(default_factory=partial(make_state, "web1", "web2"))
    data: Data = field(default_factory=Data)
    connector: Any = None

    def alone(self) -> ScriptedHost:
        """Make it the only host of its run, with a connection that can do two things at once."""
        self.state, self.connector = make_state(self.name), LocalConnector.__new__(LocalConnector)
        return self

    def get_fact(self, fact: type, *arguments: Any, **options: Any) -> Any:
        assert self.facts.get(fact.__name__), f"nobody scripted this reading of {fact.__name__}"
        self.asked.append((fact.__name__, arguments))
        return self.facts[fact.__name__].pop(0)

    def log(self, line: str) -> None:
        self.lines.append(line)

    def noop(self, line: str) -> None:
        self.idle.append(line)


def make_run(
    *readings: Snapshot | None,
    settings: Settings | None = None,
    migrates: bool = True,
    roles: frozenset[Role] = ROLES,
    **facts: list[Any],
) -> tuple[Run, ScriptedHost]:
    """Return a run against a host that is found as in `readings`, one after the other."""
    settings = settings or make_settings()
    host = ScriptedHost({"SnapshotFact": list(readings), **facts})

    def describe(machine: MachineFound) -> Wanted:
        return wanted_for(roles, settings, machine, migrates=migrates)

    run = Run(host, settings, Source(), describe, sudo=True)  # type: ignore[arg-type]
    return run, host


def phase(name: str, run: Run) -> Iterator[StringCommand]:
    """Return the commands of one of the plan's phases as pyinfra would get them."""
    return iter(dict(PHASES)[name]._inner(run))


def payload(command: StringCommand) -> str:
    return str(command.connector_arguments.get("_stdin", ""))
