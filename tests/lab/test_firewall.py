"""What can be reached of a machine from outside, over IPv4 and IPv6, and whose tables are touched.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.machine import install
from homeport.lab.model import LabHost
from tests.lab.artefacts import keep
from tests.lab.port_scan import connects, open_ports
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
# Those that anybody may reach, those from the lab's own network, and from a network that nobody is in.
OPENED, FROM_HERE, FROM_ELSEWHERE = 9100, 9200, 9300
# The one that another application on the machine opens.
NEIGHBOURS = 5432
LISTENING = {25, NEIGHBOURS, 8080, 31337, OPENED, FROM_HERE, FROM_ELSEWHERE}
CHOSEN = {22, 80, 443, OPENED, FROM_HERE}
LISTENER = """
import selectors, socket, sys
selector = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    one = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    selector.register(one, selectors.EVENT_READ)
while True:
    for key, _ in selector.select():
        key.fileobj.accept()[0].close()
"""
UPKEEP = "systemctl list-units --plain --no-legend 'homeport-upkeep@*' | cut -d ' ' -f 1"
OTHER = "table inet mine { chain input { type filter hook input priority 10; tcp dport 1 counter accept; }; }"


@dataclass
class Stage:
    """A machine with more listeners than are for the world, and a project that deploys to it."""

    project: Project
    host: LabHost
    seen: Seen
    addresses: tuple[str, str]

    def only_these_are_open(self, *ports: int) -> bool:
        """Tell whether of all listeners just these can be reached, over IPv4 and IPv6."""
        found = open_ports(self.addresses, LISTENING)
        return all(
            found[address] <= set(ports) and all(connects(address, port) for port in ports)
            for address in self.addresses
        )


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("walled", "trixie")
    network = lab.context().network
    address6 = network.address6(network.number(host.address))
    openings = [
        f"{OPENED}/tcp",
        f"{FROM_HERE}/tcp from {network.subnet} {address6}/64",
        f"{FROM_ELSEWHERE}/tcp from 192.0.2.0/24",
    ]
    data = {"workers": 1, "watch_seconds": 0, "firewall_open": ",".join(openings), "firewall_close": "python3"}
    project = Project.create(tmp_path_factory.mktemp("walled") / "project", lab, "hello", **data)
    seen = Seen(lab, host)
    ports = " ".join(map(str, LISTENING))
    seen.shell(f"systemd-run -q --unit=listeners /usr/bin/python3 -c {_quoted(LISTENER)} {ports}")
    seen.shell(f"echo {_quoted(OTHER)} | nft -f -")
    yield Stage(project, host, seen, (host.address, address6))
    lab.remove(host.name)


@pytest.fixture(scope="module")
def neighbour(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Another application for the same machine."""
    data = {"app_name": "other", "domain": f"other.{stage.host.domain}", "port_blue": 8011, "port_green": 8012}
    data |= {"workers": 1, "watch_seconds": 0, "firewall_open": f"{NEIGHBOURS}/tcp"}
    return Project.create(tmp_path_factory.mktemp("neighbour") / "project", stage.project.lab, "hello", **data)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def test_without_a_firewall_everything_that_listens_can_be_reached(stage: Stage) -> None:
    assert until(lambda: all(connects(address, port) for address in stage.addresses for port in LISTENING))
    for found in open_ports(stage.addresses, range(1, 10000)).values():
        assert found >= {port for port in LISTENING if port < 10000}


def test_a_first_deploy_refuses_to_cut_what_nobody_has_given_up(stage: Stage) -> None:
    given_up = stage.project.data.pop("firewall_close")
    planned = stage.project.pyinfra(stage.host.name, "--dry")
    stage.project.data["firewall_close"] = given_up
    assert planned.returncode == 1, planned.stdout
    assert (
        "walled: firewall_open: the firewall would close ports on which programs of this host listen" in planned.stdout
    )
    # 9200 is opened, if not for everybody.
    assert f"python3 on {NEIGHBOURS}/tcp" in planned.stdout
    assert f"python3 on {FROM_HERE}/tcp" not in planned.stdout


def test_after_a_deploy_only_the_chosen_ports_are_open_over_ipv4_and_ipv6(stage: Stage) -> None:
    said = stage.project.deployed(stage.host)
    assert "close 31337/tcp (python3 listens there" in said
    found = open_ports(stage.addresses)
    keep("scan.json", json.dumps({address: sorted(ports) for address, ports in found.items()}, indent=2))
    for address in stage.addresses:
        assert found[address] <= CHOSEN
        assert {port for port in CHOSEN if connects(address, port)} == CHOSEN
    assert stage.seen.answers()


