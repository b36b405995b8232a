"""A load balancer that speaks the PROXY protocol, on this computer: it puts a preamble before a connection.

The protocol: https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt. curl sends one too, but with its own address.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

V2_MARK = b"\r\n\r\n\0\r\nQUIT\n"
SOURCE_PORT, PORT = 40000, 443


def version_1(client: str) -> bytes:
    """Return the preamble that a person can read."""
    family, there = ("TCP6", "::1") if ":" in client else ("TCP4", "192.0.2.1")
    return f"PROXY {family} {client} {there} {SOURCE_PORT} {PORT}\r\n".encode()


def version_2(client: str) -> bytes:
    """Return the binary preamble; without a client that of a load balancer's own check (LOCAL)."""
    if not client:
        return V2_MARK + bytes([0x20, 0, 0, 0])
    there = "::1" if ":" in client else "192.0.2.1"
    places = b"".join(ipaddress.ip_address(one).packed for one in (client, there))
    places += struct.pack("!HH", SOURCE_PORT, PORT)
    return V2_MARK + bytes([0x21, 0x21 if ":" in client else 0x11]) + struct.pack("!H", len(places)) + places


@contextmanager
def balancer(target: tuple[str, int], preamble: bytes, source: str = "") -> Iterator[int]:
    """Bring connections to `target`, from the address `source`, with this before each; yield the port to connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, target, preamble, source), daemon=True).start()
        yield int(listener.getsockname()[1])


def _serve(listener: socket.socket, target: tuple[str, int], preamble: bytes, source: str) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # the test is over
            return
        try:
            server = socket.create_connection(target, source_address=(source, 0) if source else None)
            server.sendall(preamble)
        except OSError:
            client.close()
            continue
        for pair in ((client, server), (server, client)):
            threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
