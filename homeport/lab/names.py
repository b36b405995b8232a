"""The names of everything that a lab makes on the machine, derived from the lab's id alone.

So `down` finds it all again after a crash, without any file. Pure: nothing here looks at the machine.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from homeport.errors import UsageError

HOST_NAME = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")
NUMBERED_NAME = re.compile(r"web([1-9][0-9]{0,2})")
LAB_FILES = frozenset(
    {
        *(
            "hosts.json",
            "hosts.new",
            "id_ed25519",
            "id_ed25519.pub",
            "known_hosts",
            "known_hosts.new",
            "known_hosts.lock",
        ),
        *("ca.pem", "ca.new", "lock", "hosts", "log", "acme", "dnsmasq.conf", "cache.json"),
    }
)
RESERVED_NAMES = frozenset({"acme", "cache", "dns", "gateway"})


def lab_id(directory: Path) -> str:
    """Return six hex digits for the lab in `directory`: short, since an interface's name has at most 15 characters."""
    return hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:6]


def check_host_name(name: str) -> str:
    """Return `name` if a host may have it: one DNS label of at most 30 characters. Raise UsageError otherwise."""
    if not HOST_NAME.fullmatch(name) or name in RESERVED_NAMES:
        reserved = ", ".join(sorted(RESERVED_NAMES))
        raise UsageError(
            f"'{name}' cannot be a host's name",
            fix=f"use lower-case letters, digits and hyphens, at most 30 characters, and none of {reserved}",
        )
    return name


def host_number(name: str) -> int | None:
    """Return 7 for `web7`, and None for a name of another form."""
    match = NUMBERED_NAME.fullmatch(name)
    return int(match[1]) if match else None


def bridge(lab: str) -> str:
    """Return the name of the lab's bridge."""
    return f"hp-{lab}"


def link(lab: str, number: int, kind: str = "v") -> str:
    """Return the name of the interface on the bridge that leads to the host with this number: kind v(eth) or t(ap)."""
    return f"hp{lab}{kind}{number}"


def links_prefix(lab: str) -> str:
    """Return what the names of all interfaces of the lab's hosts begin with."""
    return f"hp{lab}"


def namespace(lab: str, host: str) -> str:
    """Return the name of a host's network namespace."""
    return f"hp-{lab}-{host}"


def table(lab: str) -> str:
    """Return the name of the lab's nftables table."""
    return f"homeport_{lab}"


def control_group(lab: str) -> str:
    """Return the name of the control group that holds the lab's hosts, one child for each."""
    return f"homeport-{lab}"


def unit(lab: str, host: str) -> str:
    """Return the name of a host's transient unit, on a machine that runs systemd."""
    return f"homeport-{lab}-{host}.service"


def machine(lab: str, host: str) -> str:
    """Return the name under which systemd-nspawn knows a host; it must differ between labs."""
    return f"{lab}-{host}"
