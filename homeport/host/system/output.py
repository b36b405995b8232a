"""The program's output: plain lines on stdout and in the journal. It goes on when nobody reads it any more.

The controller that reads stdout may die at any moment; the step under way is finished all the same.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

JOURNAL_SOCKET = "/run/systemd/journal/socket"
INFORMATION = 6
ERROR = 3

_journal_for: list[str] = []


class HostError(Exception):
    """A step failed. `str()` of it is the cause in one line; `details` are log lines that explain it."""

    exit_status = 1

    def __init__(self, problem: str, details: tuple[str, ...] = ()):
        super().__init__(" ".join(problem.split()))
        self.details = details


class LockedError(HostError):
    """Another run has the deploy lock, somebody holds deploys, or the run that asked has ended."""

    exit_status = 4


def outlive_the_listener() -> None:
    """Keep running when the terminal, the SSH connection or the reader of stdout goes away."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def copy_to_journal(app: str) -> None:
    """From now on send each line to the journal too, where `journalctl -t homeport HOMEPORT_APP=app` finds it."""
    _journal_for[:] = [app]


def say(line: str, *, priority: int = INFORMATION) -> None:
    """Print one line at once, and never fail over it."""
    text = line.encode("utf-8", "replace").decode("utf-8")
    try:
        print(text, flush=True)
    except (OSError, UnicodeError):
        _forget_stdout()
    if _journal_for:
        _log(text, _journal_for[0], priority)


def complain(error: HostError, where: str) -> None:
    """Print an error as `error: where: cause`, followed by its details."""
    say(f"error: {where}: {error}", priority=ERROR)
    for line in error.details:
        say(f"  {line}")


def _forget_stdout() -> None:
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _log(line: str, app: str, priority: int) -> None:
    _send({"PRIORITY": priority, "SYSLOG_IDENTIFIER": "homeport", "HOMEPORT_APP": app, "MESSAGE": line})


def tell_journal(line: str, unit: str) -> None:
    """Send a line about a unit that supervisord runs to the journal, where `journalctl -u UNIT` finds it."""
    fields = {"PRIORITY": INFORMATION, "SYSLOG_IDENTIFIER": "supervisord", "OBJECT_SYSTEMD_UNIT": unit}
    _send({**fields, "MESSAGE": line})


def _send(fields: dict[str, object]) -> None:
    # The journal's own protocol: NAME=value lines in one datagram (systemd.io/JOURNAL_NATIVE_PROTOCOL).
    entry = "".join("{}={}\n".format(name, str(value).replace("\n", " ")) for name, value in fields.items())
    # Loaded by who has something to say: all else, which units wait for, starts a twentieth sooner (measured).
    import socket

    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.sendto(entry.encode("utf-8", "replace"), JOURNAL_SOCKET)
