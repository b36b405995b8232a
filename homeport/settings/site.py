"""Settings of the site: names, proxy, certificate; a part of `homeport.settings.model`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from homeport.host.system.site_names import STAR
from homeport.settings.types import (
    Domain,
    Email,
    SiteName,
    Text,
    as_list,
)

# The minimum that hstspreload.org requires of a site, a year (its "Submission Requirements").
PRELOAD_SECONDS = 31536000


class SiteSettings(BaseModel):
    """The names that the application is served under, the proxy and the certificate."""

    # --- the site --------------------------------------------------------------------------------------------------
    domain: Domain = Field(description="Domain name of the site.")
    domain_aliases: Annotated[tuple[SiteName, ...], BeforeValidator(as_list)] = Field(
        (),
        description="More domain names: they are on the certificate too, and redirect to `domain`. `*.example.com` is "
        "every name with one label in the place of the star.",
    )
    former_domain: Domain | None = Field(
        None,
        description="The site's old domain name, when you replace all its names in one deploy. Such a deploy is "
        "refused without it, since the site could belong to another project; not needed while the old name is one "
        "of `domain_aliases`.",
    )
    client_max_body_megabytes: int = Field(10, ge=1, description="Largest request body that the proxy accepts.")
    proxy_read_timeout_seconds: int = Field(
        60, ge=1, description="How long the proxy waits for the next part of the application's answer."
    )
    hold_seconds: int = Field(
        10,
        ge=0,
        le=120,
        description="How long a request waits while the application does not accept connections (it restarts, has "
        "crashed, or the machine boots); after that the answer is 503 with Retry-After. 0: it is refused at once.",
    )
    response_headers_kilobytes: int = Field(
        32,
        ge=4,
        le=128,
        description="Largest headers of an answer that the proxy accepts; with larger ones visitors get 502.",
    )
    maintenance_retry_seconds: int = Field(
        300, ge=1, description="When visitors of the maintenance page should come back (Retry-After)."
    )
    tls_profile: Literal["intermediate", "modern"] = Field(
        "intermediate",
        description="Mozilla's TLS profile (version 6.0) of this site: `intermediate` (TLS 1.2 and 1.3) or "
        "`modern` (only TLS 1.3).",
    )
    hsts_seconds: int = Field(
        63072000,
        ge=0,
        description="max-age of Strict-Transport-Security (two years) for the site's own names; 0: no such header.",
    )
    hsts_subdomains: bool = Field(
        False,
        description="Extend it to all subdomains of the site's names, whoever serves them: for hsts_seconds, "
        "browsers open none of them without HTTPS.",
    )
    hsts_preload: bool = Field(
        False,
        description="Agree that browsers put the site on their built-in lists (hstspreload.org); needs "
        "hsts_subdomains and a year.",
    )

    # --- the certificate -------------------------------------------------------------------------------------------
    tls: Literal["acme", "files"] = Field(
        "acme",
        description="Where the certificate comes from: `acme` (Certbot requests it from a certificate authority) "
        "or `files` (you provide it).",
    )
    tls_certificate_file: Text | None = Field(
        None,
        description='With `tls = "files"`: the certificate chain as PEM, the site\'s own certificate first; a '
        "file in the project.",
    )
    tls_key_file: Text | None = Field(
        None, description='With `tls = "files"`: the private key as PEM, without a passphrase; keep it out of git.'
    )
    acme_email: Email | None = Field(None, description="Address that the certificate authority writes to.")
    acme_directory_url: Text = Field(
        "https://acme-v02.api.letsencrypt.org/directory",
        pattern=r"^https://\S+$",
        description="ACME directory of the certificate authority; the host must trust the authority's own TLS "
        "certificate.",
    )
    acme_profile: Text | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Certificate profile, by the authority's name for it (Let's Encrypt: `tlsserver`, "
        "`shortlived`); None: the authority's default. An authority that does not know the profile gives no "
        "certificate.",
    )
    acme_key_curve: Literal["secp256r1", "secp384r1"] = Field(
        "secp256r1", description="Curve of the certificate's ECDSA key."
    )
    acme_dns_plugin: Text | None = Field(
        None,
        pattern=r"^certbot-dns-[a-z0-9-]+$",
        description="Certbot plugin that proves the names by DNS (`certbot-dns-rfc2136`), for names with a star, "
        "and for hosts that the authority cannot reach; None: proof by HTTP.",
    )
    acme_dns_requirements_file: Text | None = Field(
        None, description="Requirements file of the plugin, with pinned versions and hashes; in the project."
    )
    acme_dns_credentials_file: Text | None = Field(
        None,
        description="The plugin's credentials, an ini file as the plugin's documentation describes it; keep it "
        "out of git.",
    )
    acme_dns_propagation_seconds: int = Field(
        60, ge=0, description="How long the plugin waits for the domain's name servers before the authority checks."
    )

    @field_validator(
        *("tls_certificate_file", "tls_key_file", "acme_profile"),
        *("acme_dns_plugin", "acme_dns_requirements_file", "acme_dns_credentials_file"),
        mode="before",
    )
    @classmethod
    def _no_file(cls, value: object) -> object:
        # `--data tls_key_file=None` arrives as text.
        return None if value == "None" else value

    @model_validator(mode="after")
    def _whole_sets(self) -> Self:
        """Have the settings that belong together stand together: half of them would be passed over in silence."""
        if self.hsts_preload and not (self.hsts_subdomains and self.hsts_seconds >= PRELOAD_SECONDS):
            raise ValueError(f"hsts_preload needs hsts_subdomains = True and hsts_seconds of {PRELOAD_SECONDS} or more")
        if self.hsts_subdomains and not self.hsts_seconds:
            raise ValueError("hsts_subdomains needs hsts_seconds, which says for how long")
        pair = (self.tls_certificate_file, self.tls_key_file)
        if self.tls == "files" and not all(pair):
            raise ValueError('tls = "files" needs tls_certificate_file and tls_key_file')
        if self.tls != "files" and any(pair):
            raise ValueError('tls_certificate_file and tls_key_file are for tls = "files"')
        plugin = (self.acme_dns_requirements_file, self.acme_dns_credentials_file)
        if self.acme_dns_plugin and not all(plugin):
            raise ValueError("acme_dns_plugin needs acme_dns_requirements_file and acme_dns_credentials_file")
        if any(plugin) and not self.acme_dns_plugin:
            raise ValueError("acme_dns_requirements_file and acme_dns_credentials_file are for acme_dns_plugin")
        return self


def unproven(domains: Iterable[str], *, by_dns: bool, provided: bool) -> str:
    """Return why no certificate can be had for one of the names; "" when it can be for all.

    A name with a star is proven by DNS alone: Let's Encrypt and all others follow RFC 8555, 8.3 and 8.4, and the
    CA/Browser Forum's Baseline Requirements, 3.2.2.4.19.
    """
    star = next((name for name in domains if name.startswith(STAR)), "")
    if not star or by_dns or provided:
        return ""
    return (
        f"{star} needs a certificate that is proven by DNS: set acme_dns_plugin, or provide one "
        '(tls = "files"), or name each name in served_domains or domain_aliases'
    )
