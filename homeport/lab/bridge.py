"""Makes a lab's network real on Linux, as root: a bridge, address translation by a table of our own, and hosts'
namespaces.

Everything carries a name derived from the lab's id, so that it can be removed without any record. `kernel.py` holds
what has to change on the machine itself.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from homeport.lab import kernel, names
from homeport.lab.machine import find_command, run
from homeport.lab.network import GATEWAY_NUMBER, Network, choose_third

RULES = """\
table inet {table} {{
    chain outbound {{
        type nat hook postrouting priority srcnat;
        ip saddr {subnet} ip daddr != {subnet} masquerade
    }}
    chain inbound {{
        type filter hook forward priority filter;
        oifname "{bridge}" iifname != "{bridge}" ct state established,related accept
        oifname "{bridge}" iifname != "{bridge}" drop
    }}
}}
"""


def ensure(lab: str, preferred: int | None = None) -> Network:
    """Return the lab's network, made where it is not there yet; `preferred` is its third number if that is free."""
    with kernel.machine_lock():
        network = existing(lab)
        if network is None:
            network = Network(lab, choose_third(lab, _networks_in_use(), preferred))
            _make_bridge(network)
        _translate_addresses(network)
        kernel.raise_settings()
    return network


def existing(lab: str) -> Network | None:
    """Return the network whose bridge is up, read from the bridge itself; None when there is no bridge."""
    for link in _ip("addr", "show") if find_command("ip") else []:
        if link.get("ifname") == names.bridge(lab):
            for address in link["addr_info"]:
                if address["family"] == "inet":
                    return Network(lab, int(address["local"].split(".")[2]))
    return None


def remove(lab: str) -> None:
    """Remove all that the lab has made, whatever state it is in."""
    for entry in _ip("netns", "list"):
        if entry["name"].startswith(names.namespace(lab, "")):
            run(["ip", "netns", "delete", entry["name"]], check=False)
    for name in _links(lab):
        run(["ip", "link", "delete", name], check=False)
    run(["nft", "delete", "table", "inet", names.table(lab)], check=False)
    with kernel.machine_lock():
        if not any(link["ifname"].startswith(names.bridge("")) for link in _ip("link", "show")):
            kernel.restore_settings()


def attach(network: Network, host: str, number: int) -> str:
    """Give a host a network namespace with an interface on the bridge; return the namespace's path. May be repeated."""
    namespace = names.namespace(network.lab, host)
    path = Path("/run/netns") / namespace
    if path.exists():
        return str(path)
    outer = names.link(network.lab, number)
    outside = [
        f"netns add {namespace}",
        f"link add {outer} type veth peer name eth0 address {network.mac(number)} netns {namespace}",
        f"link set {outer} master {network.bridge} up",
    ]
    inside = [
        "link set lo up",
        f"address add {network.address(number)}/24 dev eth0",
        f"address add {network.address6(number)}/64 dev eth0 nodad",
        "link set eth0 up",
        f"route add default via {network.gateway}",
    ]
    run(["ip", "-batch", "-"], stdin="\n".join(outside))
    run(["ip", "-n", namespace, "-batch", "-"], stdin="\n".join(inside))
    return str(path)


def forget_rules(lab: str, host: str) -> None:
    """Have the kernel forget a host's firewall, as it does when the power is cut: the namespace outlives that here."""
    run(["ip", "netns", "exec", names.namespace(lab, host), "nft", "flush", "ruleset"])


def detach(network: Network, host: str, number: int) -> None:
    """Remove a host's interface and namespace."""
    run(["ip", "link", "delete", names.link(network.lab, number)], check=False)
    run(["ip", "netns", "delete", names.namespace(network.lab, host)], check=False)


def _make_bridge(network: Network) -> None:
    """Make the bridge; its hardware address is fixed, as it would otherwise change whenever a host comes or goes."""
    commands = [
        f"link add {network.bridge} address {network.mac(GATEWAY_NUMBER)} type bridge",
        f"address add {network.gateway}/24 dev {network.bridge}",
        f"address add {network.gateway6}/64 dev {network.bridge} nodad",
        f"link set {network.bridge} up",
    ]
    run(["ip", "-batch", "-"], stdin="\n".join(commands))


def _translate_addresses(network: Network) -> None:
    """Let the hosts reach the outside, and nothing but answers reach them from there."""
    table = names.table(network.lab)
    rules = RULES.format(table=table, subnet=network.subnet, bridge=network.bridge)
    run(["nft", "-f", "-"], stdin=f"add table inet {table}\ndelete table inet {table}\n{rules}")


def _links(lab: str) -> list[str]:
    found = [link["ifname"] for link in _ip("link", "show")]
    return [name for name in found if name.startswith(names.links_prefix(lab)) or name == names.bridge(lab)]


def _networks_in_use() -> list[str]:
    addresses = [f"{info['local']}/{info['prefixlen']}" for link in _ip("addr", "show") for info in link["addr_info"]]
    return addresses + [route["dst"] for route in _ip("route", "show") if route["dst"] != "default"]


def _ip(*arguments: str) -> list[dict[str, Any]]:
    """Run `ip -json` and return what it says; an empty answer means that there is nothing."""
    with suppress(json.JSONDecodeError):
        return list(json.loads(run(["ip", "-json", *arguments]).stdout))
    return []
