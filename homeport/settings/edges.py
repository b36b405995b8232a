"""Settings of the site's edges: whom the proxy believes, lets in and how often; a part of `homeport.settings.model`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from homeport.settings.edge_values import (
    BasicAuth,
    RateLimits,
    Redirects,
    ResponseHeaders,
    TrustedRanges,
    VisitorRanges,
)
from homeport.settings.path_values import SettingsByPath
from homeport.settings.types import SiteName, as_list


class EdgeSettings(BaseModel):
    """What the proxy does before the application is asked, and adds to what it answers (docs/edges.md)."""

    # --- the edges -------------------------------------------------------------------------------------------------
    served_domains: Annotated[tuple[SiteName, ...], BeforeValidator(as_list)] = Field(
        (),
        description="More domain names that the application answers itself, on the same certificate; "
        "`domain_aliases` redirect instead. `*.example.com` is every name with one label in the place of the star.",
    )
    trusted_proxies: TrustedRanges = Field(
        (),
        description="Addresses and ranges of a CDN or load balancer in front of the machine. From these alone "
        "X-Forwarded-For is believed: logs, limits, `allow_from` and the application get the visitor's own address.",
    )
    allow_from: VisitorRanges = Field(
        (),
        description="Addresses and ranges that may visit the site, all others get 403; empty: everybody. Behind a CDN "
        "or load balancer set `trusted_proxies` too.",
    )
    basic_auth: BasicAuth = Field(
        {},
        description='Ask visitors for a user and a password: `{"guest": "GUEST_PASSWORD"}`, each user with the name '
        "of a variable in the secrets file, or in the environment of the deploying command. The application gets "
        "neither the variable nor the header Authorization.",
    )
    response_headers: ResponseHeaders = Field(
        {},
        description='Headers that every answer has, errors too: `{"X-Frame-Options": "DENY"}`. They take the place of '
        "the application's own of that name.",
    )
    redirects: Redirects = Field(
        {},
        description='Paths that lead elsewhere: `{"/old": "/new", "/docs": {"target": "https://docs.example.com/", '
        '"status": 302}}`. The status is 308 unless it is given.',
    )
    rate_limits: RateLimits = Field(
        {},
        description='How often one client may ask for what is below a path: `{"/login": "5/minute", "/": {"rate": '
        '"20/second", "burst": 100}}`. More gets 429. A client is an IPv4 address, or a network of IPv6 (/64).',
    )
    path_settings: SettingsByPath = Field(
        {},
        description="What differs for a path and all below it: "
        '`{"/upload": {"client_max_body_megabytes": 500, "proxy_read_timeout_seconds": 600}, '
        '"/events": {"streamed": True}}`. '
        "`streamed` answers are not compressed, and each piece is sent on at once.",
    )
    brotli: bool = Field(
        False,
        description="Compress answers by Brotli for whoever accepts it, as browsers do; by Debian's module for Nginx. "
        "False: by gzip alone.",
    )
