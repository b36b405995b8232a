"""What the plugin (templates/traefik/front.go) knows of a site: the settings in its words. Pure."""

from __future__ import annotations

from urllib.parse import unquote

from homeport.proxies.model import errors
from homeport.proxies.model.edges import edges
from homeport.proxies.model.paths import path_rules
from homeport.settings import Settings
from homeport.steps.context import Context

KILOBYTE, MEGABYTE = 1024, 1024 * 1024


def plugin_settings(context: Context) -> dict[str, object]:
    """Return what is written down for the plugin, by the names that it has there."""
    settings = context.settings
    return {
        "domain": settings.domain,
        "aliases": list(settings.domain_aliases),
        "served": list(settings.served_domains),
        **_application(context),
        **_maintenance(context),
        **_limits(settings),
        **_visitors(settings),
        "tls13": settings.tls_profile == "modern",
        "headers": {"X-Content-Type-Options": "nosniff", **_hsts(settings), **settings.response_headers},
        "redirects": {
            path: {"target": one.target, "status": one.status, "keeps_query": one.keeps_query}
            for path, one in settings.redirects.items()
        },
        "said": {str(status): said for status, said in errors.SAID.items()},
        "error_retry": str(errors.RETRY_SECONDS),
        "json": list(errors.JSON),
        "page": list(errors.PAGE),
    }


def _application(context: Context) -> dict[str, object]:
    settings, paths = context.settings, context.paths
    return {
        "blue": f"127.0.0.1:{settings.port_blue}",
        "green": f"127.0.0.1:{settings.port_green}",
        "flag": paths.flag,
        "held": paths.held,
        "hold_seconds": settings.hold_seconds,
        "standby": settings.standby,
        "health": _health(settings),
    }


def _maintenance(context: Context) -> dict[str, object]:
    paths = context.paths
    return {
        "maintenance": paths.maintenance,
        "maintenance_page": paths.maintenance_page,
        "maintenance_retry": str(context.settings.maintenance_retry_seconds),
        "maintenance_said": errors.MAINTENANCE,
    }


def _limits(settings: Settings) -> dict[str, object]:
    return {
        "header_bytes": settings.response_headers_kilobytes * KILOBYTE,
        "body_bytes": settings.client_max_body_megabytes * MEGABYTE,
        "seconds": settings.proxy_read_timeout_seconds,
        "paths": [
            {"path": one.path, "body_bytes": one.body_megabytes * MEGABYTE, "seconds": one.read_seconds}
            for one in path_rules(settings)
        ],
    }


def _visitors(settings: Settings) -> dict[str, object]:
    """Return who may come in, how often, and whose word for a visitor's address is taken."""
    known = edges(settings, _health(settings), "")
    return {
        "allowed": list(settings.allow_from),
        "trusted": list(settings.trusted_proxies),
        "limits": [
            {"path": one.path, "at_once": one.rate.at_once, "seconds": one.rate.window_milliseconds / 1000}
            for one in known.limits
        ],
        "limit_retry": str(known.retry_seconds),
    }


def _health(settings: Settings) -> str:
    return unquote(settings.health_path.partition("?")[0])


def _hsts(settings: Settings) -> dict[str, str]:
    if not settings.hsts_seconds:
        return {}
    more = "; includeSubDomains" * settings.hsts_subdomains + "; preload" * settings.hsts_preload
    return {"Strict-Transport-Security": f"max-age={settings.hsts_seconds}{more}"}
