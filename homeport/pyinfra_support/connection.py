"""What homeport asks of pyinfra's connection to a host."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from paramiko.ssh_exception import SSHException
from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors.local import LocalConnector
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.util import make_unix_command_for_host
from pyinfra.context import ctx_config

from homeport.errors import HomeportError, in_one_line
from homeport.pyinfra_support.answers import explain_failure, guarded

if TYPE_CHECKING:
    from pyinfra.api import Host, StringCommand


# One packet may be lost on the way; two attempts at pyinfra's 10 s stay within the shortest lockout_timeout_seconds.
ATTEMPTS = 2
# A host that restarts its network, or a laptop that changes its own, is back by then.
KEEPALIVE_SECONDS, GONE_SECONDS = 15, 90
RETRY_SECONDS = 2.0


class Channel(Protocol):
    """A command that runs on a host beside the phases, with its input open."""

    @property
    def ended(self) -> bool:
        """Tell whether the command has ended, or the connection has."""

    @property
    def status(self) -> int:
        """Wait for its exit status and return it; -1 when it has none, as when the connection broke."""

    def read_line(self) -> str:
        """Return the next line of its output, "" at the end."""

    def send(self, data: bytes) -> None:
        """Write to its input; raise OSError when nobody reads there any more."""


def tune(host: Host) -> None:
    """Send small packets at once, and notice a host that is gone.

    paramiko leaves Nagle's algorithm on, which costs a round trip a command. A machine that froze, or lost its power,
    ends nothing: without questions of ours, and an end to the wait for answers, a run would wait for it for ever.
    """
    way = transport(host)
    connection = getattr(way, "sock", None)
    # A proxied connection (ssh_config's ProxyCommand, ProxyJump) has no TCP socket of its own.
    if isinstance(connection, socket.socket) and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        way.set_keepalive(KEEPALIVE_SECONDS)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_SECONDS * 1000)


def is_lost(host: Host) -> bool:
    """Tell whether the connection that there was to the host has ended by itself."""
    way = transport(host)
    return way is not None and not way.is_active()


def login_is_root(host: Host) -> bool:
    """Tell whether the connection is logged in as root, so that no sudo is needed (a bare machine often has none)."""
    way = transport(host)
    return way is not None and way.get_username() == "root"


def rights(host: Host, *, sudo: bool | None = None) -> dict[str, Any]:
    """Return pyinfra's arguments for a command as root: sudo unless the login is root, with the password that it takes.

    By itself pyinfra adds what host data (`_sudo_password`) and its command line say to operations and facts alone.
    """
    if sudo is False or (sudo is None and login_is_root(host)):
        return {"_sudo": False}
    config = ctx_config.get() if ctx_config.isset() else host.state.config
    password = host.data.get("_sudo_password") or config.SUDO_PASSWORD
    return {"_sudo": True, **({"_sudo_password": password} if password else {})}


def peer_address(host: Host) -> str:
    """Return the address that the connection leads to; "" where that is not the host's (a proxy) or not known."""
    connection = getattr(transport(host), "sock", None)
    if isinstance(connection, socket.socket) and connection.family in (socket.AF_INET, socket.AF_INET6):
        return str(connection.getpeername()[0])
    return ""


def transport(host: Host) -> Any:
    """Return paramiko's transport; None for a connector that is not SSH."""
    client = getattr(host.connector, "client", None)
    return client.get_transport() if client is not None else None


def has_channels(host: Host) -> bool:
    """Tell whether the connector can run a command beside another."""
    return isinstance(host.connector, LocalConnector) or transport(host) is not None


def open_channel(host: Host, command: StringCommand, *, sudo: bool) -> Channel | None:
    """Start `command` on `host`, on the connection that is open; None for a connector that has no such thing."""
    if not has_channels(host):
        return None
    line = as_root(host, command, sudo=sudo)
    if isinstance(host.connector, LocalConnector):
        return _LocalChannel(line)
    return _SshChannel(transport(host), line)


def as_root(host: Host, command: StringCommand, *, sudo: bool | None = None) -> str:
    """Return the line for the login's shell that runs `command` as root. It may hold a password: never show it."""
    given = rights(host, sudo=sudo)
    line = str(make_unix_command_for_host(host.state, host, command, **given).get_raw_value())
    # A shell that stayed would show its line, and what it gives to sudo, to whoever lists processes. A restricted one
    # (rbash) lets nobody take its place.
    return guarded(f"exec {line}" if "_sudo_password" in given else line)


class _SshChannel:
    """A session of its own on a paramiko transport."""

    def __init__(self, transport: Any, line: str):
        self._session = transport.open_session()
        self._session.set_combine_stderr(True)
        self._session.exec_command(line)
        self._output = self._session.makefile("rb")

    @property
    def ended(self) -> bool:
        return bool(self._session.closed or self._session.exit_status_ready())

    @property
    def status(self) -> int:
        return int(self._session.recv_exit_status())

    def read_line(self) -> str:
        return bytes(self._output.readline()).decode("utf-8", "replace")

    def send(self, data: bytes) -> None:
        try:
            self._session.sendall(data)
        except (EOFError, SSHException) as error:
            # The exceptions of paramiko, besides OSError, when the connection breaks at that moment.
            raise BrokenPipeError(f"the connection broke ({in_one_line(error)})") from error


class _LocalChannel:
    """A process on this machine."""

    def __init__(self, line: str):
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def status(self) -> int:
        return self._process.wait()

    def read_line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        return self._process.stdout.readline().decode("utf-8", "replace")

    def send(self, data: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        self._process.stdin.write(data)
        self._process.stdin.flush()


def run_in_new_connection(host: Host, command: StringCommand, **arguments: Any) -> None:
    """Run `command` over a new connection to `host`, made as pyinfra makes its own, and closed again.

    Raises HomeportError when the connection or the command fails. A connector other than SSH cannot be locked out, so
    its own connection is used there.
    """
    with _connection(host) as connector:
        status, output = connector.run_shell_command(command, print_output=False, print_input=False, **arguments)
    if not status:
        # Its connector tells no more of the status.
        problem, fix = explain_failure(1, output.stderr_lines, output.stdout_lines)
        raise HomeportError(problem, fix=fix)


@contextmanager
def _connection(host: Host) -> Iterator[Any]:
    if not isinstance(host.connector, SSHConnector):
        yield host.connector
        return
    connector = SSHConnector(host.state, host)
    _connect(connector)
    try:
        yield connector
    finally:
        if connector.client is not None:
            connector.client.close()


def _connect(connector: SSHConnector) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            connector.connect()
            return
        except ConnectError as error:
            if attempt == ATTEMPTS:
                raise HomeportError(str(error)) from error
            time.sleep(RETRY_SECONDS)
