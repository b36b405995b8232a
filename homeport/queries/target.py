"""A machine that is asked: its settings, and commands over pyinfra's connection to it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pyinfra.api import Host, StringCommand
from pyinfra.api.exceptions import ConnectError

from homeport.errors import HomeportError, in_one_line
from homeport.pyinfra_support import commands
from homeport.pyinfra_support.answers import LOOK, document, explain_failure, marked
from homeport.pyinfra_support.connection import is_lost, rights, tune
from homeport.settings import Settings
from homeport.state.paths import HOST_PROGRAM


@dataclass(frozen=True)
class Answer:
    """The result of a command: its exit status, and its lines on stdout and stderr."""

    status: int
    lines: list[str]
    errors: list[str]

    @property
    def good(self) -> bool:
        """Whether it succeeded."""
        return self.status == 0


@dataclass(frozen=True)
class Target:
    """One selected host of the inventory, with what the command was asked for in `options` (plain JSON values)."""

    host: Host
    settings: Settings
    options: Mapping[str, Any]

    def connect(self) -> None:
        """Open the connection; raise HomeportError, in one line, when that fails. May be called again."""
        try:
            self.host.connect(show_errors=False, raise_exceptions=True)
        except ConnectError as error:
            raise HomeportError(str(error), host=self.host.name, fix=LOOK) from error
        tune(self.host)

    def run(self, *words: str) -> Answer:
        """Run a command as root and return what it did."""
        return self.shell(shlex.join(words))

    def shell(self, script: str, stdin: str | None = None) -> Answer:
        """Run a shell script as root, `stdin` on its standard input, and return what it did."""
        self.connect()
        given = rights(self.host)
        if stdin is not None:
            given["_stdin"] = stdin
        try:
            done = commands.run(self.host, StringCommand(script), **given)
        except commands.BROKEN as error:
            problem = f"the connection broke ({in_one_line(error)})"
            raise HomeportError(problem, host=self.host.name, fix=LOOK) from error
        if done.status == commands.NO_STATUS and is_lost(self.host):
            raise HomeportError("the connection broke", host=self.host.name, fix=LOOK)
        return Answer(done.status, done.output.stdout_lines, done.output.stderr_lines)

    def forget(self) -> None:
        """Drop the connection, so that the next command opens a new one."""
        with suppress(Exception):  # it may be in any state
            self.host.disconnect()
        self.host.connected = False

    def ask(self, action: str, *options: str) -> Any:
        """Return the JSON that the host program's command `action` prints for this application.

        Raises HomeportError when it fails, is not there, or prints something else.
        """
        words = (HOST_PROGRAM, action, "--app", self.settings.app_name, *options)
        done = self.shell(marked(shlex.join(words)))
        if not done.good:
            problem, fix = explain_failure(done.status, done.errors, done.lines)
            raise HomeportError(problem, host=self.host.name, fix=fix)
        try:
            return document(done.lines)
        except ValueError as error:
            raise HomeportError(f"its answer is damaged ({error})", host=self.host.name, fix=LOOK) from None
