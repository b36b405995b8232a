"""Load balancers that say whose a connection is (the PROXY protocol): `"8443 from 10.0.0.0/24"`. Pure.

The protocol is of a port as a whole: each connection there begins with it. So they have a port of their own, and who
comes to 443, the machine itself among them, goes on without it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from homeport.settings.ranges import trusted_ranges

FORM = re.compile(r"(\d{1,5})\s+from\s+(\S.*)")
TAKEN = (80, 443)
HIGHEST_PORT = 65535


class Balancers(NamedTuple):
    """The port for connections that load balancers bring, and the addresses and ranges that these have."""

    port: int
    networks: tuple[str, ...]

    @property
    def opening(self) -> str:
        """Return what the firewall opens for them."""
        return f"{self.port}/tcp from {' '.join(self.networks)}"


def balancers(text: str) -> Balancers:
    """Return what `PORT from ADDRESS …` says; raise ValueError, without the text, when it says nothing."""
    parts = FORM.fullmatch(text.strip())
    if parts is None or not 1 <= int(parts[1]) <= HIGHEST_PORT:
        raise ValueError('must be a port and addresses: "8443 from 10.0.0.0/24 2001:db8::/64"')
    if int(parts[1]) in TAKEN:
        raise ValueError(f"must not be port {parts[1]}, which visitors without a load balancer have: use 8443, say")
    return Balancers(int(parts[1]), trusted_ranges(tuple(parts[2].split())))


def check_balancers(value: str | None) -> str | None:
    """Return the text with its addresses in their shortest form; raise ValueError as `balancers` does."""
    if value is None:
        return None
    found = balancers(value)
    return f"{found.port} from {' '.join(found.networks)}"


def two_sources(proxy: str, proxy_protocol: str | None, trusted_proxies: Collection[str]) -> str:
    """Return why the visitor's address cannot come by both; "" when it need not."""
    if proxy == "nginx" and proxy_protocol and trusted_proxies:
        return (
            "Nginx takes a visitor's address from X-Forwarded-For or by the PROXY protocol, never from both on one "
            'site: leave out trusted_proxies or proxy_protocol, or set proxy = "haproxy"'
        )
    return ""
