"""A machine that is asked: its settings, and commands over pyinfra's connection to it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pyinfra.api import Host, StringCommand
from pyinfra.api.exceptions import ConnectError

from homeport import remote
from homeport.connection import is_lost, login_is_root, tune
from homeport.errors import HomeportError
from homeport.paths import HOST_PROGRAM
from homeport.settings import Settings


@dataclass(frozen=True)
class Answer:
    """What a command did: its exit status as good or not, and its lines on stdout and stderr."""

    good: bool
    lines: list[str]
    errors: list[str]


@dataclass(frozen=True)
class Target:
    """One selected host of the inventory, with what the command was asked for in `options` (plain JSON values)."""

    host: Host
    settings: Settings
    options: Mapping[str, Any]

    def connect(self) -> None:
        """Open the connection; raise HomeportError, in one line, when there is none to be had. Again is no harm."""
        try:
            self.host.connect(show_errors=False, raise_exceptions=True)
        except ConnectError as error:
            raise HomeportError(str(error), host=self.host.name, fix="see: homeport doctor") from error
        tune(self.host)

    def run(self, *words: str) -> Answer:
        """Run a command as root and return what it did."""
        return self.shell(shlex.join(words))

    def shell(self, script: str, stdin: str | None = None) -> Answer:
        """Run a shell script as root, `stdin` on its standard input, and return what it did."""
        self.connect()
        given: dict[str, Any] = {"_sudo": not login_is_root(self.host)}
        if stdin is not None:
            given["_stdin"] = stdin
        try:
            done = remote.run(self.host, StringCommand(script), **given)
        except remote.BROKEN as error:
            problem = f"the connection broke ({error or type(error).__name__})"
            raise HomeportError(problem, host=self.host.name, fix="see: homeport doctor") from error
        if done.status == remote.NO_STATUS and is_lost(self.host):
            raise HomeportError("the connection broke", host=self.host.name, fix="see: homeport doctor")
        return Answer(done.good, done.output.stdout_lines, done.output.stderr_lines)

    def forget(self) -> None:
        """Drop the connection, so that the next command opens a new one."""
        with suppress(Exception):  # it may be in any state
            self.host.disconnect()
        self.host.connected = False

    def ask(self, action: str, *options: str) -> Any:
        """Return the JSON that the host program's command `action` prints for this application.

        Raises HomeportError when it fails, or is not there.
        """
        done = self.run(HOST_PROGRAM, action, "--app", self.settings.app_name, *options)
        if not done.good and any("invalid choice" in line for line in done.errors):
            raise HomeportError("the homeport on the host is older than this command", fix="deploy once with this one")
        if not done.good:
            said = next(iter(done.errors or done.lines), "no word")
            raise HomeportError(
                said.removeprefix("error: "),
                host=self.host.name,
                fix="deploy once with this homeport if the host has never seen it",
            )
        return json.loads("\n".join(done.lines))
