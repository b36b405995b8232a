"""Settings of the machine, which its applications share; a part of `homeport.settings.model`.

What ends in a file or a unit that a machine has once is either a single value, which all its applications have in
common (`SINGLE_VALUES`), or a list, which is each application's own and united on the machine (`LISTS`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from homeport.settings.proxy import ProxyName
from homeport.settings.proxy_protocol import Balancers, balancers
from homeport.settings.types import Balanced, Closings, Openings, Paths, PrivatePlaces, Text, TextList

# Recorded on the machine with the application that has set them (`machine/scope.py`).
SINGLE_VALUES = (
    "proxy",
    "proxy_protocol",
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
    """Settings that all applications on a host share."""

    # --- the machine -----------------------------------------------------------------------------------------------
    apt_lock_timeout_seconds: int = Field(
        300, ge=0, description="How long to wait while another apt runs (unattended upgrades on a fresh cloud machine)."
    )
    minimum_free_megabytes: int = Field(
        1024, ge=0, description="A deploy does not start with less free space than this on the host's disk."
    )

    outbound: Literal["host", "controller"] = Field(
        "host",
        description="How the host downloads what a deploy needs (packages, tools, dependencies, certificate): "
        '"host" (over its own network and proxies) or "controller" (over the SSH connection and the network of '
        "the machine that deploys, for a host without access to the internet; between deploys it has none).",
    )
    outbound_private: PrivatePlaces = Field(
        (),
        description='With `outbound = "controller"`: private places, in the network of the machine that '
        'deploys, that the host may reach as well: names, addresses or ranges, `["pypi.example.lan", '
        '"10.1.2.0/24"]`.',
    )
    take_over: Paths = Field(
        (),
        description='Files that are not homeport\'s and that a deploy may replace: `["/etc/nginx/nginx.conf"]`; '
        "a copy is kept in /var/lib/homeport/originals. A deploy that would replace any other such file changes "
        "nothing.",
    )

    take_machine: bool = Field(
        False,
        description="With `--data`: set the machine's settings although other applications on it have other "
        "values (`homeport deploy --take-machine`). Without it such a deploy is refused.",
    )

    # --- the proxy -------------------------------------------------------------------------------------------------
    proxy: ProxyName = Field(
        "nginx",
        description='The proxy that visitors reach, one for all applications of the machine: "nginx", '
        '"haproxy", "caddy" or "traefik" (docs/proxies.md says what each supports).',
    )
    replace_proxy: bool = Field(
        False,
        description="With `--data`: replace the machine's proxy by the one in the settings (`homeport deploy "
        "--replace-proxy`). This cuts open connections, and for some seconds visitors get no answer.",
    )

    proxy_protocol: Balanced | None = Field(
        None,
        description="A port for load balancers that speak the PROXY protocol, and their addresses: "
        '`"8443 from 10.0.0.0/24"`. They send what comes to their port 443 there; from these addresses alone the '
        "preamble is believed, and nobody else is heard on the port.",
    )

    # --- upkeep ----------------------------------------------------------------------------------------------------
    security_upgrades: bool = Field(
        True, description="Install the distribution's security upgrades every day (unattended-upgrades)."
    )
    reboot_time: Text | None = Field(
        None,
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description='When the machine may reboot for an upgrade that needs it, in its own time zone: "03:30"; '
        "None: do not change the machine's setting (Debian: never). Give machines behind one load balancer "
        "different times.",
    )
    journal_max_megabytes: int | None = Field(
        500, ge=50, description="Largest size of the journal; None: do not change the machine's setting."
    )
    log_rotation: bool = Field(True, description="Rotate the proxy's logs every day, or sooner at 100 MB; 14 are kept.")
    usage_record: bool = Field(
        True,
        description="Record every five minutes how much processor, memory, disk and network is used, and keep it "
        "for a week (a file of about 30 KB); `homeport status` bases its advice on it.",
    )
    time_synchronisation: bool = Field(
        True, description="Keep the clock right (systemd-timesyncd), unless another program on the machine does."
    )
    kernel_hardening: bool = Field(
        True, description="Kernel settings for a proxy and against attackers; unused protocols and core dumps are off."
    )
    swap_megabytes: Annotated[int, Field(ge=64)] | Literal["auto"] | None = Field(
        "auto",
        description='Size of the swap file; "auto": 1024 MB if the machine has no swap and less than 2 GB of '
        "memory; None: homeport makes none.",
    )

    # --- who gets in -----------------------------------------------------------------------------------------------
    firewall: bool = Field(
        True,
        description="Block all incoming connections but SSH, HTTP, HTTPS and `firewall_open`, with homeport's own "
        "nftables table; other tables are not touched. False removes it.",
    )
    firewall_open: Openings = Field(
        (),
        description='More ports to open: `["5432/tcp from 10.0.0.0/8 fd00::/8", "51820/udp", "8000-8010/tcp"]`.',
    )
    firewall_close: Closings = Field(
        (),
        description='Ports or programs that listen on the machine and may be closed: `["9100/tcp", '
        '"rpc.statd"]`. The first deploy with the firewall is refused while a listening port is neither here nor '
        "in `firewall_open`.",
    )
    sshd_hardening: bool = Field(
        True,
        description="Let sshd accept only keys and no weak algorithms, with homeport's own drop-in file. False "
        "removes it.",
    )
    sshd_close: TextList = Field(
        (),
        description="Accounts that need not log in by SSH any more. A deploy that would lock out any other "
        "account (one that logs in by password, for example) is refused, and names it.",
    )
    lockout_timeout_seconds: int = Field(
        60,
        ge=10,
        le=600,
        description="After a change of firewall or sshd: how long the host waits for a new connection that "
        "confirms the change, before it restores the previous state.",
    )

    @property
    def balancers(self) -> Balancers | None:
        """The load balancers that speak the PROXY protocol, and their port."""
        return balancers(self.proxy_protocol) if self.proxy_protocol else None

    @property
    def openings(self) -> tuple[str, ...]:
        """What is open in the firewall besides SSH, HTTP and HTTPS."""
        return (*self.firewall_open, *((self.balancers.opening,) if self.balancers else ()))
