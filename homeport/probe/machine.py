"""The machine: disks, clock, addresses, who listens, what filters packets."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ..host.services import units
from ..host.system import sockets
from ..host.system.layout import Layout
from .facts import ClockFacts, DiskFacts

PORTS = (80, 443)
# Below this, a file system is looked into: what takes the space.
SMALL_BYTES = 200 * 2**20
LOOK_SECONDS = "5"
SUSPECTS = ("/var/log", "/var/lib", "/var/cache", "/srv", "/tmp", "/var/tmp", "/home", "/root", "/opt")  # noqa: S108
ENTRANCES = ("ingress", "prerouting", "input")
RULES, LOADED = Path("/etc/homeport/firewall.nft"), Path("/run/homeport/firewall.loaded")


def disks(layout: Layout) -> list[DiskFacts]:
    """Return the file systems that a site is written to, each once, under the first of our folders on it."""
    places = (layout.base, layout.state, layout.settings, *map(Path, ("/srv", "/var/log", "/tmp", "/run")))  # noqa: S108
    found: dict[int, DiskFacts] = {}
    for place in (Path("/"), Path("/etc"), Path("/var"), *places):
        if place.exists():
            found.setdefault(place.stat().st_dev, _disk(_mount(place)))
    return list(found.values())


def _mount(place: Path) -> Path:
    place = place.resolve()
    while not place.is_mount():
        place = place.parent
    return place


def _disk(place: Path) -> DiskFacts:
    size = os.statvfs(place)
    free = size.f_bavail * size.f_frsize
    return {
        "place": str(place),
        "total_bytes": size.f_blocks * size.f_frsize,
        "free_bytes": free,
        "free_inodes": size.f_favail if size.f_files else None,
        "free_inodes_percent": 100 * size.f_favail / size.f_files if size.f_files else None,
        "read_only": bool(size.f_flag & os.ST_RDONLY),
        "largest": _largest(place) if free < SMALL_BYTES else [],
    }


def _largest(place: Path) -> list[str]:
    """Return the largest folders on a file system with their size, as far as that is found out in a few seconds."""
    within = [one for one in map(Path, SUSPECTS) if one.exists() and _mount(one) == place] or [place]
    found = units.run("timeout", LOOK_SECONDS, "du", "-xkd", "1", "--", *map(str, within)).stdout
    rows = [line.split("\t", 1) for line in found.splitlines() if "\t" in line]
    sizes = sorted(((int(size), name) for size, name in rows if Path(name) not in within), reverse=True)
    return [f"{name} {size // 1024} MB" for size, name in sizes[:3] if size >= 1024]


def clock() -> ClockFacts:
    """Return the time, and whether the machine is told to keep it right and does."""
    said = units.run("timedatectl", "show", "-p", "NTPSynchronized", "--value").stdout.strip()
    return {"now": time.time(), "synchronised": said == "yes"}


def addresses() -> list[str]:
    """Return the machine's own addresses, but for those of loopback and links."""
    found = json.loads(units.run_checked("ip", "-j", "addr", "show", "scope", "global"))
    return [info["local"] for link in found for info in link.get("addr_info", ()) if "local" in info]


def listening(ports: list[int]) -> dict[str, list[str]]:
    """Return the names of the programs that listen on these ports (as text: JSON has no other keys)."""
    known, found = sockets.read(), {}
    for port in (*PORTS, *ports):
        owners = sockets.owners({one.inode for one in sockets.listeners(known, port)})
        found[str(port)] = sorted({sockets.command(pid) for pid in owners})
    return found


def firewall() -> str:
    """Return what is wrong with homeport's own table of nftables, "" when nothing is, or when it has none."""
    if not RULES.exists():
        return ""
    table = units.run("nft", "-s", "-t", "list", "table", "inet", "homeport").stdout
    if not table.strip():
        return "homeport's firewall is not loaded"
    # As the snapshot of a deploy has it (facts/snapshot.sh).
    compared = 'nft -s -t list table inet homeport | sha256sum | cmp -s - "$1"'
    changed = units.run("sh", "-c", compared, "sh", str(LOADED)).returncode
    return "somebody has changed homeport's firewall since it was loaded" if changed else ""


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
