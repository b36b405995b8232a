"""Settings of the site: names, proxy, certificate; a part of `homeport.settings.model`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from homeport.settings.types import (
    Domain,
    Text,
    as_list,
)


class SiteSettings(BaseModel):
    """The names that the application is served under, the proxy and the certificate."""

    # --- the site --------------------------------------------------------------------------------------------------
    domain: Domain = Field(description="Name that the application is served under.")
    domain_aliases: Annotated[tuple[Domain, ...], BeforeValidator(as_list)] = Field(
        (), description="Further names: on the certificate, and redirected to `domain`."
    )
    client_max_body_megabytes: int = Field(10, ge=1, description="Largest request body that the proxy takes.")
    proxy_read_timeout_seconds: int = Field(
        60, ge=1, description="How long the proxy waits between two reads from the application."
    )
    hsts_seconds: int = Field(
        63072000,
        ge=0,
        description="max-age of Strict-Transport-Security (two years, as the preload list asks); 0: none.",
    )

    # --- the certificate -------------------------------------------------------------------------------------------
    acme_email: Text | None = Field(None, description="Address that the certificate authority writes to.")
    acme_directory_url: Text = Field(
        "https://acme-v02.api.letsencrypt.org/directory",
        pattern=r"^https://\S+$",
        description="ACME directory of the certificate authority; its TLS is checked against the host's trust store.",
    )
