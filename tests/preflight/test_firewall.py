from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.preflight.firewall import listeners_cut_off, listeners_to_close, refusal
from homeport.state.listeners import Listener, OpenPorts
from homeport.state.paths import FIREWALL_RULES
from homeport.state.snapshot import MachineFound, PathFound, Snapshot
from tests.state.builders import bare, make_settings

SETTINGS = make_settings()
SSHD = (Listener("tcp", 22, "0.0.0.0", "sshd"), Listener("tcp", 22, "[::]", "sshd"))
# What `ss -lntupw` shows right after Debian's installer (task `standard`) and in Debian's cloud image.
STANDARD_12 = (*SSHD, Listener("udp", 68, "0.0.0.0", "dhclient"))
STANDARD_13 = (
    *SSHD,
    Listener("udp", 68, "192.0.2.7", "dhcpcd"),
    Listener("udp", 546, "[fe80::1]%enp1s0", "dhcpcd"),
    Listener("ip", 58, "*%enp1s0", "dhcpcd"),
)
CLOUD = (
    *SSHD,
    Listener("tcp", 53, "127.0.0.53%lo", "systemd-resolve"),
    Listener("udp", 53, "127.0.0.54", "systemd-resolve"),
    Listener("tcp", 5355, "0.0.0.0", "systemd-resolve"),
    Listener("udp", 5355, "[::]", "systemd-resolve"),
    Listener("udp", 41873, "0.0.0.0", "systemd-resolve"),
    Listener("udp", 38521, "0.0.0.0", "systemd-timesyn"),
    Listener("udp", 68, "192.0.2.7%ens3", "systemd-network"),
    Listener("ip", 58, "*%ens3", "systemd-network"),
    Listener("udp", 323, "127.0.0.1", "chronyd"),
    Listener("udp", 323, "[::1]", "chronyd"),
)
NTP = (Listener("udp", 123, "0.0.0.0", "ntpd"), Listener("udp", 123, "[2001:db8::7]", "ntpd"))
SERVING = (
    *SSHD,
    Listener("tcp", 80, "0.0.0.0", "nginx"),
    Listener("tcp", 443, "[::]", "nginx"),
    Listener("tcp", 8001, "127.0.0.1", "fastapi"),
    Listener("tcp", 5432, "[::ffff:127.0.0.1]", "postgres"),
)


def listening(*listeners: Listener, machine: MachineFound | None = None) -> Snapshot:
    return replace(bare(machine), listeners=listeners)


def behind(found: Snapshot, *openings: OpenPorts) -> Snapshot:
    """Return a machine whose firewall is loaded, with what this application has opened."""
    paths = {FIREWALL_RULES: PathFound("file", 0o644, "root", "root")}
    return replace(found, paths=paths, openings={"notes": openings})


@pytest.mark.parametrize("listeners", [STANDARD_12, STANDARD_13, CLOUD, (*SSHD, *NTP), SERVING])
def test_a_machine_on_which_nothing_waits_for_strangers_is_taken_without_a_word(listeners: tuple[Listener]) -> None:
    found = listening(*listeners)
    assert refusal(SETTINGS, found) is None
    assert listeners_to_close(SETTINGS, found) == ()


@pytest.mark.parametrize(
    "listener",
    [
        Listener("tcp", 5432, "0.0.0.0", "postgres"),
        Listener("tcp", 9100, "[::]", "node_exporter"),
        Listener("tcp", 9100, "10.0.0.7", "node_exporter"),
        # WireGuard's, which the kernel has itself, on a port that it may give to clients too.
        Listener("udp", 51820, "0.0.0.0"),
        # DNS and DHCP for containers and virtual machines.
        Listener("udp", 53, "10.88.0.1", "aardvark-dns"),
        Listener("udp", 67, "0.0.0.0%virbr0", "dnsmasq"),
        Listener("tcp", 40000, "0.0.0.0", "python3"),
        # A server of time, and one of names, not their clients.
        Listener("udp", 123, "0.0.0.0", "chronyd"),
        Listener("udp", 53, "10.0.0.7", "systemd-resolve"),
        Listener("udp", 5353, "0.0.0.0", "avahi-daemon"),
        # VRRP: without it both machines of a pair take the address.
        Listener("ip", 112, "0.0.0.0", "keepalived"),
    ],
)
def test_a_first_deploy_that_would_cut_a_listener_is_refused_until_it_is_opened_or_given_up(listener: Listener) -> None:
    found = listening(*SSHD, listener)
    problem = refusal(SETTINGS, found)
    assert problem
    assert f"{listener.process or 'the kernel (WireGuard, NFS)'} on {listener.name}" in problem.line()
    assert f'firewall_open = ["{listener.name}"]' in problem.line()
    assert refusal(make_settings(firewall_close=[listener.name]), found) is None
    assert [change.what for change in listeners_to_close(make_settings(firewall_close=[listener.name]), found)] == [
        listener.name
    ]
    assert refusal(make_settings(firewall=False), found) is None
    assert listeners_to_close(make_settings(firewall=False), found) == ()
    if listener.process:
        assert refusal(make_settings(firewall_close=[listener.process]), found) is None
    if listener.protocol != "ip":
        opened = make_settings(firewall_open=[f"{listener.name} from 10.0.0.0/8"])
        assert refusal(opened, found) is None
        assert listeners_to_close(opened, found) == ()


