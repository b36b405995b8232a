"""What the firewall lets in, by the rules that a deploy writes; without some of it a machine is lost only days later.

For ports and pings it is shown on machines (tests/lab/test_firewall); no lease of an address ends while a test runs.
"""

from __future__ import annotations

import pytest

from homeport.machine.access import access
from homeport.state.paths import FIREWALL_RULES
from homeport.state.snapshot import MachineFound
from homeport.steps.context import Context
from tests.state.builders import make_settings, make_source

ERRORS = "destination-unreachable", "time-exceeded", "parameter-problem"
PASSED = {
    "answers to what the machine itself has begun": "ct state established,related accept",
    "the machine's own programs": 'iifname "lo" accept',
    "errors of IPv4": f"meta l4proto icmp icmp type {{ {', '.join(ERRORS)} }} accept",
    "errors of IPv6, path MTU": f"icmpv6 type {{ {', '.join((ERRORS[0], 'packet-too-big', *ERRORS[1:]))} }} accept",
    "neighbours and routers": "icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } "
    "ip6 hoplimit 255 accept",
    "addresses by DHCP": "udp sport 67 udp dport 68 accept",
    "addresses by DHCPv6": "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept",
    "every port that sshd has": "tcp dport { 22, 2222 } accept",
    "the proxy": "tcp dport { 80, 443 } accept",
    "what applications open": 'include "/etc/homeport/firewall.d/*.nft"',
}


@pytest.fixture(scope="module")
def rules() -> list[str]:
    """Return the lines of the chain for what comes in."""
    machine = MachineFound(ssh_ports=(22, 2222))
    files = access(Context(make_settings(firewall=True), make_source(), {}, machine=machine)).files
    [text] = [file.content for file in files if file.path == FIREWALL_RULES]
    return [line.strip() for line in text.partition("chain input {")[2].splitlines()]


@pytest.mark.parametrize("what", PASSED)
def test_the_firewall_lets_in_what_a_machine_cannot_do_without(rules: list[str], what: str) -> None:
    assert PASSED[what] in rules


def test_all_else_is_dropped(rules: list[str]) -> None:
    assert "type filter hook input priority filter; policy drop;" in rules
    assert not [rule for rule in rules if rule in ("accept", "counter accept")]
