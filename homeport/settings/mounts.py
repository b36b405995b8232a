"""An application that has no name of its own: it is mounted on another one's site, below a path. Pure.

A part of `homeport.settings.model`. The other one is the owner: name, certificate and edges are its own to set.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, field_validator

from homeport.settings.proxy import TITLES
from homeport.settings.static import place
from homeport.settings.types import AppName, Text

# What holds for the whole name, so that the owner alone may say it.
OWNERS = (
    *("domain_aliases", "served_domains", "former_domain", "tls_profile", "tls", "tls_certificate_file"),
    *("tls_key_file", "hsts_seconds", "hsts_subdomains", "hsts_preload", "maintenance_retry_seconds"),
    *("trusted_proxies", "allow_from", "basic_auth", "response_headers", "redirects", "rate_limits", "brotli"),
)
# What a mounted application does not have, and why.
LACKING: Mapping[str, str] = {
    **dict.fromkeys(("static", "spa", "api_paths", "error_page"), "let the application serve its files (StaticFiles)"),
    "path_settings": "a mounted application has one limit of each kind for all of its paths",
    "standby": "requests to a mounted application wait (hold_seconds) where a standby would answer",
}
# Those that can be told the path that they are below.
SERVERS = ("fastapi", "uvicorn")


def _path(value: str | None) -> str | None:
    if value is None:
        return None
    found = place(1, value)
    if found == "/":
        raise ValueError('must be a path below "/", which is the owner\'s')
    return found


class MountSettings(BaseModel):
    """Where an application is served that has no name of its own."""

    # --- below another application's name --------------------------------------------------------------------------
    mounted_on: AppName | None = Field(
        None,
        description="The application on the same machine whose name this one is served under, below `mount_path`; "
        "`domain` is that name. It gets no certificate of its own, and comes and goes without the other's deploy.",
    )
    mount_path: Annotated[Text | None, AfterValidator(_path)] = Field(
        None,
        description='The path that it is served below: `"/shop"`. The application gets requests without it, and is '
        "told it as its root path.",
    )

    @field_validator("mounted_on", "mount_path", mode="before")
    @classmethod
    def _unset_mount(cls, value: object) -> object:
        # `--data mounted_on=None` arrives as text.
        return None if value == "None" else value


def mount_problem(given: Mapping[str, object], differing: Collection[str]) -> str:
    """Return why an application with these settings cannot be mounted; "" when it can, or need not.

    `differing` are the settings that have another value than their default.
    """
    if (given["mounted_on"] is None) != (given["mount_path"] is None):
        return "mounted_on and mount_path belong together"
    if given["mounted_on"] is None:
        return ""
    if given["mounted_on"] == given["app_name"]:
        return "mounted_on must be another application"
    if given["proxy"] != "nginx":
        return f'mounted_on needs proxy = "nginx": with {TITLES[str(given["proxy"])]} each name is one application\'s'
    if given["server"] not in SERVERS:
        return f'mounted_on needs server = "fastapi" or "uvicorn": {given["server"]} cannot be told its root path'
    if both := next((name for name in OWNERS if name in differing), None):
        return f"{both} is for the whole name: set it for {given['mounted_on']}, which owns the name, and not here"
    if lacking := next((name for name in LACKING if name in differing), None):
        return f"{lacking} is not for an application with mounted_on: {LACKING[lacking]}"
    return ""
