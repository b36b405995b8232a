"""The machine: disks, clock, addresses, who listens, what filters packets."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, cast

from ..host.machine import firewall_state
from ..host.proxies.chosen import proxy_of
from ..host.release import outdated
from ..host.services import units
from ..host.system import listening, resources
from ..host.system.layout import SLOTS, Layout
from ..host.system.resources import FileSystem
from .observations import ClockObservation, DiskObservation

PORTS = (80, 443)
# Below this, a file system is looked into: what takes the space.
SMALL_BYTES = 200 * 2**20
LOOK_SECONDS = "5"
SUSPECTS = ("/var/log", "/var/lib", "/var/cache", "/srv", "/tmp", "/var/tmp", "/home", "/root", "/opt")  # noqa: S108
ENTRANCES = ("ingress", "prerouting", "input")


def disks(layout: Layout) -> list[DiskObservation]:
    """Return the file systems that a site is written to, each once: a release's, and what else is in use beside it."""
    folders = (*resources.release_folders(layout), *map(Path, ("/etc", "/srv", "/var", "/tmp", "/run")))  # noqa: S108
    return [_with_largest(one) for one in resources.disks(folders)]


def _with_largest(disk: FileSystem) -> DiskObservation:
    largest = _largest(Path(disk.path)) if disk.free_bytes < SMALL_BYTES else []
    return cast(DiskObservation, {**disk._asdict(), "largest": largest})


def _largest(place: Path) -> list[str]:
    """Return the largest folders on a file system with their size, as far as that is found out in a few seconds."""
    within = [one for one in map(Path, SUSPECTS) if one.exists() and resources.mount_point(one) == place] or [place]
    found = units.run("timeout", LOOK_SECONDS, "du", "-xkd", "1", "--", *map(str, within)).stdout
    rows = [line.split("\t", 1) for line in found.splitlines() if "\t" in line]
    sizes = sorted(((int(size), name) for size, name in rows if Path(name) not in within), reverse=True)
    return [f"{name} {size // 1024} MB" for size, name in sizes[:3] if size >= 1024]


def clock() -> ClockObservation:
    """Return the time, and whether the machine is told to keep it right and does."""
    said = units.run("timedatectl", "show", "-p", "NTPSynchronized", "--value").stdout.strip()
    return {"now": time.time(), "synchronised": said == "yes"}


def reboot_required() -> bool:
    """Tell whether an upgrade waits for a reboot."""
    return resources.REBOOT_REQUIRED.exists()


def replaced(layout: Layout) -> dict[str, list[str]]:
    """Return, by unit, what the proxy and the application run and an upgrade has replaced, where there is any."""
    proxy = proxy_of(layout.machine)
    of_proxy = {proxy.unit: paths} if (paths := proxy.outdated()) else {}
    return of_proxy | {unit: paths for slot in SLOTS for unit, paths in outdated.replaced(layout, slot).items()}


def addresses() -> list[str]:
    """Return the machine's own addresses, but for those of loopback and links."""
    found = json.loads(units.run_checked("ip", "-j", "addr", "show", "scope", "global"))
    return [info["local"] for link in found for info in link.get("addr_info", ()) if "local" in info]


def listeners(ports: list[int]) -> dict[str, list[str]]:
    """Return the names of the programs that listen on these TCP ports (as text: JSON has no other keys)."""
    known = [one for one in listening.parse(units.run_checked(*listening.COMMAND).splitlines()) if one.kind == "tcp"]
    return {
        str(port): sorted({name for one in known if one.port == port for name in one.programs})
        for port in (*PORTS, *ports)
    }


def firewall() -> str:
    """Return what is wrong with homeport's own table of nftables, "" when nothing is, or when it has none."""
    return units.run("sh", "-c", f"{firewall_state.SCRIPT}read_firewall").stdout.strip()


def filters() -> list[str]:
    """Return the chains of nftables, beside ours, that drop or reject what comes into the machine."""
    try:
        entries = json.loads(units.run("nft", "-j", "list", "ruleset").stdout or "{}").get("nftables", [])
    except (OSError, ValueError):
        return []
    return refusing(entries)


def refusing(entries: list[dict[str, Any]]) -> list[str]:
    """Return the names of such chains among the entries of nft's JSON (libnftables-json(5))."""
    chains = [one["chain"] for one in entries if "chain" in one and one["chain"]["table"] != "homeport"]
    entrances = {_name(chain, chain["name"]): chain for chain in chains if chain.get("hook") in ENTRANCES}
    guilty = {name for name, chain in entrances.items() if chain.get("policy") == "drop"}
    for rule in (one["rule"] for one in entries if "rule" in one):
        name = _name(rule, rule["chain"])
        if name in entrances and any({"drop", "reject"} & set(one) for one in rule.get("expr", ())):
            guilty.add(name)
    return sorted(guilty)


def _name(part: dict[str, Any], chain: str) -> str:
    return f"{part['family']} {part['table']} {chain}"
