"""What the site of every proxy is made of: the values that its template has, whichever program it is for. Pure."""

from __future__ import annotations

from urllib.parse import unquote

from homeport.proxies.model import errors, holding
from homeport.proxies.model.paths import path_rules
from homeport.steps.context import Context


def application_values(context: Context) -> dict[str, object]:
    """Return what there is of the application, where its site is and where it is mounted."""
    settings = context.settings
    return {
        "app": settings.app_name,
        "port_blue": settings.port_blue,
        "port_green": settings.port_green,
        "flag": context.paths.flag,
        "client_max_body_megabytes": settings.client_max_body_megabytes,
        "proxy_read_timeout_seconds": settings.proxy_read_timeout_seconds,
        **holding.values(context),
        **errors.values(context),
    }


def site_values(context: Context, health_uri: str) -> dict[str, object]:
    """Return what there is of a site with a name of its own; `health_uri` is the health path as `plain_uri` has it."""
    settings, paths = context.settings, context.paths
    return {
        **application_values(context),
        "domain": settings.domain,
        "aliases": settings.domain_aliases,
        "maintenance": paths.maintenance,
        "maintenance_page": paths.maintenance_page,
        "maintenance_retry_seconds": settings.maintenance_retry_seconds,
        "health_uri": health_uri,
        "tls_profile": settings.tls_profile,
        "hsts_seconds": settings.hsts_seconds,
        "hsts_subdomains": settings.hsts_subdomains,
        "hsts_preload": settings.hsts_preload,
        "paths": path_rules(settings),
    }


def plain_uri(path: str, unspeakable: str, *, ascii_only: bool = True) -> str:
    """Return a path as a proxy compares it; "" for one that has a character which its configuration cannot name."""
    uri = unquote(path.partition("?")[0])
    return "" if set(uri) & set(unspeakable) or (ascii_only and not uri.isascii()) else uri
