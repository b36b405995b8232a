"""Which proxies there are, and which settings one of them does not have; a part of `homeport.settings.model`. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from homeport.settings.static import Served

ProxyName = Literal["nginx", "haproxy"]
# HAProxy has one size of buffer for all sites of a machine (templates/haproxy/haproxy.cfg).
HAPROXY_HEADERS_KILOBYTES = 32
# HAProxy counts one request in three tables at most (tune.stick-counters, which version 2.6 does not have yet).
HAPROXY_RATE_LIMITS = 3


def unsupported(
    proxy: str,
    response_headers_kilobytes: int,
    served: Collection[Served] = (),
    error_page: str | None = None,
    *,
    brotli: bool = False,
) -> str:
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
    if proxy == "haproxy" and error_page:
        return 'proxy = "haproxy" serves no files of a release: leave error_page out, or set proxy = "nginx"'
    if proxy == "haproxy" and brotli:
        return 'proxy = "haproxy" compresses nothing: leave brotli out, or set proxy = "nginx"'
    return ""


def too_many_limits(proxy: str, rate_limits: int) -> str:
    """Return whether the proxy has fewer `rate_limits` than this number; "" when it has as many."""
    if proxy == "haproxy" and rate_limits > HAPROXY_RATE_LIMITS:
        return (
            f'proxy = "haproxy" has {HAPROXY_RATE_LIMITS} rate_limits at most (there are {rate_limits}): name fewer '
            "paths"
        )
    return ""
