"""What the plugin (templates/traefik/front.go) knows of a site: the settings in its words. Pure."""

from __future__ import annotations

from homeport.proxies.model.edges import edges
from homeport.proxies.model.paths import path_rules
from homeport.proxies.model.site import plain_uri, site_values
from homeport.settings import Settings
from homeport.steps.context import Context

KILOBYTE, MEGABYTE = 1024, 1024 * 1024
# What has the same name in the plugin as among the values of every proxy's site.
SAME = (
    *("domain", "aliases", "flag", "held", "hold_seconds"),
    *("maintenance", "maintenance_page", "maintenance_said"),
)


def plugin_settings(context: Context) -> dict[str, object]:
    """Return what is written down for the plugin, by the names that it has there."""
    settings = context.settings
    health = plain_uri(settings.health_path, "", ascii_only=False)
    values = site_values(context, health)
    return {
        **{name: values[name] for name in SAME},
        "served": settings.served_domains,
        "blue": f"127.0.0.1:{values['port_blue']}",
        "green": f"127.0.0.1:{values['port_green']}",
        "standby": settings.standby,
        "health": health,
        "maintenance_retry": str(values["maintenance_retry_seconds"]),
        **_limits(settings),
        **_visitors(settings, health),
        "tls13": settings.tls_profile == "modern",
        "headers": {"X-Content-Type-Options": "nosniff", **_hsts(settings), **settings.response_headers},
        "redirects": {
            path: {"target": one.target, "status": one.status, "keeps_query": one.keeps_query}
            for path, one in settings.redirects.items()
        },
        "said": values["errors"],
        "error_retry": str(values["error_retry_seconds"]),
        "json": values["error_json"],
        "page": values["error_frame"],
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


def _visitors(settings: Settings, health: str) -> dict[str, object]:
    """Return who may come in, how often, and whose word for a visitor's address is taken."""
    known = edges(settings, health, "")
    return {
        "allowed": list(settings.allow_from),
        "trusted": list(settings.trusted_proxies),
        "limits": [
            {"path": one.path, "at_once": one.rate.at_once, "seconds": one.rate.window_milliseconds / 1000}
            for one in known.limits
        ],
        "limit_retry": str(known.retry_seconds),
    }


def _hsts(settings: Settings) -> dict[str, str]:
    if not settings.hsts_seconds:
        return {}
    more = "; includeSubDomains" * settings.hsts_subdomains + "; preload" * settings.hsts_preload
    return {"Strict-Transport-Security": f"max-age={settings.hsts_seconds}{more}"}
