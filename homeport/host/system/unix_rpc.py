"""XML-RPC over a Unix socket, as supervisord speaks it."""

from __future__ import annotations

import socket

READ_BYTES = 65536


class FaultError(Exception):
    """A call was answered with a no: `code` is which one."""

    def __init__(self, code: int, words: str):
        super().__init__(words)
        self.code = code


def call(place: str, method: str, *arguments: object) -> object:
    """Call a method at the socket `place` and return its answer; raise FaultError for a no, OSError for none."""
    # Loaded by what asks: it takes longer than all else here (host/services/health.py).
    import xmlrpc.client

    text = xmlrpc.client.dumps(arguments, method, allow_none=True).encode()  # type: ignore[arg-type]
    head = f"POST /RPC2 HTTP/1.0\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: {len(text)}\r\n\r\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(place)
        connection.sendall(head.encode() + text)
        answer = b"".join(iter(lambda: connection.recv(READ_BYTES), b""))
    first, _, body = answer.partition(b"\r\n\r\n")
    status = first.partition(b"\r\n")[0].partition(b" ")[2].decode(errors="replace")
    if not status.startswith("200"):
        raise OSError(f"it answers {status!r}")
    try:
        return xmlrpc.client.loads(body.decode())[0][0]
    except xmlrpc.client.Fault as fault:
        raise FaultError(fault.faultCode, fault.faultString) from None
