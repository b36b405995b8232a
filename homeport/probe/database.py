"""Databases: is a SQLite file's write lock held for long, does a server listen where the application looks for it?

A lock is asked about and never taken (fcntl's F_GETLK). Which bytes SQLite locks:
https://sqlite.org/lockingv3.html and, with a write-ahead log, https://sqlite.org/walformat.html ("WAL locks").
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from ..host.services import supervisord
from ..host.system import sockets
from ..host.system.layout import Layout
from .observations import LockObservation, ServerObservation

MAGIC = b"SQLite format 3\0"
MOST_FILES = 50
# PENDING, RESERVED and the shared range: a write lock on any of these keeps writers out.
DATABASE_LOCKS = (0x40000000, 512)
WRITE_AHEAD_LOCK = (120, 1)
# struct flock of 64-bit Linux: type, whence, start, length, process.
FLOCK = struct.Struct("@hhqqi4x")
LOOKS, PAUSE_SECONDS = 5, 0.5
WAIT_SECONDS = 3.0
PORTS = {"postgres": 5432, "postgresql": 5432, "mysql": 3306, "mariadb": 3306, "redis": 6379, "rediss": 6379}
SOCKETS = {"postgres": "/var/run/postgresql/.s.PGSQL.5432", "postgresql": "/var/run/postgresql/.s.PGSQL.5432"}


def locks(layout: Layout) -> list[LockObservation]:
    """Return the SQLite databases in the state directory that somebody keeps locked, as long as we look."""
    held = {path: pid for path in _databases(layout.state) if (pid := holder(path))}
    began = time.monotonic()
    for _ in range(LOOKS if held else 0):
        time.sleep(PAUSE_SECONDS)
        held = {path: pid for path, pid in held.items() if holder(path) == pid}
    seconds = time.monotonic() - began
    return [
        {"path": str(path), "holder": f"{sockets.command(pid)} (pid {pid}{_unit(pid)})", "seconds": seconds}
        for path, pid in held.items()
    ]


def _databases(folder: Path) -> Iterator[Path]:
    for path in sorted([*folder.glob("*"), *folder.glob("*/*")])[:MOST_FILES]:
        with suppress(OSError):
            if path.is_file() and path.open("rb").read(len(MAGIC)) == MAGIC:
                yield path


def holder(database: Path) -> int:
    """Return the process that has a write lock on a SQLite database, 0 when none has."""
    log = database.with_name(f"{database.name}-shm")
    return _locked(database, *DATABASE_LOCKS) or (_locked(log, *WRITE_AHEAD_LOCK) if log.exists() else 0)


def _locked(path: Path, start: int, length: int) -> int:
    handle = os.open(path, os.O_RDONLY)
    try:
        asked = FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, start, length, 0)
        kind, _, _, _, pid = FLOCK.unpack(fcntl.fcntl(handle, fcntl.F_GETLK, asked))
        return 0 if kind == fcntl.F_UNLCK else int(pid)
    finally:
        os.close(handle)


def _unit(pid: int) -> str:
    try:
        found = re.search(r"([^/\n]+\.service|[^/\n]+:\w+\.scope)", Path(f"/proc/{pid}/cgroup").read_text())
    except OSError:
        return ""
    return f", {supervisord.of_scope(found[1])}" if found else ""


def servers(files: Path) -> list[ServerObservation]:
    """Return the servers that a release's environment file names by a URL, and whether they listen."""
    text = files.read_text(errors="replace") if files.exists() else ""
    found = []
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if place := address(value.strip().strip("\"'")):
            found.append(_server(name.strip(), *place))
    return found


def address(url: str) -> tuple[str, int] | None:
    """Return host and port of a database's URL, never more of it; a path is a socket's. None: it is no such URL."""
    scheme = url.partition("://")[0].partition("+")[0]
    if "://" not in url or scheme not in PORTS:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname or parse_qs(parts.query).get("host", [""])[0]
        port = parts.port or PORTS[scheme]
    except ValueError:
        return None
    host = unquote(host)
    if host.startswith("/"):
        return (f"{host}/.s.PGSQL.{port}", 0)
    return (host, port) if host else (SOCKETS.get(scheme, ""), 0) if scheme in SOCKETS else ("localhost", port)


def _server(variable: str, host: str, port: int) -> ServerObservation:
    place, problem = f"{host}:{port}" if port else host, ""
    try:
        if port:
            socket.create_connection((host, port), WAIT_SECONDS).close()
        else:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(WAIT_SECONDS)
                connection.connect(host)
    except TimeoutError:
        problem = "no answer"
    except OSError as error:
        problem = error.strerror or str(error)
    return {"variable": variable, "place": place, "problem": problem}
