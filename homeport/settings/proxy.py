"""Which proxies there are, and which settings one of them does not have; a part of `homeport.settings.model`. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from homeport.settings.static import Served

ProxyName = Literal["nginx", "haproxy", "caddy"]
# What each of them is called for people.
TITLES = {"nginx": "Nginx", "haproxy": "HAProxy", "caddy": "Caddy"}
# HAProxy has one size of buffer for all sites of a machine (templates/haproxy/haproxy.cfg).
HAPROXY_HEADERS_KILOBYTES = 32
# HAProxy counts one request in three tables at most (tune.stick-counters, which version 2.6 does not have yet).
HAPROXY_RATE_LIMITS = 3
# The settings that a proxy does not have at all, each with why, and what there is instead of another proxy.
LACKS: Mapping[str, Mapping[str, str]] = {
    "haproxy": {
        "error_page": "serves no files of a release: leave error_page out",
        "brotli": "compresses nothing: leave brotli out",
    },
    "caddy": {
        "static": "serves no files: leave static out and let the application serve them (StaticFiles)",
        "spa": "serves no files: leave spa out and let the application serve them (StaticFiles)",
        "error_page": "serves no files of a release: leave error_page out",
        "brotli": "compresses by gzip alone: leave brotli out",
        "rate_limits": "counts no requests: leave rate_limits out",
        "basic_auth": "asks for no passwords: leave basic_auth out and let the application ask",
        "trusted_proxies": "does not find the visitor's address behind other proxies: leave trusted_proxies out",
        "proxy_protocol": "does not understand the PROXY protocol: leave proxy_protocol out",
        "standby": "has requests wait (hold_seconds), and asks no second release: leave standby out",
    },
}


def lacking(proxy: str, differing: Collection[str]) -> str:
    """Return which of the settings that differ from their defaults the proxy does not have; "" when it has all."""
    why = next((why for name, why in LACKS.get(proxy, {}).items() if name in differing), "")
    return f'proxy = "{proxy}" {why}, or set proxy = "nginx"' if why else ""


def unsupported(proxy: str, response_headers_kilobytes: int, served: Collection[Served] = ()) -> str:
    """Return which of the settings the proxy does not have; "" when it has all of them."""
    if proxy == "haproxy" and response_headers_kilobytes != HAPROXY_HEADERS_KILOBYTES:
        return (
            f'proxy = "haproxy" accepts headers of {HAPROXY_HEADERS_KILOBYTES} KB at most: leave '
            "response_headers_kilobytes out "
            f"(it is {response_headers_kilobytes})"
        )
    if proxy == "haproxy" and served:
        names = " and ".join(
            name for name, spa in (("static", False), ("spa", True)) if any(one.spa is spa for one in served)
        )
        return (
            f'proxy = "haproxy" serves no files: leave {names} out and let the application serve them (StaticFiles), '
            'or set proxy = "nginx"'
        )
    return ""


def too_many_limits(proxy: str, rate_limits: int) -> str:
    """Return whether the proxy has fewer `rate_limits` than this number; "" when it has as many."""
    if proxy == "haproxy" and rate_limits > HAPROXY_RATE_LIMITS:
        return (
            f'proxy = "haproxy" has {HAPROXY_RATE_LIMITS} rate_limits at most (there are {rate_limits}): name fewer '
            "paths"
        )
    return ""