def test_the_firewall_passes_the_icmp_that_ip_needs(stage: Stage) -> None:
    install(["iputils-ping"])
    for address in stage.addresses:
        subprocess.run(["ping", "-c", "2", "-W", "5", address], check=True, capture_output=True)
    # Outwards nothing is kept back, and the answers come in.
    gateway = stage.project.lab.context().network.gateway
    assert stage.seen.shell(f"curl -s -o /dev/null -w '%{{http_code}}' http://{gateway}:3142/") != "000"


def test_a_second_deploy_changes_nothing(stage: Stage) -> None:
    planned = stage.project.pyinfra(stage.host.name, "--dry")
    assert "firewall" not in planned.stdout.replace("firewall and sshd are as wanted", "")


def test_other_tables_are_left_alone(stage: Stage) -> None:
    assert "tcp dport 1 counter" in stage.seen.shell("nft list table inet mine")
    assert stage.seen.shell("systemctl is-enabled nftables || true") == "disabled"


def test_a_firewall_that_somebody_has_flushed_or_changed_is_loaded_by_the_next_deploy(stage: Stage) -> None:
    for harm in ("nft flush ruleset", "nft insert rule inet homeport input tcp dport 31337 accept"):
        stage.seen.shell(harm)
        assert connects(stage.host.address, 31337)
        assert "load the firewall" in stage.project.deployed(stage.host)
        assert not connects(stage.host.address, 31337, 1.5)


def test_debians_own_firewall_service_does_not_take_ours_away(stage: Stage) -> None:
    for verb in ("start", "reload", "restart", "stop"):
        stage.seen.shell(f"systemctl {verb} nftables")
        assert until(lambda: not connects(stage.host.address, 31337, 1.5))
    stage.seen.shell("systemctl disable --now nftables")


def test_a_port_that_one_application_opens_stays_open_when_another_is_deployed(
    stage: Stage, neighbour: Project
) -> None:
    upkeep = stage.seen.shell(UPKEEP)
    assert len(upkeep.split()) == 1
    neighbour.deployed(stage.host)
    assert stage.only_these_are_open(OPENED, FROM_HERE, NEIGHBOURS)
    # What keeps the machine well is one for both, and was not begun anew.
    assert stage.seen.shell(UPKEEP) == upkeep
    assert stage.seen.answers()
    assert stage.seen.answers(name=f"other.{stage.host.domain}")


def test_only_the_port_that_an_application_closes_is_closed(stage: Stage, neighbour: Project) -> None:
    stage.project.data["firewall_open"] = f"{OPENED}/tcp"
    said = stage.project.deployed(stage.host)
    # Nothing else that the neighbour's deploy has left there is another one's wish.
    assert said.count("No changes") == said.count("--> Starting operation") - 1, said
    assert stage.only_these_are_open(OPENED, NEIGHBOURS)
    neighbour.data.pop("firewall_open")
    neighbour.deployed(stage.host)
    assert stage.only_these_are_open(OPENED)


def test_the_firewall_is_there_after_a_reboot(stage: Stage) -> None:
    lab = stage.project.lab
    stage.seen.shell("systemctl enable nftables")
    lab.reboot(stage.host, hard=True)
    assert until(stage.seen.answers, 60)
    assert stage.seen.property("homeport-access.service", "ActiveState") == "active"
    stage.seen.shell(f"systemd-run -q --unit=listeners /usr/bin/python3 -c {_quoted(LISTENER)} 31337")
    assert until(lambda: "31337" in stage.seen.shell("ss -ltn"))
    assert not any(connects(address, 31337, 1.5) for address in stage.addresses)


def test_rules_that_nftables_refuses_change_nothing(stage: Stage) -> None:
    override = stage.project.folder / "overrides" / "firewall" / "homeport.nft"
    override.parent.mkdir(parents=True)
    override.write_text('{% extends "homeport/firewall/homeport.nft" %}{% block more %}no such rule{% endblock %}')
    before = stage.seen.shell("nft -s list ruleset; cat /etc/homeport/firewall.nft")
    result = stage.project.deploy(stage.host)
    override.unlink()
    assert result.returncode == 1
    assert "nftables does not accept the firewall" in result.stdout
    assert stage.seen.shell("nft -s list ruleset; cat /etc/homeport/firewall.nft") == before


def test_the_table_goes_when_an_application_sets_that_and_no_other_table_does(stage: Stage, neighbour: Project) -> None:
    stage.seen.shell(f"echo {_quoted(OTHER)} | nft -f -")
    stage.project.data.pop("firewall_open")
    stage.project.deployed(stage.host, firewall=False)
    # The other has set nothing, and does not bring it back.
    assert "the machine has firewall = False (set by hello)" in neighbour.deployed(stage.host)
    assert "homeport" not in stage.seen.shell("nft list tables")
    assert "inet mine" in stage.seen.shell("nft list tables")
    assert connects(stage.host.address, 31337)
    refused = neighbour.deploy(stage.host, firewall=True)
    assert refused.returncode == 1
    assert "firewall: other sets True, but hello on the same machine sets False; make them the same" in refused.stdout