def test_listeners_that_would_be_cut_are_one_line_that_can_be_pasted() -> None:
    found = listening(
        *SSHD,
        Listener("tcp", 5432, "0.0.0.0", "postgres"),
        Listener("tcp", 5432, "[::]", "postgres"),
        Listener("udp", 51820, "0.0.0.0"),
    )
    problem = refusal(SETTINGS, found)
    assert problem
    assert problem.line() == (
        "firewall_open: the firewall would close ports on which programs of this host listen: postgres on 5432/tcp, "
        "the kernel (WireGuard, NFS) on "
        '51820/udp; open those that others need (firewall_open = ["5432/tcp", "51820/udp"]), close the rest '
        '(firewall_close = ["5432/tcp", "51820/udp"]), or set firewall = False'
    )
    assert [str(line) for line in listeners_to_close(SETTINGS, found)] == [
        "close 5432/tcp (postgres listens there, on [::], and firewall_open does not name it)",
        "close 51820/udp (the kernel listens there, on 0.0.0.0, and firewall_open does not name it)",
    ]


def test_a_program_is_given_up_by_its_whole_name_though_the_kernel_knows_its_beginning() -> None:
    found = listening(Listener("tcp", 9187, "0.0.0.0", "prometheus-post"))
    assert refusal(make_settings(firewall_close=["prometheus-postgres-exporter"]), found) is None
    assert refusal(make_settings(firewall_close=["prometheus"]), found)


def test_a_socket_that_may_be_a_clients_is_named_and_refuses_nothing() -> None:
    found = listening(Listener("udp", 45123, "0.0.0.0", "python3"))
    assert refusal(SETTINGS, found) is None
    [line] = listeners_to_close(SETTINGS, found)
    assert str(line) == "close 45123/udp (python3 has this port: answers still reach it, nothing else does)"


def test_sshd_is_open_on_whichever_ports_it_has() -> None:
    found = listening(Listener("tcp", 2222, "0.0.0.0", "sshd"), machine=MachineFound(ssh_ports=(22, 2222)))
    assert listeners_cut_off(SETTINGS, found) == ()


def test_behind_a_firewall_only_what_closes_now_is_named() -> None:
    postgres, exporter = Listener("tcp", 5432, "[::]", "postgres"), Listener("tcp", 9100, "[::]", "node_exporter")
    found = listening(*SSHD, postgres, exporter)
    assert listeners_cut_off(SETTINGS, behind(found, OpenPorts("tcp", 9000, 9200))) == (exporter,)
    assert refusal(SETTINGS, behind(found, OpenPorts("tcp", 9000, 9200))) is None
    # A table that somebody has flushed keeps nobody out.
    assert listeners_cut_off(SETTINGS, replace(behind(found), firewall="it is not loaded")) == (postgres, exporter)


def test_a_port_that_another_application_opened_stays_open() -> None:
    postgres = Listener("tcp", 5432, "[::]", "postgres")
    found = replace(listening(postgres), openings={"other": (OpenPorts("tcp", 5432, 5432),)})
    assert refusal(SETTINGS, found) is None
    # The firewall of another application is this one's too.
    shared = replace(behind(listening(postgres), OpenPorts("tcp", 5432, 5432)), shares={"other": (FIREWALL_RULES,)})
    assert listeners_cut_off(make_settings(firewall=False), shared) == (postgres,)
