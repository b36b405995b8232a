"""A machine that reaches nobody is provisioned by the connection of the deploy and the machine that deploys.

What it may not do is not left to itself: the lab's bridge drops whatever it begins. The tests share the machine and go
on from one another, in the order in which they stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab, LabHost, names
from homeport.lab.machine import run
from homeport.lab.network import ACME_PORT, CACHE_PORT, Network
from homeport.lab.recipe import CACHE_HOST
from tests.lab.commands import homeport, refusal, settle_data
from tests.lab.project import Project, Seen

pytestmark = pytest.mark.lab

# What comes in is let in, and answers to it go out; a connection that the machine begins goes nowhere.
WALL = """table inet {table} {{
    chain begun {{
        type filter hook prerouting priority filter;
        iifname "{bridge}" ip saddr {address} ct state new counter drop
        iifname "{bridge}" ip6 saddr {address6} meta l4proto {{ tcp, udp }} ct state new counter drop
    }}
}}
"""
# Another account of the machine: tries every loopback port that comes up, without the password and with a wrong one,
# and looks for passwords in the arguments of others.
NOSY = """
while :; do
    for port in $(ss -Hltn | sed -n 's/.* 127.0.0.1:\\([0-9]*\\) .*/\\1/p' | sort -u); do
        for login in '' homeport:guess@; do
            said=$(curl -s -m 5 -o /dev/null -w '%{http_code}' -x "http://$login"127.0.0.1:$port http://URL/)
            echo "$port $said" >>/tmp/nosy/tried
        done
    done
    ps axww -o args | grep 'homeport:[^ ]*@127[.]0[.]0[.]1' | grep -v 'homeport:guess@' >>/tmp/nosy/seen
done
"""
LEFT = "grep -rlsaE 'homeport:[A-Za-z0-9_-]{32}@' /etc /home /opt /root /run /srv /tmp /usr/local /var"


@dataclass
class Walled:
    """The machine, and a project that deploys to it by the machine that runs the tests."""

    project: Project
    host: LabHost
    seen: Seen
    gateway: str

    def reaches(self, url: str) -> bool:
        """Tell whether the machine reaches an address by itself."""
        found = self.project.lab.run(self.host, f"curl -s -m 3 -o /dev/null {url}")
        return found.returncode == 0


@pytest.fixture(scope="module")
def variables() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def walled(lab: Lab, tmp_path_factory: pytest.TempPathFactory, variables: pytest.MonkeyPatch) -> Iterator[Walled]:
    host = lab.add("walled")
    network = Network(lab.id, int(host.address.split(".")[2]))
    seen = Seen(lab, host)
    # The names of the lab are known to its machines alone: the one that runs the tests has to be told addresses.
    seen.shell(f"sed -i 's/{CACHE_HOST}/{network.gateway}/' /etc/pip.conf /etc/uv/uv.toml")
    variables.setenv("http_proxy", f"http://{network.gateway}:{CACHE_PORT}")
    variables.setenv("no_proxy", network.gateway)
    data = {
        "outbound": "controller",
        "outbound_private": network.gateway,
        "acme_directory_url": f"https://{network.gateway}:{ACME_PORT}/dir",
    }
    project = Project.create(tmp_path_factory.mktemp("walled") / "project", lab, "hello", **data)
    table = f"{names.table(lab.id)}_wall"
    address6 = network.address6(network.number(host.address))
    rules = WALL.format(table=table, bridge=network.bridge, address=host.address, address6=address6)
    run(["nft", "-f", "-"], stdin=rules)
    yield Walled(project, host, seen, network.gateway)
    run(["nft", "delete", "table", "inet", table])
    lab.remove(host.name)


def test_a_machine_that_reaches_nobody_serves_the_application_over_https(walled: Walled) -> None:
    cache = f"{walled.gateway}:{CACHE_PORT}"
    assert not walled.reaches(f"http://{cache}/")
    program = NOSY.replace("URL", cache)
    walled.seen.shell(f'install -d -m 1777 /tmp/nosy && cat >/tmp/nosy/program <<"END"\n{program}\nEND')
    walled.seen.shell("systemd-run -q --unit=nosy --uid=nobody sh /tmp/nosy/program")

    out = walled.project.deployed(walled.host)

    assert walled.seen.answers()
    assert "gets no security upgrades by itself" in out
    assert "the timer cannot renew the certificate" in out


def test_no_other_user_can_use_the_forward_and_nothing_of_it_is_left(walled: Walled) -> None:
    walled.seen.shell("systemctl stop nosy")
    tried: dict[str, set[str]] = {}
    for line in walled.seen.shell("cat /tmp/nosy/tried").splitlines():
        port, _, said = line.partition(" ")
        tried.setdefault(port, set()).add(said)
    ways = {port: said for port, said in tried.items() if "407" in said}
    assert ways, tried
    # A way that was closed meanwhile, and before that not one answer.
    assert all(said <= {"407", "000"} for said in ways.values()), ways
    assert walled.seen.shell("cat /tmp/nosy/seen") == ""
    assert walled.seen.shell(f"{LEFT} || true") == ""
    listening = set(re.findall(r"127\.0\.0\.1:(\d+) ", walled.seen.shell("ss -Hltn")))
    assert not listening & set(ways)


def test_a_second_run_changes_nothing(walled: Walled) -> None:
    assert re.search(r"Grand total +14 +- +- +14", walled.project.deployed(walled.host))


@pytest.fixture
def company(walled: Walled) -> Iterator[Callable[[str], None]]:
    """Have sshd of the machine be as a company has it."""
    drop_in = "/etc/ssh/sshd_config.d/00-company.conf"

    def has(text: str) -> None:
        walled.seen.shell(f"printf '{text}\\n' >{drop_in} && systemctl reload ssh")

    yield has
    walled.seen.shell(f"rm {drop_in} && systemctl reload ssh")


def test_a_forward_that_sshd_refuses_is_told_before_anything_changes(
    walled: Walled, company: Callable[[str], None]
) -> None:
    company("AllowTcpForwarding local")
    refused = refusal(walled.project.deploy(walled.host, packages="tree"), 1)
    assert "walled: outbound: sshd on the host does not let debian forward a port" in refused
    assert "(AllowTcpForwarding local)" in refused
    assert "Match User debian, AllowTcpForwarding remote, PermitListen 127.0.0.1:*" in refused
    assert not walled.seen.inside.package("tree").is_installed


def test_a_run_that_fetches_nothing_needs_no_forward(walled: Walled, company: Callable[[str], None]) -> None:
    company("AllowTcpForwarding no")
    walled.project.write("README.md", "another release, of which nothing has to be fetched\n")
    walled.project.deployed(walled.host)

    company("AllowTcpForwarding no\\nMatch User debian\\n    AllowTcpForwarding remote\\n    PermitListen 127.0.0.1:*")
    walled.project.deployed(walled.host, packages="tree")
    assert walled.seen.inside.package("tree").is_installed


def test_a_forward_that_the_key_may_not_ask_for_is_told_before_anything_changes(walled: Walled) -> None:
    keys = "/home/debian/.ssh/authorized_keys"
    walled.seen.shell(f"cp -p {keys} /run/keys && sed -i '/^ssh-/s/^/no-port-forwarding /' {keys}")
    try:
        refused = refusal(walled.project.deploy(walled.host, packages="tree,jq"), 1)
    finally:
        walled.seen.shell(f"cp -p /run/keys {keys}")
    assert "walled: outbound: sshd on the host does not let debian forward a port" in refused
    assert "an option of the key in authorized_keys" in refused
    assert not walled.seen.inside.package("jq").is_installed


def test_a_way_that_ends_at_the_machine_that_deploys_is_told_with_the_place_and_the_reason(
    walled: Walled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    refused = refusal(walled.project.deploy(walled.host, packages="tree,jq"), 1)
    assert "outbound: the host asked for" in refused
    assert "its proxy 127.0.0.1:1: Connection refused" in refused
    assert "check its network, and its https_proxy and http_proxy" in refused


def test_a_place_of_the_controllers_own_network_is_closed_unless_it_is_named(walled: Walled) -> None:
    walled.project.write(
        "requirements.txt", (walled.project.app / "requirements.txt").read_text() + "\n# another lock\n"
    )
    refused = refusal(walled.project.deploy(walled.host, outbound_private=""), 1)
    assert f"outbound_private: the host asks for {walled.gateway}:{CACHE_PORT}" in refused
    assert f'if the host may reach it, name it there: ["{walled.gateway}"]' in refused


def test_a_deploy_that_is_killed_while_the_host_fetches_is_taken_up_by_the_next(walled: Walled) -> None:
    with walled.project.started(walled.host.name, "-y", packages="bc") as process:
        assert process.stdout is not None
        assert any("reading the package lists" in line for line in process.stdout)
        process.kill()
    walled.project.deployed(walled.host, packages="bc")
    assert walled.seen.inside.package("bc").is_installed


def test_security_upgrades_come_by_hand_the_same_way(walled: Walled) -> None:
    # As if an older one were installed than the mirror has.
    walled.seen.shell("sed -i '/^Package: logrotate$/,/^$/s/^Version: .*/Version: 1.0-1/' /var/lib/dpkg/status")
    settle_data(walled.project)
    done = homeport(walled.project, "upgrade", "lab", "--limit", walled.host.name, "--yes")
    assert done.returncode == 0, done.stdout
    assert "logrotate" in done.stdout.partition("upgraded: ")[2], done.stdout
    assert walled.seen.inside.package("logrotate").version != "1.0-1"
    assert walled.seen.shell(f"{LEFT} || true") == ""


def test_a_certificate_is_renewed_by_hand_the_same_way(walled: Walled) -> None:
    before = walled.seen.serial()
    settle_data(walled.project)
    done = homeport(walled.project, "cert", "lab", "--limit", walled.host.name, "--renew", "--yes")
    assert done.returncode == 0, done.stdout
    assert walled.seen.serial() != before
