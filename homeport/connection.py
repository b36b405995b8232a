"""What homeport asks of pyinfra's connection to a host."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyinfra.api import Host


def disable_nagle(host: Host) -> None:
    """Send small packets at once: paramiko leaves Nagle's algorithm on, which costs a round trip a command."""
    transport = getattr(getattr(host.connector, "client", None), "get_transport", lambda: None)()
    connection = getattr(transport, "sock", None)
    # A proxied connection (ssh_config's ProxyCommand, ProxyJump) has no TCP socket of its own.
    if isinstance(connection, socket.socket) and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def login_is_root(host: Host) -> bool:
    """Tell whether the connection logs in as root, so that no sudo is needed (bare machines often have none)."""
    return bool(host.data.get("ssh_user") == "root")
