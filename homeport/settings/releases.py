"""Settings of how one release follows another; a part of `homeport.settings.model`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from homeport.settings.types import Hooks, ReleaseName, Releases, Text


class ReleaseSettings(BaseModel):
    """Settings of a release's health, of the switch to it, of hooks around it, and of a way back."""

    # --- health and switching --------------------------------------------------------------------------------------
    health_path: Text = Field(
        "/health", pattern=r"^/[!-~]*$", description="Path that answers when the application is ready to serve."
    )
    health_status: int = Field(200, ge=100, le=599, description="HTTP status of a healthy answer.")
    health_timeout_seconds: int = Field(60, ge=1, description="How long a new release may take to become healthy.")
    health_successes: int = Field(2, ge=1, description="Good answers in a row that count as healthy.")
    watch_seconds: int = Field(
        5, ge=0, description="How long a release is watched after the switch; if it fails, the old one is live again."
    )
    switch: Literal["overlap", "restart"] = Field(
        "overlap",
        description='"overlap": the new release starts before the old one stops, and no request is lost; '
        '"restart": the old one stops first, for machines without memory for two, and requests wait until the '
        "new one is healthy (hold_seconds).",
    )
    standby: bool = Field(
        False,
        description="Keep the previous release running after a switch: it answers while the live one is down, and "
        "a rollback to it is instant. It needs memory for both.",
    )
    drain_timeout_seconds: int = Field(
        30, ge=0, description="How long the old slot may take to finish its requests after the switch."
    )
    stop_timeout_seconds: int = Field(30, ge=1, description="How long the application may take to stop when told to.")
    keep_releases: int = Field(
        5, ge=2, description="How many good releases to keep on the host, including the live and the previous one."
    )
    pinned_releases: Releases = Field((), description="Releases (ids) that are never removed from the host.")
    lock_wait_seconds: int = Field(
        0, ge=0, description="How long to wait while another deploy to the host runs; after that the exit status is 4."
    )

    # --- hooks -----------------------------------------------------------------------------------------------------
    hooks_before_migration: Hooks = Field(
        (),
        description="Shell commands before a release's migration; one that fails ends the deploy. Each is a text, or "
        '`{"command": …, "user": "root", "timeout_seconds": 60}`.',
    )
    hooks_after_live: Hooks = Field((), description="Shell commands after a release went live.")
    hooks_on_failure: Hooks = Field((), description="Shell commands after a release failed, before the error is shown.")

    # --- going back ------------------------------------------------------------------------------------------------
    release: ReleaseName | None = Field(
        None,
        description='With `--data`: go back to this release (an id, or "previous") instead of deploying.',
    )
    accept_migrations: bool = Field(
        False,
        description="With `release`: go back although there were migrations in between, which a rollback does not "
        "undo.",
    )
