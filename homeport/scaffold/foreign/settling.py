"""From what foreign files say to settings: each valid, the first that is said, secrets by their names alone. Pure."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import get_args

from homeport.scaffold.foreign.commands import find_file
from homeport.scaffold.foreign.entry import entrypoint_of
from homeport.scaffold.foreign.migrations import is_migration
from homeport.scaffold.foreign.model import Files, Note, Place, Proposal, Reading, Start
from homeport.scaffold.foreign.variables import secret_option
from homeport.servers.interface import OPTIONAL
from homeport.settings.loading import SettingsError, load
from homeport.settings.server import Server

# Programs that prepare an image, or are homeport's matter; and those that run beside an application.
_PREPARES = re.compile(r"pip3?|poetry|uv|npm|yarn|pnpm|service|crond?|supervisord|pytest")
_BESIDE = re.compile(
    r"nginx|traefik|caddy|haproxy|envoy|redis-server|valkey-server|postgres|mysqld|mongod|memcached|rabbitmq-server"
)
# Programs that run what another file names, and often for developing.
_RUNNERS = re.compile(r"docker(-compose)?|podman|make|just|task|poe|invoke|inv|nox|tox")
_LOG = re.compile(r"(?:--logfile|--log-file|--pidfile)[= ]([^\s'\"]+)")
_NEEDED = {"app_name": "app", "domain": "app.example.com"}
Runs = Callable[[Server], bool]


@dataclass(frozen=True)
class Foreign:
    """What foreign files come to: the files, valid proposals, names of variables to be set, and lines of what is left.

    `settings` has no two of one name; `names` are what the application is called; `tools` are variables that the
    application never had.
    """

    files: tuple[str, ...] = ()
    settings: tuple[Proposal, ...] = ()
    variables: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tools: frozenset[str] = frozenset()

    def get(self, name: str) -> object:
        """Return the value that is proposed for a setting, None for none."""
        return next((one.value for one in self.settings if one.name == name), None)


def settle(read: tuple[str, ...], reading: Reading, paths: Set[str], runs: Runs, entrypoint: str = "") -> Foreign:
    """Return the settings that follow; `paths` are the application's files, `runs` tells which server its lock has.

    `entrypoint` is what somebody has said himself.
    """
    one = _Settling(reading, paths, runs)
    settings = tuple(one.settle(entrypoint))
    taken = next((two.value for two in settings if two.name == "environment"), {})
    assert isinstance(taken, Mapping)  # noqa: S101 - for the type checker
    variables = tuple(name for name in reading.variables if name not in taken)
    notes = tuple(dict.fromkeys(note.line() for note in sorted(one.notes, key=lambda note: note.place)))
    tools = frozenset(reading.tools - set(variables))
    return Foreign(read, settings, variables, tuple(reading.names), notes, tools)


class _Settling:
    """Settings as they are put together; each is only taken while all are valid together."""

    def __init__(self, reading: Reading, paths: Set[str], runs: Runs):
        self._reading, self._paths, self._runs = reading, paths, runs
        self._taken: dict[str, object] = {}
        self.notes: list[Note] = list(reading.notes)

    def settle(self, entrypoint: str) -> Iterator[Proposal]:
        start = next((one for one in self._reading.starts if not one.develops), next(iter(self._reading.starts), None))
        server: Server = "fastapi"
        if start is not None:
            server = self._server(start)
            yield from self._valid("server", server, start.place)
            if start.target and not entrypoint:
                yield from self._entrypoint(start, server)
        for one in self._reading.proposals:
            if one.name in OPTIONAL and start is not None and start.server != server:
                self._note(one.place, f"{one.name} = {one.value} was for {start.server}, and {server} is run")
            elif not self._is_known(one):
                yield from self._valid(one.name, one.value, one.place)
        yield from self._before()
        yield from self._processes()
        yield from self._environment()

    def _note(self, place: Place, text: str) -> None:
        self.notes.append(Note(place, text))

    def _server(self, start: Start) -> Server:
        """Return the server that is run: the one of the command, if the application brings it."""
        known: tuple[Server, ...] = get_args(Server)
        wanted = next((one for one in known if one == start.server), None)
        if wanted and self._runs(wanted):
            return wanted
        order: tuple[Server, ...] = ("fastapi", "uvicorn", "granian", "hypercorn")
        order = order[1:] if start.factory else order
        server = next((one for one in order if self._runs(one)), order[0])
        why = "the dependencies do not bring what homeport runs it with" if wanted else "homeport does not run it"
        self._note(start.place, f"{start.server} is not taken: {why}; {server} is run")
        return server

    def _entrypoint(self, start: Start, server: Server) -> Iterator[Proposal]:
        found = entrypoint_of(start, self._paths, server)
        if found:
            yield from self._valid("app_entrypoint", found, start.place)
        else:
            self._note(start.place, f"{start.server} serves {start.target}, which is not among the application's files")

    def _is_known(self, one: Proposal) -> bool:
        """Tell whether another file has said this already; say so where it says something else."""
        if one.name not in self._taken:
            return False
        if self._taken[one.name] != one.value:
            self._note(one.place, f"{one.name} = {one.value!r} is not taken: another file comes first")
        return True

    def _valid(self, name: str, value: object, place: Place) -> Iterator[Proposal]:
        """Take a setting if its value is allowed beside those that were taken; say why not otherwise."""
        try:
            load({**_NEEDED, **self._taken, name: value}, "init")
        except SettingsError as error:
            self._note(place, f"{name} is not taken: {error.problems[0].problem}")
            return
        self._taken[name] = value
        yield Proposal(name, value, place)

    def _before(self) -> Iterator[Proposal]:
        commands = [(one, place) for text, place in self._reading.before if (one := self._here(text, place))]
        if not commands:
            return
        place = commands[0][1]
        words = list(dict.fromkeys(one for one, _ in commands))
        if not any(map(is_migration, words)):
            yield from self._valid("before_start", words, place)
        elif words != ["alembic upgrade head"] or "alembic.ini" not in self._paths:
            yield from self._valid("migrate_command", words if len(words) > 1 else words[0], place)

    def _processes(self) -> Iterator[Proposal]:
        found = {
            name: one for name, (text, place) in self._reading.processes.items() if (one := self._beside(text, place))
        }
        if not found:
            return
        place = next(iter(self._reading.processes.values()))[1]
        yield from self._valid("processes", found, place)
        # A release is read-only: a log below it goes where the application may write.
        logs = {posixpath.dirname(path) for text in found.values() for path in _LOG.findall(text)}
        if folders := sorted(one for one in logs if one and not one.startswith(("/", "."))):
            yield from self._valid("state_paths", folders, place)

    def _beside(self, command: str, place: Place) -> str:
        """Return the command of a process as it runs here, "" for one that only runs something for developing."""
        if not _RUNNERS.fullmatch(shlex.split(command)[0].rpartition("/")[2]):
            return self._here(command, place)
        self._note(place, f"{command!r} is not taken: what it runs is said elsewhere")
        return ""

    def _environment(self) -> Iterator[Proposal]:
        plain = {name: one for name, one in self._reading.environment.items() if name not in self._reading.variables}
        if plain:
            values = {name: value for name, (value, _) in plain.items()}
            yield from self._valid("environment", values, next(iter(plain.values()))[1])

    def _here(self, command: str, place: Place) -> str:
        """Return a command as it runs in the application's folder, "" for one that does not."""
        words = shlex.split(command)
        files = Files(self._paths)
        program = words[0].rpartition("/")[2]
        beside = _BESIDE.fullmatch(program)
        if beside or _PREPARES.fullmatch(program):
            why = "it is no part of the application" if beside else "it prepares the machine or the image"
            self._note(place, f"{command!r} is not taken: {why}")
            return ""
        if option := secret_option(words):
            text = f"the command of {program} is not taken: {option} may be a secret, which belongs into a variable"
            self._note(place, text)
            return ""
        for number, word in enumerate(words):
            if word.startswith("/") and not word.startswith(("/bin/", "/usr/bin/", "/tmp/", "/dev/")):  # noqa: S108
                words[number] = find_file(word, files)
                if not words[number]:
                    self._note(place, f"{command!r} is not taken: {word} is no file of the application")
                    return ""
        return shlex.join(words)
