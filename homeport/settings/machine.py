"""Settings of the machine, which its applications share; a part of `homeport.settings.model`."""

from __future__ import annotations

from pydantic import BaseModel, Field


class MachineSettings(BaseModel):
    """What all applications on a host share."""

    # --- the machine -----------------------------------------------------------------------------------------------
    apt_lock_timeout_seconds: int = Field(
        300, ge=0, description="How long to wait for another apt (unattended upgrades on a fresh cloud machine)."
    )
    minimum_free_megabytes: int = Field(
        1024, ge=0, description="Free space on the host's disk below which nothing is begun."
    )
