"""Settings of the machine, which its applications share; a part of `homeport.settings.model`."""

from __future__ import annotations

from pydantic import BaseModel, Field

from homeport.settings.types import Openings


class MachineSettings(BaseModel):
    """What all applications on a host share."""

    # --- the machine -----------------------------------------------------------------------------------------------
    apt_lock_timeout_seconds: int = Field(
        300, ge=0, description="How long to wait for another apt (unattended upgrades on a fresh cloud machine)."
    )
    minimum_free_megabytes: int = Field(
        1024, ge=0, description="Free space on the host's disk below which nothing is begun."
    )

    # --- who gets in -----------------------------------------------------------------------------------------------
    firewall: bool = Field(
        True,
        description="Let nothing into the machine but SSH, HTTP, HTTPS and `firewall_open`, by a table of nftables of "
        "our own; others are left alone. False removes it, unless another application on the machine has it on.",
    )
    firewall_open: Openings = Field(
        (),
        description='What is open besides: `["5432/tcp from 10.0.0.0/8 fd00::/8", "51820/udp", "8000-8010/tcp"]`.',
    )
    sshd_hardening: bool = Field(
        True,
        description="Have sshd take keys only, and no weak algorithm, by a drop-in file of ours. False removes it, "
        "unless another application on the machine has it on.",
    )
    lockout_timeout_seconds: int = Field(
        60,
        ge=10,
        le=600,
        description="How long a changed firewall or sshd waits for the new connection that confirms it, before the "
        "host restores what was there.",
    )
