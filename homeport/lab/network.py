"""The lab's network as data: one private /24 (and an IPv6 /64) per lab, who has which address in it, and how one is
chosen.

Pure. `bridge.py` makes it real.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from homeport.errors import LabError
from homeport.lab import names
from homeport.lab.model import DOMAIN

GATEWAY_NUMBER = 1
NUMBERED_FIRST = 10  # web1 has .11, web200 has .210
NUMBERED_HOSTS = 200
NAMED_NUMBERS = range(211, 251)
CACHE_PORT = 3142
ACME_PORT = 14000
ACME_MANAGEMENT_PORT = 15000


@dataclass(frozen=True)
class Network:
    """A lab's network. `third` is the third number of its addresses, 10.213.THIRD.0/24.

    Where no bridge can be made, `loopback` then means that the forwarded ports of hosts are on 127.213.THIRD.0/24.
    """

    lab: str
    third: int
    loopback: bool = False

    @classmethod
    def without_bridge(cls, lab: str) -> Network:
        """Return a lab's network where nothing can be made: forwarded ports on the loopback device."""
        return cls(lab, int(lab, 16) % 256, loopback=True)

    @property
    def subnet(self) -> str:
        """Return the IPv4 network, as `10.213.7.0/24`."""
        return f"{self.address(0)}/24"

    @property
    def dns_port(self) -> int:
        """Return the UDP and TCP port of the lab's name server."""
        return 8053 if self.loopback else 53

    @property
    def ssh_port(self) -> int:
        """Return the port at which a host's sshd is reached from the developer's machine."""
        return 2222 if self.loopback else 22

    @property
    def http_port(self) -> int:
        """Return the port at which the ACME server looks for http-01 answers: where a host's port 80 is to be found."""
        return 8080 if self.loopback else 80

    @property
    def bridge(self) -> str:
        """Return the name of the bridge to which every host's interface is attached."""
        return names.bridge(self.lab)

    @property
    def gateway(self) -> str:
        """Return the bridge's own address: the hosts' default route, name server, package cache and ACME server.

        Without a bridge that is 127.0.0.1, since QEMU's own network leads a machine nowhere else on this computer.
        """
        return "127.0.0.1" if self.loopback else self.address(GATEWAY_NUMBER)

    @property
    def gateway6(self) -> str:
        """Return the bridge's own IPv6 address."""
        return self.address6(GATEWAY_NUMBER)

    @property
    def https_port(self) -> int:
        """Return the port at which a host's port 443 is reached from the developer's machine."""
        return 8443 if self.loopback else 443

    @property
    def acme_directory(self) -> str:
        """Return the URL of the lab's ACME server."""
        return f"https://acme.{DOMAIN}:{ACME_PORT}/dir"

    def address(self, number: int) -> str:
        """Return the IPv4 address with this last number."""
        return f"{127 if self.loopback else 10}.213.{self.third}.{number}"

    def address6(self, number: int) -> str:
        """Return the unique local IPv6 address that goes with the IPv4 address of this last number."""
        return f"fd13:{int(self.lab[:4], 16):x}:{int(self.lab[4:], 16):x}::{number:x}"

    def number(self, address: str) -> int:
        """Return an address's last number."""
        return int(address.rpartition(".")[2])

    def mac(self, number: int) -> str:
        """Return a fixed, locally administered hardware address for the interface with this number."""
        return f"02:13:{self.lab[:2]}:{self.lab[2:4]}:{self.lab[4:]}:{number:02x}"

    def free_address(self, name: str, taken: Collection[str]) -> str:
        """Return the address for a new host: webN has its fixed one, any other name gets one that is not taken."""
        number = names.host_number(name)
        if number is not None and number <= NUMBERED_HOSTS:
            return self.address(NUMBERED_FIRST + number)
        for candidate in map(self.address, NAMED_NUMBERS):
            if candidate not in taken:
                return candidate
        raise LabError(f"the lab is full: no address is left for '{name}'", fix="remove a host")


def choose_third(lab: str, used: Iterable[str], preferred: int | None = None) -> int:
    """Return the third number of a /24 that overlaps with none of the networks in use (as `10.0.0.0/8`)."""
    networks = [ipaddress.IPv4Network(one, strict=False) for one in used if ":" not in one]
    first = int(lab, 16) % 256 if preferred is None else preferred
    for third in sorted(range(256), key=lambda number: (number - first) % 256):
        candidate = ipaddress.IPv4Network(f"10.213.{third}.0/24")
        if not any(candidate.overlaps(one) for one in networks if one.prefixlen > 0):
            return third
    raise LabError("every network from 10.213.0.0/24 to 10.213.255.0/24 is in use on this machine")
