"""One command on one host with our own standard streams: `python -m homeport.entries.run INVENTORY OPTIONS COMMAND…`.

A process of its own, because pyinfra, whose connection is used, patches the interpreter. OPTIONS is a JSON object with
`limit`. On a terminal the host gives the command one too; else what comes on standard input goes there, and both
outputs come back apart. The exit status is the command's.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pyinfra_cli  # noqa: F401 - first: it patches the interpreter  # isort: skip
import gevent  # type: ignore[import-untyped]
from gevent.event import Event  # type: ignore[import-untyped]
from gevent.os import tp_read  # type: ignore[import-untyped]
from paramiko.ssh_exception import SSHException
from pyinfra.api import Host, QuoteString, StringCommand
from pyinfra.api.state import State

from homeport.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, HomeportError, UsageError
from homeport.inventory.fleet import fleet
from homeport.inventory.hosts import open_inventory
from homeport.inventory.migrating_host import migrating_host
from homeport.pyinfra_support.answers import MarkedOutput
from homeport.pyinfra_support.connection import as_root
from homeport.queries.target import Target
from homeport.settings.loading import load
from homeport.state.paths import HOST_PROGRAM

BLOCK = 32768


def main(inventory: str, options: dict[str, Any], words: list[str]) -> int:
    """Run `words` on the host that suits, and return the status to exit with; raise HomeportError when it cannot be."""
    with open_inventory(inventory, options.get("limit", ())) as (state, chosen):
        if not chosen:
            raise UsageError("no host is selected", key="--limit", fix="see the names in the inventory")
        target = _target(state, chosen)
        target.connect()
        if len(chosen) > 1:
            print(f"running on {target.host.name}; choose another host with --limit", file=sys.stderr)
        return _run(target, words)


def _target(state: State, hosts: list[Host]) -> Target:
    """Return the host that migrates the database, when it is among those selected, else the first one."""
    first = load(hosts[0].data.dict(), hosts[0].name)
    migrating = migrating_host(first, fleet(state))
    host = next((host for host in hosts if host.name == migrating), hosts[0])
    return Target(host, load(host.data.dict(), host.name), {})


def _run(target: Target, words: list[str]) -> int:
    terminal = os.environ.get("TERM", "dumb") if sys.stdin.isatty() and sys.stdout.isatty() else ""
    unit = f"homeport-run-{target.settings.app_name}-{secrets.token_hex(4)}"
    own = ("run", "--app", target.settings.app_name, "--unit", unit, "--terminal", terminal, "--", *words)
    command = StringCommand(*(QuoteString(word) for word in (HOST_PROGRAM, *own)))
    # Other output of a login shell is not part of the command's output. On a terminal people are used to it.
    mark = "" if terminal else secrets.token_hex(16)
    if mark:
        both = f"printf {mark}; printf {mark} >&2"
        command = StringCommand(f"{both};", command, f"; status=$?; {both}; exit $status")
    line = as_root(target.host, command)
    client = getattr(target.host.connector, "client", None)
    if client is None:
        raise HomeportError("homeport can run a command only on a host that it reaches over SSH", host=target.host.name)
    session = client.get_transport().open_session()
    if terminal:
        _give_terminal(session, terminal)
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, _stop, target, unit, stopped)
    session.exec_command(line)
    with _raw() if terminal else nullcontext():
        status = _streamed(session, target.host.name, mark.encode())
    return EXIT_INTERRUPTED if stopped.is_set() else status


def _streamed(session: Any, host: str, mark: bytes) -> int:
    """Move bytes both ways until the command has ended; return its status. `mark`, if any, encloses its output."""
    seen = bytearray()
    reads = ((session.recv, 1), (session.recv_stderr, 2))
    outputs = [gevent.spawn(_pump, read, output, seen, MarkedOutput(mark) if mark else None) for read, output in reads]
    feeding = gevent.spawn(_feed, session)
    gevent.joinall(outputs)
    status = int(session.recv_exit_status())
    feeding.kill(block=False)
    if status < 0:
        raise HomeportError("the connection broke; the command may still be running there", host=host)
    if status == EXIT_USAGE and b"invalid choice: 'run'" in seen:
        raise HomeportError("its host program is older than this command", host=host, fix="deploy once")
    return status


def _pump(read: Callable[[int], bytes], output: int, seen: bytearray, enclosed: MarkedOutput | None) -> None:
    while data := read(BLOCK):
        # The host program's complaint, if there is one, comes first and is short.
        if len(seen) < BLOCK:
            seen += data
        _write(output, enclosed.take(data) if enclosed else data)
    if enclosed:
        _write(output, enclosed.end())


def _write(output: int, data: bytes) -> None:
    while data:
        data = data[os.write(output, data) :]


def _feed(session: Any) -> None:
    try:
        # Read in a thread, since a file cannot be waited for.
        while data := tp_read(0, BLOCK):
            session.sendall(data)
        session.shutdown_write()
    except (OSError, SSHException):
        pass  # nobody reads there any more


def _stop(target: Target, unit: str, stopped: Any) -> None:
    """End the command on the host, and so ourselves; the second time, only ourselves."""
    if stopped.is_set():
        _leave(EXIT_INTERRUPTED)
    stopped.set()
    target.run("systemctl", "stop", f"{unit}.service")


def _give_terminal(session: Any, kind: str) -> None:
    size = shutil.get_terminal_size()
    session.get_pty(kind, size.columns, size.lines)

    def resized() -> None:
        now = os.get_terminal_size(0)
        session.resize_pty(now.columns, now.lines)

    gevent.signal_handler(signal.SIGWINCH, resized)


@contextmanager
def _raw() -> Iterator[None]:
    """Have every key go to the host as it is, Ctrl-C too."""
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def _leave(status: int) -> None:
    """End at once: a thread may still wait for a key."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    try:
        ended = main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:])
    except HomeportError as error:
        for problem in error.line().splitlines():
            print(f"error: {problem}", file=sys.stderr)
        ended = EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED
    _leave(ended)
