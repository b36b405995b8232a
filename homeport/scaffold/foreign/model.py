"""What is read of a foreign file: settings that it proposes, variables by name, and what was not understood. Pure."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field

from homeport.scaffold.foreign.migrations import is_migration


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file; line 0 stands for the whole file."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Proposal:
    """A value for a setting, and where it is from."""

    name: str
    value: object
    place: Place


@dataclass(frozen=True)
class Note:
    """Something that was not understood, or that no setting has."""

    place: Place
    text: str

    def line(self) -> str:
        """Return the note as one line of printable text."""
        text = "".join(char if char.isprintable() else " " for char in f"{self.place}: {self.text}")
        return " ".join(text.split())


@dataclass(frozen=True)
class Start:
    """How a server is started: `target` is what it serves ("" where nothing says it), a module or a file.

    `folder` is where it is imported from, as the foreign file calls it; `develops` says that it reloads changed code.
    """

    place: Place
    server: str
    target: str = ""
    variable: str = ""
    factory: bool = False
    folder: str = ""
    develops: bool = False


@dataclass(frozen=True)
class Files:
    """The files that may be read: their paths, the text of one, and why one cannot be read ("" where it can).

    `folder` is the application's.
    """

    paths: Set[str]
    text: Callable[[str], str] = lambda _: ""
    refusal: Callable[[str], str] = lambda _: ""
    folder: str = ""


@dataclass
class Reading:
    """What one or more foreign files say.

    `variables` have to be set, and nothing but their names is known; `environment` are those with a harmless value.
    `processes` are commands that run beside the server, `before` those that run before it, in order. `tools` are
    variables of the tool that deployed, such as the login to its registry.
    """

    proposals: list[Proposal] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    variables: dict[str, Place] = field(default_factory=dict)
    environment: dict[str, tuple[str, Place]] = field(default_factory=dict)
    processes: dict[str, tuple[str, Place]] = field(default_factory=dict)
    before: list[tuple[str, Place]] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    tools: set[str] = field(default_factory=set)

    def propose(self, name: str, value: object, place: Place) -> None:
        """Take a value for a setting."""
        self.proposals.append(Proposal(name, value, place))

    def note(self, place: Place, text: str) -> None:
        """Say that something was not understood, or is not taken."""
        self.notes.append(Note(place, text))

    def without_server(self) -> None:
        """Take no command but a migration for one that runs before a server, where none starts one that is known."""
        if self.starts:
            return
        for command, place in self.before:
            if not is_migration(command):
                self.note(place, f"{command!r} is not taken: it starts no server that is known")
        self.before = [one for one in self.before if is_migration(one[0])]

    def without_processes(self, why: str) -> None:
        """Take no process, and say so of each."""
        for command, place in self.processes.values():
            self.note(place, f"{command!r} is not taken: {why}")
        self.processes = {}

    def add(self, other: Reading) -> None:
        """Take what another file says; what was known before wins."""
        self.proposals += other.proposals
        self.notes += other.notes
        self.variables = {**other.variables, **self.variables}
        self.environment = {**other.environment, **self.environment}
        self.processes = {**other.processes, **self.processes}
        self.before = self.before or other.before
        self.starts += other.starts
        self.names += other.names
        self.tools |= other.tools
