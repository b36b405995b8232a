"""A user's additions to the firewall, `"5432/tcp from 10.0.0.0/8"`, and the rules of nftables that it becomes. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from homeport.settings.ranges import Network, address_range

FORM = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?/(tcp|udp)(?:\s+from\s+(\S.*))?")
# What is given up: a port (`ip`: a protocol's number), or a program that listens.
CLOSING = re.compile(r"(\d{1,5})/(tcp|udp|ip)|[A-Za-z][A-Za-z0-9_.+@:-]{0,62}")
HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Opening:
    """A port, or a range of them ("8000-8010"), that is open; to `networks` alone when there are any."""

    ports: str
    protocol: str
    networks: tuple[Network, ...] = ()


def opening(text: str) -> Opening:
    """Return what `PORT[-PORT]/tcp|udp [from NETWORK …]` says; raise ValueError, without the text, when it is none."""
    parts = FORM.fullmatch(text.strip())
    if parts is None:
        raise ValueError('is not a valid opening; write it as "5432/tcp", or "5432/tcp from 10.0.0.0/8 fd00::/8"')
    first, last = int(parts[1]), int(parts[2] or parts[1])
    if not 1 <= first <= last <= HIGHEST_PORT:
        raise ValueError(f"must have ports from 1 to {HIGHEST_PORT}, the lower one first")
    try:
        networks = tuple(address_range(word, strict=False) for word in (parts[4] or "").split())
    except ValueError:
        raise ValueError("has an invalid network; write it as 10.0.0.0/8 or fd00::/8") from None
    return Opening(f"{first}" if first == last else f"{first}-{last}", parts[3], networks)


def check_openings(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the openings as they were written; raise ValueError for one that is none."""
    for number, value in enumerate(values, 1):
        try:
            opening(value)
        except ValueError as error:
            raise ValueError(f"item {number} {error}") from None
    return values


def check_closings(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is given up, as it was written; raise ValueError for what is neither a port nor a program's name."""
    for number, value in enumerate(values, 1):
        parts = CLOSING.fullmatch(value)
        if parts is None or (parts[1] and not 1 <= int(parts[1]) <= HIGHEST_PORT):
            raise ValueError(f'item {number} is neither a port, as "9100/tcp", nor the name of a program')
    return values


def rules(openings: Iterable[str]) -> tuple[str, ...]:
    """Return the rules of nftables for these openings, one a line, as they stand in a chain."""
    return tuple(rule for text in openings for rule in _rules(opening(text)))


def _rules(one: Opening) -> list[str]:
    port = f"{one.protocol} dport {one.ports} accept"
    if not one.networks:
        return [port]
    ip4 = ipaddress.collapse_addresses(net for net in one.networks if isinstance(net, ipaddress.IPv4Network))
    ip6 = ipaddress.collapse_addresses(net for net in one.networks if isinstance(net, ipaddress.IPv6Network))
    return [f"{match} {port}" for family, nets in (("ip", ip4), ("ip6", ip6)) if (match := _sources(family, nets))]


def _sources(family: str, networks: Iterable[Network]) -> str:
    """Return the match for these networks; "" for none. nftables takes no network that is everything."""
    found = list(networks)
    if any(network.prefixlen == 0 for network in found):
        return f"meta nfproto {'ipv4' if family == 'ip' else 'ipv6'}"
    return f"{family} saddr {{ {', '.join(map(str, found))} }}" if found else ""
