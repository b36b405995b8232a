"""Which addresses an application may talk to, as systemd's IPAddressAllow= has it beside `IPAddressDeny=any`. Pure."""

from __future__ import annotations

from collections.abc import Iterable

LOCAL = "localhost"
# All addresses but the multicast and the reserved ones (RFC 5771, RFC 1112; RFC 4291, 2.7).
ANYWHERE = (
    "0.0.0.0/1",
    "128.0.0.0/2",
    "192.0.0.0/3",
    "::/1",
    "8000::/2",
    "c000::/3",
    "e000::/4",
    "f000::/5",
    "f800::/6",
    "fc00::/7",
    "fe00::/8",
)


def allowed_addresses(network: str | Iterable[str]) -> tuple[str, ...]:
    """Return what an application may reach: "any" address, "local" ones alone, or those and the ranges named."""
    if network == "any":
        return ANYWHERE
    return (LOCAL,) if isinstance(network, str) else (LOCAL, *network)
