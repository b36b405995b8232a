"""What homeport asks of pyinfra's connection to a host."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING, Any, Protocol

from pyinfra.connectors.local import LocalConnector
from pyinfra.connectors.util import make_unix_command_for_host

if TYPE_CHECKING:
    from pyinfra.api import Host, StringCommand


class Channel(Protocol):
    """A command that runs on a host beside the phases, with its input open."""

    @property
    def ended(self) -> bool:
        """Tell whether the command has ended, or the connection has."""

    def read_line(self) -> str:
        """Return the next line of its output, "" at the end."""

    def send(self, data: bytes) -> None:
        """Write to its input; raise OSError when nobody reads there any more."""


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


def open_channel(host: Host, command: StringCommand, *, sudo: bool) -> Channel | None:
    """Start `command` on `host`, on the connection that is open; None for a connector that has no such thing."""
    if not isinstance(host.connector, LocalConnector) and _transport(host) is None:
        return None
    line = make_unix_command_for_host(host.state, host, command, _sudo=sudo).get_raw_value()
    if isinstance(host.connector, LocalConnector):
        return _LocalChannel(line)
    return _SshChannel(_transport(host), line)


class _SshChannel:
    """A session of its own on a paramiko transport."""

    def __init__(self, transport: Any, line: str):
        self._session = transport.open_session()
        self._session.set_combine_stderr(True)
        self._session.exec_command(line)
        self._output = self._session.makefile("r")

    @property
    def ended(self) -> bool:
        return bool(self._session.closed or self._session.exit_status_ready())

    def read_line(self) -> str:
        return str(self._output.readline())

    def send(self, data: bytes) -> None:
        self._session.sendall(data)


class _LocalChannel:
    """A process on this machine."""

    def __init__(self, line: str):
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def read_line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        return self._process.stdout.readline().decode("utf-8", "replace")

    def send(self, data: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        self._process.stdin.write(data)
        self._process.stdin.flush()
