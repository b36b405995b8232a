"""The command of a phase: a script with quoted arguments, its payload on standard input, its progress shown live."""

from __future__ import annotations

import base64
import gzip
import io
import secrets
import shlex
import tarfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pyinfra.api import QuoteString, StringCommand
from pyinfra.connectors.util import CommandOutput

from homeport.errors import in_one_line
from homeport.facts.snapshot import DEPLOYS, ENVIRONMENTS
from homeport.host.system import transient_unit
from homeport.pyinfra_support import commands, outcome
from homeport.pyinfra_support.answers import known
from homeport.pyinfra_support.connection import is_lost

if TYPE_CHECKING:
    from pyinfra.api import Host, State

    from homeport.state.wanted import File

LOST = (
    "error: the connection to the host broke; the host finishes the phase that it is in, the live release goes on "
    "serving, and the next run continues from there"
)
# Input that a script has not read is read after it: pyinfra's connectors take a command that ends while its input is
# being sent for a connection that broke.
DRAINED = "(\n{}\n)\nstatus=$?\ncat >/dev/null 2>&1\nexit $status\n"
SCRIPTS = Path(__file__).with_name("scripts")
# Scripts that share functions, and where these are.
PARTS = {
    "packages": ("environment", "lists"),
    "tools": ("environment",),
    "upgrade": ("lists",),
    "dependencies": ("missing",),
    **dict.fromkeys(("request", "certificate", "provided", "renew"), ("certbot",)),
}
# Those that look for a release's environment, as the snapshot does.
ENVIRONMENTS_FOR = ("release", "dependencies")


class PhaseCommand(StringCommand):
    """A command whose output is meant for a person: it is shown as it comes, at every verbosity, as `shown` has it."""

    shown: Callable[[str], str] | None = None

    def execute(self, state: State, host: Host, connector_arguments: Any) -> tuple[bool, CommandOutput]:
        """Run it on `host`; return whether it succeeded, without the output that has been shown already."""
        connector_arguments.update(self.connector_arguments)
        try:
            how = {**connector_arguments, "print_input": state.print_input, "shown": self.shown}
            done = commands.run(host, self, print_output=True, **how)
        except commands.BROKEN as error:
            outcome.mark_failed(host.name, ())
            click.echo(f"{host.print_prefix}{LOST if is_lost(host) else _unsent(error)}", err=True)
            return False, CommandOutput([])
        if not done.good:
            lines = done.output.output_lines
            outcome.mark_failed(host.name, lines)
            if is_lost(host):
                click.echo(f"{host.print_prefix}{LOST}", err=True)
            elif not any(line.startswith("error: ") for line in lines):
                click.echo(f"{host.print_prefix}{_unexplained(done)}", err=True)
        return done.good, CommandOutput([])


def _unsent(error: Exception) -> str:
    """Return the line for a command that could not be run on a connection that still stands."""
    if isinstance(error, TimeoutError):
        return "error: the command did not end within its time (_timeout)"
    if isinstance(error, EOFError):
        return "error: sudo asks for a password, and homeport cannot ask you for it"
    return f"error: the command could not be run: {in_one_line(error)}"


def _unexplained(done: commands.CommandResult) -> str:
    """Return the line for a command that failed without a line that says why."""
    lines = [line for line in done.output.output_lines if line.strip()]
    if found := known(lines):
        return "error: " + "; ".join(found)
    how = "was ended by a signal" if done.status == commands.NO_STATUS else f"ended with status {done.status}"
    last = f"the last line that it printed is: {lines[-1]}" if lines else "it printed nothing"
    return f"error: the command {how}; {last}"


@cache
def _script(name: str, *, led_out: bool = False) -> str:
    # The deploy lock is held beside everything else, and changes nothing.
    before = DEPLOYS if name == "lock" else _text("variables") + _text("alone")
    before += ENVIRONMENTS if name in ENVIRONMENTS_FOR else ""
    parts = (*PARTS.get(name, ()), *(("outbound",) if led_out else ()))
    return "".join((_text("disk"), _text("tool_log"), before, *map(_text, parts), _text(name)))


def _text(name: str) -> str:
    return (SCRIPTS / f"{name}.sh").read_text()


def script(name: str, *arguments: str, payload: str | None = None, led_out: bool = False) -> PhaseCommand:
    """Return the command that runs `scripts/NAME.sh` with `arguments`; `payload` (text) is its standard input.

    A payload appears in no command line and in no debugging output of pyinfra. Scripts run one at a time on a host;
    what `request` begins goes on beside those that follow it. One that is `led_out` finds the way before its payload.
    """
    text = _script(name, led_out=led_out)
    text = text if payload is None else DRAINED.format(text)
    words = [QuoteString(word) for word in (text, f"homeport-{name}", *arguments)]
    stdin = {"_stdin": payload} if payload is not None else {}
    return PhaseCommand("sh", "-c", *words, **stdin)  # type: ignore[arg-type]


def program(*arguments: str) -> PhaseCommand:
    """Return the command that runs a program of the host with `arguments`."""
    return PhaseCommand(*(QuoteString(argument) for argument in arguments))


def work(action: str, app: str, *options: str) -> PhaseCommand:
    """Return the command that has the host's program do `action` in a unit of its own, which outlives the connection.

    The program would make that unit by itself; asking systemd at once saves its start (a seventh of a second).
    """
    words = transient_unit.command(action, app, secrets.token_hex(4), (action, "--app", app, *options))
    return PhaseCommand(*(QuoteString(word) for word in words), "</dev/null")


def command_line(words: Iterable[str]) -> str:
    """Return `words` as one line for a shell: the one place where outside values are quoted for it."""
    return shlex.join(words)


def packed(files: Iterable[tuple[str, File]], extra: Iterable[tuple[str, str]] = ()) -> str:
    """Return a tar archive of files under other names and of private text files, gzipped, in base64, on one line."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, file in files:
            _add(tar, name, file.content, file.mode, file.owner, file.group)
        for name, content in extra:
            _add(tar, name, content, 0o600, "root", "root")
    return encoded(buffer.getvalue())


def encoded(data: bytes) -> str:
    """Return `data` as base64 on one line: what pyinfra sends to standard input must be text."""
    return base64.b64encode(data).decode()


def _add(tar: tarfile.TarFile, name: str, content: str, mode: int, owner: str, group: str) -> None:
    data = content.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.uname, entry.gname = len(data), mode, owner, group
    tar.addfile(entry, io.BytesIO(data))
