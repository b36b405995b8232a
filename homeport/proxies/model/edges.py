"""The site's edges as the templates of every proxy have them: settings, and what follows from them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from homeport.errors import UsageError
from homeport.secrets.passwords import hashed
from homeport.settings import Settings
from homeport.settings.edge_values import RateLimit, Redirect
from homeport.settings.proxy_protocol import Balancers
from homeport.steps.context import Context

# More proxies one behind the other than anybody has; HAProxy looks at ten entries of a header at most.
HOPS = 8


class Header(NamedTuple):
    """A header of every answer, its value as it stands between double quotes."""

    name: str
    value: str


class Limit(NamedTuple):
    """A limit of requests, with its number, for what is below `path`."""

    number: int
    path: str
    rate: RateLimit


@dataclass(frozen=True)
class Edges:
    """What the templates need. `name` is the application's as names of variables may have it; `inside` is the health
    path, for which the machine itself is asked neither for an address nor a password ("": it cannot be named).
    """

    name: str
    domain: str
    inside: str
    trusted_proxies: tuple[str, ...]
    allow_from: tuple[str, ...]
    users_file: str
    headers: tuple[Header, ...]
    redirects: Mapping[str, Redirect]
    limits: tuple[Limit, ...]
    served_domains: tuple[str, ...]
    balancers: Balancers | None = None
    hops: int = HOPS

    @property
    def asks(self) -> bool:
        """Tell whether there is anything that the machine's own requests are let off."""
        return bool(self.allow_from or self.users_file or self.limits)

    @property
    def retry_seconds(self) -> int:
        """Return after which time whoever was refused may come again, by the slowest limit; 0 without any."""
        return max((limit.rate.retry_seconds for limit in self.limits), default=0)


def edges(settings: Settings, health_uri: str, users_file: str) -> Edges:
    """Return the edges of a site whose users, if there are any, stand in `users_file`."""
    return Edges(
        name=settings.app_name.replace("-", "_"),
        domain=settings.domain,
        inside=health_uri,
        trusted_proxies=settings.trusted_proxies,
        allow_from=settings.allow_from,
        users_file=users_file if settings.basic_auth else "",
        headers=tuple(Header(name, _quoted(value)) for name, value in settings.response_headers.items()),
        redirects=settings.redirects,
        limits=tuple(Limit(number, *one) for number, one in enumerate(settings.rate_limits.items(), 1)),
        served_domains=settings.served_domains,
        balancers=settings.balancers,
    )


def user_hashes(context: Context) -> dict[str, str]:
    """Return the password's hash of each user; none without the secrets, when only paths are asked for."""
    settings, secrets = context.settings, context.proxy_secrets
    return {
        user: hashed(secrets[name], settings.app_name, settings.domain, user)
        for user, name in settings.basic_auth.items()
        if name in secrets
    }


def check_overridden(settings: Settings, text: str, template: str, marks: Mapping[str, str]) -> str:
    """Return the site's text; raise UsageError when an override has dropped what keeps visitors out.

    `marks` are words of the configuration by setting.
    """
    for key, mark in marks.items():
        if getattr(settings, key) and not re.search(mark, text):
            raise UsageError(
                f"overrides/{template} has no part for it, and everybody would be let in",
                key=key,
                fix=f'begin the override with {{% extends "homeport/{template}" %}} and change its blocks',
            )
    return text


def _quoted(value: str) -> str:
    """Return a value as it stands between double quotes; a "$" it has not."""
    return value.replace("\\", "\\\\").replace('"', '\\"')
