"""A proxy that hands on connections (CONNECT), as companies have one; it notes what it was asked for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

BLOCK = 64 * 1024


@dataclass
class Forwarder:
    """Where it listens, the addresses of names that this computer does not know, and the targets it was asked for."""

    address: str
    port: int
    names: Mapping[str, str]
    asked: list[str] = field(default_factory=list)


@contextmanager
def forwarder(address: str, names: Mapping[str, str]) -> Iterator[Forwarder]:
    """Have one listen at this address while the block runs; what it hands on ends with it."""
    with socket.create_server((address, 0)) as listener:
        one = Forwarder(address, listener.getsockname()[1], names)
        threading.Thread(target=_serve, args=(listener, one), daemon=True).start()
        yield one
        # Wakes who waits in accept.
        listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, one: Forwarder) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_hand_on, args=(client, one), daemon=True).start()


def _hand_on(client: socket.socket, one: Forwarder) -> None:
    with suppress(OSError, ValueError), client:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(BLOCK)
        method, target, _ = head.decode().split(" ", 2)
        if method != "CONNECT":
            client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        one.asked.append(target)
        name, _, port = target.rpartition(":")
        with socket.create_connection((one.names.get(name, name), int(port))) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(BLOCK):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
