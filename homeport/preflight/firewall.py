"""Finds programs that listen on a host and that the firewall would make unreachable. Pure.

A program that only waits for answers is not a listener: the firewall accepts answers (`ct state established`).
"""

from __future__ import annotations

from homeport.errors import HomeportError
from homeport.settings import Settings
from homeport.settings.firewall import opening
from homeport.state.changes import Change
from homeport.state.listeners import Listener, open_ports
from homeport.state.paths import FIREWALL_RULES
from homeport.state.snapshot import Snapshot

# Ports that templates/firewall/homeport.nft opens besides sshd's: the proxy, answers of DHCP servers, IP's own needs.
ALWAYS = tuple(open_ports(*one) for one in (("tcp", "80"), ("tcp", "443"), ("udp", "68"), ("udp", "546")))
ICMP = tuple(open_ports("ip", number) for number in ("1", "58"))
# Programs (the kernel knows 15 characters of their names) that have such ports for what they ask others. As servers
# they have others, or say so in their settings: chronyd has port 123 only for those that it allows in.
CLIENTS = {
    "ntpd": (("udp", 123),),
    "systemd-resolve": (("udp", 5355), ("tcp", 5355), ("udp", 5353)),
}
PORTLESS_CLIENTS = ("systemd-timesyn", "systemd-resolve", "ntpd", "chronyd", "dhclient", "dhcpcd", "NetworkManager")
# ip(7): net.ipv4.ip_local_port_range, where the kernel takes a port for a program that asks for none.
EPHEMERAL = range(32768, 61000)
PROCESS_CHARACTERS = 15


def listeners_cut_off(settings: Settings, found: Snapshot) -> tuple[Listener, ...]:
    """Return the listeners that others can reach now, and could not any more once the firewall is as wanted."""
    if not settings.firewall and FIREWALL_RULES not in found.shared_by_others(settings.app_name):
        return ()
    common = (*ALWAYS, *ICMP, *(open_ports("tcp", str(port)) for port in found.machine.ssh_ports))
    others = tuple(one for app, ours in found.openings.items() if app != settings.app_name for one in ours)
    # Whomever an opening is for: its owner has thought of the rest.
    own = tuple(open_ports(one.protocol, one.ports) for one in map(opening, settings.openings))
    before = (*common, *(one for ours in found.openings.values() for one in ours)) if in_force(found) else None
    lost = [
        one
        for one in found.listeners
        if not one.is_loopback
        and not _waits_for_answers(one)
        and not any(place.takes(one) for place in (*common, *others, *own))
        and (before is None or any(place.takes(one) for place in before))
    ]
    # A program that listens on IPv4 and IPv6, or on several addresses, counts once.
    return tuple({(one.name, one.process): one for one in lost}.values())


def in_force(found: Snapshot) -> bool:
    """Tell whether the kernel has the firewall that the files on the host say."""
    return FIREWALL_RULES in found.paths and not found.firewall


def refusal(settings: Settings, found: Snapshot) -> HomeportError | None:
    """Return why the first firewall on a host is not put in place: it would cut what nobody has given up."""
    if FIREWALL_RULES in found.paths:
        return None
    lost = [
        one for one in listeners_cut_off(settings, found) if not _may_be_local(one) and not _is_given_up(settings, one)
    ]
    if not lost:
        return None
    names = ", ".join(f'"{name}"' for name in dict.fromkeys(one.name for one in lost))
    return HomeportError(
        f"the firewall would close ports on which programs of this host listen: {', '.join(map(_description, lost))}",
        key="firewall_open",
        fix=f"open those that others need (firewall_open = [{names}]), close the rest (firewall_close = [{names}]), "
        "or set firewall = False",
    )


def listeners_to_close(settings: Settings, found: Snapshot) -> tuple[Change, ...]:
    """Return the lines of a plan that name what is cut."""
    return tuple(Change("close", one.name, _reason(one)) for one in listeners_cut_off(settings, found))


def _reason(one: Listener) -> str:
    if _may_be_local(one):
        return f"{one.process} has this port: answers still reach it, nothing else does"
    return f"{one.process or 'the kernel'} listens there, on {one.address}, and firewall_open does not name it"


def _description(one: Listener) -> str:
    return f"{one.process or 'the kernel (WireGuard, NFS)'} on {one.name}"


def _is_given_up(settings: Settings, one: Listener) -> bool:
    names = {one.name, one.process} if one.process else {one.name}
    return any(given in names or given[:PROCESS_CHARACTERS] in names for given in settings.firewall_close)


def _waits_for_answers(one: Listener) -> bool:
    if (one.protocol, one.port) in CLIENTS.get(one.process, ()):
        return True
    return one.protocol == "udp" and one.port in EPHEMERAL and one.process in PORTLESS_CLIENTS


def _may_be_local(one: Listener) -> bool:
    """Tell whether it may as well be a client that has not said which port it wants (statsd's, a resolver's)."""
    return one.protocol == "udp" and one.port in EPHEMERAL and bool(one.process)
