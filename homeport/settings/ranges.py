"""Ranges of addresses in settings, as programs' configurations may have them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network
# Larger than any network of one operator: who trusts so many addresses believes strangers. fc00::/7 is the largest of
# the private ones (RFC 4193), 10.0.0.0/8 likewise (RFC 1918).
LARGEST_TRUSTED = {4: 8, 6: 7}


def address_range(text: str, *, strict: bool = True) -> Network:
    """Return the range that `text` is; raise ValueError for what is none.

    Python takes an address with a zone ("fe80::1%eth0"), and anything at all for the zone's name: no program's
    configuration may have that.
    """
    if "%" in text:
        raise ValueError("has a zone")
    return ip_network(text, strict=strict)


def address_ranges(value: Iterable[str]) -> tuple[str, ...]:
    """Return the ranges in their shortest form; raise ValueError for what is no address or range."""
    found = []
    for number, text in enumerate(value, 1):
        try:
            found.append(str(address_range(text)))
        except ValueError:
            raise ValueError(
                f"item {number} is not an address or a range of addresses (10.0.0.0/8, 2001:db8::1)"
            ) from None
    return tuple(found)


def visitor_ranges(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return ranges of visitors, each once; raise ValueError likewise, and for one that is every address."""
    found = address_ranges(value)
    for number, text in enumerate(found, 1):
        if not ip_network(text).prefixlen:
            raise ValueError(f"item {number} is every address there is; leave the setting out for that")
    return tuple(dict.fromkeys(found))


def trusted_ranges(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return ranges of proxies, each once; raise ValueError likewise, and for one that no operator has for itself."""
    found = address_ranges(value)
    for number, text in enumerate(found, 1):
        network = ip_network(text)
        least = LARGEST_TRUSTED[network.version]
        if network.prefixlen < least:
            raise ValueError(
                f"item {number} is larger than /{least}: strangers in it could say that they are anybody; name the "
                "ranges of your CDN or load balancer alone"
            )
    return tuple(dict.fromkeys(found))
