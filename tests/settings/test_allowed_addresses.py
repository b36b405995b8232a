from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.settings.ranges import address_ranges
from homeport.settings.sandbox import allowed_addresses

RANGES = [ip_network(one) for one in allowed_addresses("any")]


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_any_is_every_address_but_multicast_and_reserved_ones(address: object) -> None:
    one = ip_address(str(address))
    reserved = one in ip_network("240.0.0.0/4")
    assert any(one in network for network in RANGES) != (one.is_multicast or reserved)


def test_named_ranges_come_beside_the_machine_itself() -> None:
    assert allowed_addresses("local") == ("localhost",)
    assert allowed_addresses(("10.0.0.0/8",)) == ("localhost", "10.0.0.0/8")


def test_an_address_is_a_range_of_one() -> None:
    assert address_ranges(("192.0.2.1", "2001:db8::/32")) == ("192.0.2.1/32", "2001:db8::/32")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "any",
        "10.0.0.0/8\nUser=root",
        "fe80::1%eth0",
        "fe80::%\nUser=root\n/64",
    ],
)
def test_an_address_range_that_is_none_is_named_by_its_position(text: str) -> None:
    with pytest.raises(ValueError, match="item 2 is not an address"):
        address_ranges(("10.0.0.0/8", text))
