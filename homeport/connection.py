"""What homeport asks of pyinfra's connection to a host."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyinfra.api import Host


def disable_nagle(host: Host) -> None:
    """Send small packets at once: paramiko leaves Nagle's algorithm on, which costs a round trip a command."""
    connection = getattr(_transport(host), "sock", None)
    # A proxied connection (ssh_config's ProxyCommand, ProxyJump) has no TCP socket of its own.
    if isinstance(connection, socket.socket) and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def login_is_root(host: Host) -> bool:
    """Tell whether the connection is logged in as root, so that no sudo is needed (a bare machine often has none)."""
    transport = _transport(host)
    return transport is not None and transport.get_username() == "root"


def _transport(host: Host) -> Any:
    """Return paramiko's transport; None for a connector that is not SSH."""
    client = getattr(host.connector, "client", None)
    return client.get_transport() if client is not None else None
