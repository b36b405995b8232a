"""The listening sockets of a host, and what the firewall accepts for them. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

LOOPBACK = ("127.", "[::1]", "[::ffff:127.")


@dataclass(frozen=True)
class Listener:
    """A socket that takes what comes unasked: its protocol (tcp, udp; ip for a raw one, whose port is the protocol's
    number), the address that it is bound to, and the process that has it ("": the kernel, or nobody knows).
    """

    protocol: str
    port: int
    address: str
    process: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether only the machine itself can reach it."""
        return self.address.startswith(LOOPBACK) or self.address.endswith("%lo")

    @property
    def name(self) -> str:
        """Return the port as settings have it: `5432/tcp`."""
        return f"{self.port}/{self.protocol}"


@dataclass(frozen=True)
class OpenPorts:
    """Ports from `first` to `last` that the firewall lets in, to whomever."""

    protocol: str
    first: int
    last: int

    def takes(self, listener: Listener) -> bool:
        """Tell whether a listener is behind one of them."""
        return self.protocol == listener.protocol and self.first <= listener.port <= self.last


def open_ports(protocol: str, ports: str) -> OpenPorts:
    """Return the opening of `80` or of `8000-8010`."""
    first, _, last = ports.partition("-")
    return OpenPorts(protocol, int(first), int(last or first))
