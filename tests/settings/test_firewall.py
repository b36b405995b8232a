from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.settings.firewall import check_closings, opening, rules

PORTS = st.integers(min_value=1, max_value=65535)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("5432/tcp", ["tcp dport 5432 accept"]),
        (" 8000-8010/udp ", ["udp dport 8000-8010 accept"]),
        ("5432/tcp from 10.0.0.0/8", ["ip saddr { 10.0.0.0/8 } tcp dport 5432 accept"]),
        ("5432/tcp from 192.0.2.7", ["ip saddr { 192.0.2.7/32 } tcp dport 5432 accept"]),
        (
            "53/udp from fd00::/8 192.0.2.0/24",
            ["ip saddr { 192.0.2.0/24 } udp dport 53 accept", "ip6 saddr { fd00::/8 } udp dport 53 accept"],
        ),
        # nftables refuses overlapping networks in a set, and one that is everything.
        ("1/tcp from 10.0.0.0/8 10.1.0.0/16", ["ip saddr { 10.0.0.0/8 } tcp dport 1 accept"]),
        ("1/tcp from 0.0.0.0/0 ::/0", ["meta nfproto ipv4 tcp dport 1 accept", "meta nfproto ipv6 tcp dport 1 accept"]),
    ],
)
def test_an_opening_becomes_rules(text: str, wanted: list[str]) -> None:
    assert list(rules([text])) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5432",
        "5432/tcp from fe80::1%}accept",
        "tcp/5432",
        "0/tcp",
        "65536/tcp",
        "20-10/tcp",
        "22/sctp",
        "22/tcp from",
        "22/tcp from home",
        "22/tcp; x",
    ],
)
def test_a_firewall_opening_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"opening|ports|network"):
        opening(text)


@given(PORTS, PORTS, st.sampled_from(["tcp", "udp"]), st.lists(st.ip_addresses(), max_size=4))
def test_an_opening_says_what_was_written(
    one: int, other: int, protocol: str, sources: list[ipaddress.IPv4Address | ipaddress.IPv6Address]
) -> None:
    first, last = sorted((one, other))
    origin = f" from {' '.join(map(str, sources))}" if sources else ""
    [*lines] = rules([f"{first}-{last}/{protocol}{origin}"])
    port = str(first) if first == last else f"{first}-{last}"
    assert all(line.endswith(f"{protocol} dport {port} accept") for line in lines)
    assert len(lines) == max(len({address.version for address in sources}), 1)


@pytest.mark.parametrize("text", ["9100/tcp", "51820/udp", "112/ip", "node_exporter", "rpc.statd"])
def test_a_port_or_a_program_can_be_given_up(text: str) -> None:
    assert check_closings((text,)) == (text,)


@pytest.mark.parametrize(
    "text", ["", "9100", "0/tcp", "65536/udp", "9100/sctp", "two words", "9100/tcp from 10.0.0.0/8"]
)
def test_a_closing_that_is_neither_port_nor_program_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="item 2 is neither"):
        check_closings(("22/tcp", text))
