"""The journal as the output of a process, as systemd has it for a unit's."""

from __future__ import annotations

import os
import socket

SOCKET = "/run/systemd/journal/stdout"
INFORMATION = 6


def opened(identifier: str, unit: str) -> socket.socket:
    """Return a stream to the journal for lines of a unit; only root may say of which.

    systemd-cat says no unit: what a process writes just before it ends would then be nobody's, since the journal
    reads afterwards in which control group the writer was.
    """
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.connect(SOCKET)
    # Name, unit, priority, whether a line may begin with one of its own, and who else gets it: as systemd-cat says it.
    stream.sendall(f"{identifier}\n{unit}\n{INFORMATION}\n1\n0\n0\n0\n".encode())
    stream.shutdown(socket.SHUT_RD)
    return stream


def take_output(identifier: str, unit: str) -> None:
    """Have this process, and what it becomes, write to the journal."""
    with opened(identifier, unit) as stream:
        for output in (1, 2):
            os.dup2(stream.fileno(), output)
