"""Where a host may be led to from the controller. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# RFC 6052, 2.1: where networks without IPv4 find it.
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
# All that is given out of IPv6 for the Internet (IANA, Internet Protocol Version 6 Address Space).
GLOBAL = ipaddress.IPv6Network("2000::/3")
# RFC 4291, 2.5.5.1: an IPv4 address as one of IPv6, given up; systems still take it for that.
COMPATIBLE = ipaddress.IPv6Network("::/96")


def may_reach(host: str, address: str, private: Iterable[str]) -> bool:
    """Tell whether a host may be led to `address`, which the controller has found for the name `host`.

    Everything public is open to it. Of the controller's own network, and of the controller itself, only what `private`
    names: names, addresses and ranges. Who holds the host, holds this way while it is open.
    """
    plain = _plain(ipaddress.ip_address(address.partition("%")[0]))
    if _is_public(plain):
        return True
    return any(_names(one.lower(), host.lower(), plain) for one in private)


def _is_public(address: Address) -> bool:
    """Tell whether it is one of the Internet's.

    Python counts some of IPv6 as global that are not: site-local ones (RFC 3879), a network's own NAT64 (RFC 8215).
    """
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL:
        return False
    return address.is_global and not address.is_multicast


def _plain(address: Address) -> Address:
    """Return the IPv4 address that one of IPv6 stands for, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in TRANSLATED or (address in COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _names(one: str, host: str, address: Address) -> bool:
    if one == host:
        return True
    try:
        return address in ipaddress.ip_network(one, strict=False)
    except ValueError:
        return False


def check_private(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return names, addresses and ranges; raise ValueError for anything else (a URL, a name with a port)."""
    for number, one in enumerate(value, 1):
        if (
            not one
            or any(sign in one for sign in "@*?# ")
            or "://" in one
            or (one.count(":") == 1)
            or not _may_be_range(one)
        ):
            raise ValueError(f"item {number} is not a name, an address or a range of addresses")
    return value


def _may_be_range(one: str) -> bool:
    """Tell whether what looks like a range is one; any name does not look like it."""
    try:
        return "/" not in one or bool(ipaddress.ip_network(one, strict=False))
    except ValueError:
        return False
