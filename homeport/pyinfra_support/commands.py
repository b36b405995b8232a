"""Runs a command on a host to its end; returns its exit status and what it printed, whatever it reads of its input.

pyinfra writes all of the input first and takes a command that ends meanwhile for a connection that broke: what the
command has said, and its status, are lost then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gevent  # type: ignore[import-untyped]
from paramiko.ssh_exception import SSHException
from pyinfra.api.output import echo
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.util import (
    CommandOutput,
    execute_command_with_sudo_retry,
    extract_control_arguments,
    make_unix_command_for_host,
    read_output_buffers,
)

from homeport.pyinfra_support.answers import guarded

if TYPE_CHECKING:
    from pyinfra.api import Host, StringCommand

# The exceptions of paramiko when a connection breaks, or ends before a command does.
BROKEN = (OSError, EOFError, SSHException)
# paramiko's status of a command that was ended by a signal, or whose connection broke.
NO_STATUS = -1


@dataclass(frozen=True)
class CommandResult:
    """The result of a command. `status` is its exit status; 1 where a connector only tells that it failed."""

    status: int
    output: CommandOutput

    @property
    def good(self) -> bool:
        """Whether it succeeded."""
        return self.status == 0


def run(
    host: Host,
    command: StringCommand,
    *,
    print_output: bool = False,
    print_input: bool = False,
    otherwise: Callable[..., tuple[bool, CommandOutput]] | None = None,
    shown: Callable[[str], str] | None = None,
    **arguments: Any,
) -> CommandResult:
    """Run `command` on `host`; `arguments` are pyinfra's, `_stdin` (text) among them.

    `otherwise` runs it where the connector is not SSH (None: pyinfra's own way). A line is what `shown` makes of it.
    Bytes that are no UTF-8 do no harm. Raises one of BROKEN when it cannot be started, or its answer not be read.
    """
    connector = host.connector
    if not isinstance(connector, SSHConnector):
        runs = otherwise or host.run_shell_command
        good, output = runs(command, print_output=print_output, print_input=print_input, **arguments)
        return CommandResult(0 if good else 1, output)
    control = extract_control_arguments(arguments)  # type: ignore[arg-type]

    def attempt() -> tuple[int, CommandOutput]:
        line = make_unix_command_for_host(host.state, host, command, **arguments)
        if print_input:
            echo(f"{host.print_prefix}>>> {line}", err=True)
        client: Any = connector.client
        given, printed, _ = client.exec_command(
            guarded(str(line.get_raw_value())), get_pty=control.get("_get_pty", False)
        )
        gevent.spawn(_send_input, given, control.get("_stdin"))
        output = read_output_buffers(
            *_output_and_errors(printed.channel, shown),
            timeout=control.get("_timeout"),
            print_output=print_output,
            print_prefix=host.print_prefix,
        )
        return printed.channel.recv_exit_status(), output

    return CommandResult(*_with_password(host, arguments, attempt))


def _with_password(
    host: Host, arguments: Any, attempt: Callable[[], tuple[int, CommandOutput]]
) -> tuple[int, CommandOutput]:
    """Return what an attempt came to; pyinfra asks for sudo's password on the terminal and makes another, if need be.

    Without a terminal it would take what comes instead for an answer.
    """
    return execute_command_with_sudo_retry(host, arguments, attempt) if can_ask_for_password() else attempt()


def can_ask_for_password() -> bool:
    """Tell whether there is a terminal, of which passwords are read: as the standard library's getpass finds it."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
    return True


def _output_and_errors(channel: Any, shown: Callable[[str], str] | None) -> tuple[Iterator[str], Iterator[str]]:
    return _lines(channel.makefile("rb"), shown), _lines(channel.makefile_stderr("rb"), shown)


def _lines(output: Iterable[bytes], shown: Callable[[str], str] | None) -> Iterator[str]:
    lines = (line.decode("utf-8", "replace") for line in output)
    return map(shown, lines) if shown else lines


def _send_input(given: Any, text: str | None) -> None:
    """Send a command its input, and the end of it; a command that ends before has no need of the rest."""
    with suppress(*BROKEN):
        if text:
            given.write(text.encode() if text.endswith("\n") else f"{text}\n".encode())
        given.close()
