"""Who listens on a port of this machine and how many connections it has, read from the kernel's tables in /proc.

Format: Linux, Documentation/networking/proc_net_tcp.rst.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ESTABLISHED = "01"
LISTEN = "0A"
# Not /proc/net, which a unit with ProcSubset=pid does not see.
TABLES = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))


class Socket(NamedTuple):
    """One line of the table: local port, state (hexadecimal as the kernel writes it), owner's uid and inode."""

    port: int
    state: str
    uid: int
    inode: int


def parse(table: str) -> Iterator[Socket]:
    """Yield the sockets of a table."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9:
            yield Socket(int(fields[1].rpartition(":")[2], 16), fields[3], int(fields[7]), int(fields[9]))


def read() -> list[Socket]:
    """Return the machine's TCP sockets, of both address families."""
    return [found for table in TABLES if table.exists() for found in parse(table.read_text())]


def connections(sockets: Iterable[Socket], port: int) -> list[Socket]:
    """Return the connections that are open at the server's end, on `port`."""
    return [found for found in sockets if found.port == port and found.state == ESTABLISHED]


def established(sockets: Iterable[Socket], port: int) -> int:
    """Count the connections that are open at the server's end, on `port`."""
    return len(connections(sockets, port))


def listeners(sockets: Iterable[Socket], port: int) -> list[Socket]:
    """Return the sockets that listen on `port`."""
    return [found for found in sockets if found.port == port and found.state == LISTEN]


def owners(inodes: Iterable[int]) -> set[int]:
    """Return the ids of the processes that hold one of the socket `inodes`; needs root to see all of them."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return {pid for pid in process_ids() if wanted & _open_files(pid)}


def process_ids() -> list[int]:
    """Return the ids of all processes."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def command(pid: int) -> str:
    """Return the short name of a process, or `?` when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "?"


def _open_files(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            found.add(str(descriptor.readlink()))
    return found
