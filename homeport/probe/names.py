"""Asks the host's own name servers for a name, past /etc/hosts, where a machine often stands under its own name.

The messages are those of RFC 1035, section 4, over UDP.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from pathlib import Path

from .observations import NameObservation

RESOLVER = Path("/etc/resolv.conf")
# As the C library's resolver has it by default: resolv.conf(5).
MOST_SERVERS = 3
WAIT_SECONDS = 2.0
PORT = 53
A, AAAA, IN = 1, 28, 1
RECURSION = 0x0100
CODES = {0: "", 2: "the name server has failed (SERVFAIL)", 3: "there is no such name (NXDOMAIN)"}
HEADER = struct.Struct("!6H")
RECORD = struct.Struct("!HHIH")


def lookup(name: str) -> NameObservation:
    """Return the addresses of a name, of both families, as the name servers of this host have them."""
    servers = nameservers(RESOLVER.read_text() if RESOLVER.exists() else "")
    if not servers:
        return {"name": name, "addresses": [], "problem": "no name server is set in /etc/resolv.conf"}
    problem = ""
    for server in servers:
        try:
            found, problem = _both(server, name)
        except (OSError, ValueError) as error:
            problem = f"the name server {server} does not answer ({error})"
            continue
        return {"name": name, "addresses": found, "problem": problem}
    return {"name": name, "addresses": [], "problem": problem}


def _both(server: str, name: str) -> tuple[list[str], str]:
    """Return the addresses of both families, else why there is none.

    Some name servers say of a name with addresses of one family that it does not exist when asked for the other.
    """
    found, problem = [], "the name has no address"
    for kind in (A, AAAA):
        try:
            found += _ask(server, name, kind)
        except LookupError as error:
            problem = str(error)
    return found, "" if found else problem


def nameservers(text: str) -> list[str]:
    """Return the name servers of a resolv.conf."""
    rows = [line.split() for line in text.splitlines()]
    return [row[1] for row in rows if len(row) > 1 and row[0] == "nameserver"][:MOST_SERVERS]


def _ask(server: str, name: str, kind: int) -> list[str]:
    """Return the addresses of one family; raise LookupError when the server knows of none, OSError when it is mute."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    number = int.from_bytes(os.urandom(2), "big")
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        connection.settimeout(WAIT_SECONDS)
        connection.connect((server, PORT))
        connection.send(question(number, name, kind))
        return answer(connection.recv(4096), number, kind)


def question(number: int, name: str, kind: int) -> bytes:
    """Return the query for the addresses of `name`."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return HEADER.pack(number, RECURSION, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, IN)


def answer(message: bytes, number: int, kind: int) -> list[str]:
    """Return the addresses in an answer; raise LookupError with what it says instead, ValueError for a damaged one."""
    try:
        its, flags, questions, answers, _, _ = HEADER.unpack_from(message)
        if its != number:
            raise ValueError("the answer belongs to another question")
        if code := flags & 0xF:
            raise LookupError(CODES.get(code, f"the name server refuses to answer (code {code})"))
        place = HEADER.size
        for _ in range(questions):
            place = _after_name(message, place) + 4
        found = []
        for _ in range(answers):
            place = _after_name(message, place)
            its_kind, _, _, length = RECORD.unpack_from(message, place)
            place += RECORD.size
            if its_kind == kind:
                found.append(str(ipaddress.ip_address(message[place : place + length])))
            place += length
    except (struct.error, IndexError) as error:
        raise ValueError("the answer is damaged") from error
    return found


def _after_name(message: bytes, place: int) -> int:
    while length := message[place]:
        if length >= 0xC0:  # the rest stands elsewhere in the message
            return place + 2
        place += length + 1
    return place + 1
