"""Who listens on a machine: the one parser of `ss`, for a deploy's snapshot and the doctor. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# Without a heading, all that listens: TCP, UDP and raw sockets, with numbers for names, and who has them.
COMMAND = ("ss", "-Hlntupw")
# Netid State Recv-Q Send-Q Local:Port Peer:Port users:(("NAME",pid=…,fd=…),…): ss(8).
LINE = re.compile(r"(\S+) +\S+ +\S+ +\S+ +(\S*):(\d+) +\S+ *(.*)")
HOLDER = re.compile(r'\("([^"]*)",pid=\d+')


class Listening(NamedTuple):
    """A socket that takes what comes unasked.

    `kind` is tcp, udp, or `???` for a raw one, whose port is a protocol's number; `programs` are the names of those
    that have it, as far as the kernel tells (15 characters).
    """

    kind: str
    address: str
    port: int
    programs: tuple[str, ...]


def parse(lines: Iterable[str]) -> Iterator[Listening]:
    """Yield what listens, of the lines of `ss`; lines that are none of its are passed over."""
    for line in lines:
        if found := LINE.match(line):
            kind, address, port, users = found.groups()
            yield Listening(kind, address, int(port), tuple(dict.fromkeys(HOLDER.findall(users))))
