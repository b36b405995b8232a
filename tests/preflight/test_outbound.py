from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from homeport.preflight.outbound import fetches, refusal, warnings
from homeport.settings.outbound_places import may_reach
from homeport.state.snapshot import Login
from tests.state.builders import NOW, as_wanted, bare, make_settings, make_wanted

SETTINGS = make_settings(outbound="controller")
WANTED = make_wanted(SETTINGS)


@pytest.mark.parametrize(
    ("host", "address", "private", "may"),
    [
        ("pypi.example", "151.101.0.223", (), True),
        ("pypi.example", "2a04:4e42::223", (), True),
        ("pypi.lan", "10.1.2.3", (), False),
        ("pypi.lan", "10.1.2.3", ("pypi.lan",), True),
        ("PyPI.lan", "10.1.2.3", ("pypi.LAN",), True),
        ("x.pypi.lan", "10.1.2.3", ("pypi.lan",), False),
        ("pypi.lan", "10.1.2.3", ("10.1.0.0/16",), True),
        ("pypi.lan", "10.2.2.3", ("10.1.0.0/16",), False),
        ("pypi.lan", "fd00::1", ("fd00::/8",), True),
        # A public name may have any address: what counts is where it leads.
        ("evil.example", "127.0.0.1", (), False),
        ("evil.example", "::1", (), False),
        ("evil.example", "::ffff:127.0.0.1", (), False),
        ("evil.example", "::ffff:10.0.0.1", ("10.0.0.1",), True),
        ("metadata.example", "169.254.169.254", (), False),
        ("metadata.example", "64:ff9b::a9fe:a9fe", (), False),
        ("pypi.example", "64:ff9b::9765:df", (), True),
        ("evil.example", "2002:a01:203::1", (), False),
        ("evil.example", "fe80::1%eth0", (), False),
        ("evil.example", "100.64.0.1", (), False),
        ("evil.example", "0.0.0.0", (), False),
        ("evil.example", "224.0.0.1", (), False),
        ("evil.example", "240.0.0.1", (), False),
        ("evil.example", "fec0::1", (), False),
        ("evil.example", "64:ff9b:1::a9fe:a9fe", (), False),
        ("pypi.lan", "64:ff9b:1::1", ("64:ff9b:1::/48",), True),
        ("evil.example", "::127.0.0.1", (), False),
        ("evil.example", "::a9fe:a9fe", (), False),
        ("pypi.lan", "::10.1.2.3", ("10.1.0.0/16",), True),
        ("pypi.lan", "fec0::1", ("fec0::/10",), True),
        ("evil.example", "::", (), False),
        ("evil.example", "::1.1.1.1", (), True),
        ("pypi.lan", "::1", ("::1",), True),
        ("evil.example", "4000::1", (), False),
    ],
)
def test_a_host_is_led_to_what_is_public_and_to_what_is_named(
    host: str, address: str, private: tuple[str, ...], *, may: bool
) -> None:
    assert may_reach(host, address, private) == may


@pytest.mark.parametrize(
    "value", ["https://pypi.lan", "pypi.lan:8080", "us@pypi.lan", "*.lan", "a b", "10.1.2.0/33", "a/b", "fd00::/129"]
)
def test_an_outbound_place_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="item 1 is not a name, an address or a range"):
        make_settings(outbound_private=[value])


def test_places_are_names_addresses_and_ranges() -> None:
    given = ["pypi.lan", "10.0.0.1", "10.0.0.0/8", "fd00::/8", "::1"]
    assert make_settings(outbound_private=given).outbound_private == tuple(given)


@pytest.mark.parametrize(
    ("sshd", "named"),
    [
        ({}, ""),
        ({"allowtcpforwarding": ("yes",), "permitlisten": ("any",), "disableforwarding": ("no",)}, ""),
        ({"allowtcpforwarding": ("remote",), "permitlisten": ("127.0.0.1:*",)}, ""),
        ({"permitlisten": ("8080 *:*",)}, ""),
        ({"allowtcpforwarding": ("no",)}, "AllowTcpForwarding no"),
        ({"allowtcpforwarding": ("local",)}, "AllowTcpForwarding local"),
        ({"permitlisten": ("none",)}, "PermitListen none"),
        ({"permitlisten": ("127.0.0.1:8080",)}, "PermitListen 127.0.0.1:8080"),
        ({"permitlisten": ("localhost:*",)}, "PermitListen localhost:*"),
        ({"disableforwarding": ("yes",), "allowtcpforwarding": ("yes",)}, "DisableForwarding yes"),
    ],
)
def test_an_sshd_that_forwards_nothing_is_named_with_its_setting(sshd: dict[str, tuple[str, ...]], named: str) -> None:
    found = replace(bare(), sshd=sshd, login=Login("deploy"))
    problem = refusal(SETTINGS, WANTED, found, NOW)
    assert bool(problem) == bool(named)
    if problem:
        assert f"does not let deploy forward a port, by which it would go out ({named})" in problem.line()
        first = "DisableForwarding no, " if named.startswith("Disable") else ""
        assert f"Match User deploy, {first}AllowTcpForwarding remote, PermitListen 127.0.0.1:*" in problem.line()


def test_a_forward_is_asked_of_nobody_where_nothing_is_fetched_or_the_host_goes_out_itself() -> None:
    no: dict[str, tuple[str, ...]] = {"allowtcpforwarding": ("no",)}
    assert refusal(SETTINGS, WANTED, replace(as_wanted(WANTED), sshd=no), NOW) is None
    assert refusal(make_settings(), make_wanted(), replace(bare(), sshd=no), NOW) is None


def test_what_a_deploy_fetches() -> None:
    found = as_wanted(WANTED)
    assert not fetches(WANTED, found, NOW)
    certificate = replace(found.certificate, not_before=NOW - timedelta(days=61), not_after=NOW + timedelta(days=29))  # type: ignore[type-var]
    for other in (
        replace(found, packages=frozenset()),
        replace(found, tools=""),
        replace(found, environments=frozenset()),
        replace(found, certificate=None),
        replace(found, certificate=certificate),
    ):
        assert fetches(WANTED, other, NOW)
    assert not fetches(WANTED, replace(found, releases=frozenset(), live_slot=""), NOW)


def test_only_a_host_without_outbound_access_has_these_warnings() -> None:
    assert warnings(make_settings()) == ()
    assert ["upgrades" in line for line in warnings(SETTINGS)] == [True, False]
    files = {"tls": "files", "tls_certificate_file": "a", "tls_key_file": "b"}
    assert warnings(make_settings(outbound="controller", security_upgrades=False, **files)) == ()
