"""The lab's name server: dnsmasq on the bridge. A host's name and every name below it lead to the host; other names are
forwarded.

The names web1, web2 … are known from the start, wherever those hosts are up or not, so that a new host needs no
restart.
"""

from __future__ import annotations

from collections.abc import Iterable

from homeport.lab import names, processes
from homeport.lab.context import LabContext
from homeport.lab.machine import find_command, require_commands
from homeport.lab.model import DOMAIN, LabHost
from homeport.lab.network import NUMBERED_HOSTS, Network

PURPOSE = "dns"


def ensure(context: LabContext, hosts: Iterable[LabHost]) -> None:
    """Start the name server, or start it again when the names that it has to know have changed."""
    file = context.directory.path / "dnsmasq.conf"
    wanted = configuration(context.network, hosts)
    if processes.find(context.id, PURPOSE) and file.exists() and file.read_text() == wanted:
        return
    require_commands("dnsmasq")
    processes.end(context.id, PURPOSE, grace_seconds=0)
    file.write_text(wanted)
    command = [find_command("dnsmasq") or "dnsmasq", "--keep-in-foreground", f"--conf-file={file}"]
    processes.start(context.id, PURPOSE, command, log=context.log(PURPOSE))


def configuration(network: Network, hosts: Iterable[LabHost]) -> str:
    """Return dnsmasq's configuration."""
    numbered = {f"web{number}": network.free_address(f"web{number}", ()) for number in range(1, NUMBERED_HOSTS + 1)}
    named = {host.name: host.address for host in hosts if names.host_number(host.name) is None}
    services = dict.fromkeys(("acme", "cache", "gateway"), network.gateway)
    addresses = {**services, **numbered, **named}
    return "\n".join(
        [
            "bind-interfaces",
            f"listen-address={network.gateway}",
            f"port={network.dns_port}",
            "no-hosts",
            "pid-file=",
            # It begins as whoever starts it, and stays that. A process that has changed its group can be seen only by a
            # root that may trace others: in a container we would neither find nor end it.
            "user=root",
            "group=root",
            "cache-size=2000",
            f"local=/{DOMAIN}/",
            *(f"address=/{name}.{DOMAIN}/{address}" for name, address in addresses.items()),
            "",
        ]
    )
