"""Settings of the machine, which its applications share; a part of `homeport.settings.model`.

What ends in a file or a unit that a machine has once is either a single value, which all its applications have in
common (`SINGLE_VALUES`), or a list, which is each application's own and united on the machine (`LISTS`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from homeport.settings.proxy import ProxyName
from homeport.settings.types import Closings, Openings, Paths, PrivatePlaces, Text, TextList

# Recorded on the machine with the application that has set them (`machine/scope.py`).
SINGLE_VALUES = (
    "proxy",
    "security_upgrades",
    "reboot_time",
    "journal_max_megabytes",
    "log_rotation",
    "usage_record",
    "time_synchronisation",
    "kernel_hardening",
    "swap_megabytes",
    "firewall",
    "sshd_hardening",
)
# `packages` of the application are one too. An opening is in a file of its application; a package stays installed.
LISTS = ("firewall_open",)


class MachineSettings(BaseModel):
    """What all applications on a host share."""

    # --- the machine -----------------------------------------------------------------------------------------------
    apt_lock_timeout_seconds: int = Field(
        300, ge=0, description="How long to wait for another apt (unattended upgrades on a fresh cloud machine)."
    )
    minimum_free_megabytes: int = Field(
        1024, ge=0, description="Free space on the host's disk below which nothing is begun."
    )

    outbound: Literal["host", "controller"] = Field(
        "host",
        description="How what a deploy fetches for the host (packages, tools, dependencies, certificate) gets there: "
        '"host" (by its own network and proxies) or "controller" (by the SSH connection and the machine that deploys, '
        "for a host that reaches nobody; between deploys it goes without).",
    )
    outbound_private: PrivatePlaces = Field(
        (),
        description='With `outbound = "controller"`: what the host is led to although it is not public but of the '
        'network of the machine that deploys, a name, an address or a range: `["pypi.example.lan", "10.1.2.0/24"]`.',
    )
    take_over: Paths = Field(
        (),
        description="Files of somebody else's that a deploy may replace, of which it keeps a copy in "
        '/var/lib/homeport/originals: `["/etc/nginx/nginx.conf"]`. It changes nothing when it would replace others.',
    )

    take_machine: bool = Field(
        False,
        description="With `--data`: take the machine over from its other applications, whose values for it differ from "
        "this one's (`homeport deploy --take-machine`). Without it a deploy that differs is refused.",
    )

    # --- the proxy -------------------------------------------------------------------------------------------------
    proxy: ProxyName = Field(
        "nginx",
        description='What visitors reach, the same for all applications of the machine: "nginx" or "haproxy" (what it '
        "keeps and what it cannot: docs/proxies.md).",
    )
    replace_proxy: bool = Field(
        False,
        description="With `--data`: put the proxy of the settings in the place of the one that the machine has "
        "(`homeport deploy --replace-proxy`). Open connections are cut, and for some seconds nobody is answered.",
    )

    # --- upkeep ----------------------------------------------------------------------------------------------------
    security_upgrades: bool = Field(
        True, description="Install the distribution's security upgrades every day (unattended-upgrades)."
    )
    reboot_time: Text | None = Field(
        None,
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description='When the machine may reboot for an upgrade that needs it, by its own clock: "03:30"; None: as '
        "the machine has it (Debian: never). Give the machines behind one proxy different times.",
    )
    journal_max_megabytes: int | None = Field(
        500, ge=50, description="How large the journal may become; None: as the machine has it."
    )
    log_rotation: bool = Field(
        True, description="Rotate the proxy's logs every day, or sooner when they reach 100 MB; 14 are kept."
    )
    usage_record: bool = Field(
        True,
        description="Write down every five minutes how much of processors, memory, disk and network is used, for a "
        "week: a file of some 30 KB, by which `homeport status` advises.",
    )
    time_synchronisation: bool = Field(
        True, description="Keep the clock right (systemd-timesyncd), unless something else on the machine does."
    )
    kernel_hardening: bool = Field(
        True, description="Kernel settings for a proxy and against attackers, unused protocols off, no core dumps."
    )
    swap_megabytes: Annotated[int, Field(ge=64)] | Literal["auto"] | None = Field(
        "auto",
        description='Swap file; "auto": of 1024 MB when the machine has no swap and less than 2 GB of memory; None: '
        "none of ours.",
    )

    # --- who gets in -----------------------------------------------------------------------------------------------
    firewall: bool = Field(
        True,
        description="Let nothing into the machine but SSH, HTTP, HTTPS and `firewall_open`, by a table of nftables of "
        "our own; others are left alone. False removes it.",
    )
    firewall_open: Openings = Field(
        (),
        description='What is open besides: `["5432/tcp from 10.0.0.0/8 fd00::/8", "51820/udp", "8000-8010/tcp"]`.',
    )
    firewall_close: Closings = Field(
        (),
        description='What listens on the machine and need not be reached any more, a port or a program: `["9100/tcp", '
        '"rpc.statd"]`. The first deploy does not cut what is named neither here nor in `firewall_open`: it refuses.',
    )
    sshd_hardening: bool = Field(
        True,
        description="Have sshd take keys only, and no weak algorithm, by a drop-in file of ours. False removes it.",
    )
    sshd_close: TextList = Field(
        (),
        description="Accounts that need not log in by SSH any more. A deploy that would lock out somebody else, whose "
        "only way in is a password, say, refuses and names them.",
    )
    lockout_timeout_seconds: int = Field(
        60,
        ge=10,
        le=600,
        description="How long a changed firewall or sshd waits for the new connection that confirms it, before the "
        "host restores what was there.",
    )
