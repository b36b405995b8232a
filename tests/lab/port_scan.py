"""Which TCP ports of a machine can be connected to, found by connecting to all of them from outside."""

from __future__ import annotations

import contextlib
import errno
import resource
import selectors
import socket
import time
from collections.abc import Iterable

# A port of a machine on this computer answers within milliseconds; one behind the firewall never does.
PATIENCE_SECONDS = 1.0
AT_ONCE = 12000
ALL_PORTS = range(1, 65536)


def open_ports(addresses: Iterable[str], ports: Iterable[int] = ALL_PORTS) -> dict[str, set[int]]:
    """Return for each address (IPv4 or IPv6) the ports among `ports` that somebody answers at."""
    at_once = _allowed(AT_ONCE)
    wanted = [(address, port) for port in ports for address in addresses]
    found: dict[str, set[int]] = {address: set() for address in addresses}
    for start in range(0, len(wanted), at_once):
        for address, port in _answering(wanted[start : start + at_once]):
            found[address].add(port)
    return found


def connects(address: str, port: int, seconds: float = 10.0) -> bool:
    """Tell whether a connection can be opened, with patience."""
    try:
        with socket.create_connection((address, port), timeout=seconds):
            return True
    except OSError:
        return False


def _answering(wanted: list[tuple[str, int]]) -> list[tuple[str, int]]:
    selector = selectors.DefaultSelector()
    found = []
    with contextlib.ExitStack() as stack:
        for address, port in wanted:
            one = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET))
            one.setblocking(False)
            if one.connect_ex((address, port)) in (0, errno.EINPROGRESS):
                selector.register(one, selectors.EVENT_WRITE, (address, port))
        until = time.monotonic() + PATIENCE_SECONDS
        while (left := until - time.monotonic()) > 0 and selector.get_map():
            for key, _ in selector.select(left):
                selector.unregister(key.fileobj)
                assert isinstance(key.fileobj, socket.socket)
                if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    found.append(key.data)
    return found


def _allowed(count: int) -> int:
    """Return how many sockets we may have at once: `count`, if the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = 300
    if soft < count + spare:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + spare, hard), hard))
    return min(count, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - spare)
