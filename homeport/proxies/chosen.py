"""The proxies that there are, by their names in settings, and the step of whichever one is chosen."""

from __future__ import annotations

from homeport.proxies.caddy.proxy import Caddy
from homeport.proxies.haproxy.proxy import HAProxy
from homeport.proxies.model.proxy import Proxy
from homeport.proxies.nginx.proxy import Nginx
from homeport.proxies.traefik.proxy import Traefik
from homeport.state.wanted import OtherProxy, Part
from homeport.steps.context import Context

USUAL = "nginx"
PROXIES: dict[str, Proxy] = {one.name: one for one in (Nginx(), HAProxy(), Caddy(), Traefik())}


def proxy_of(name: str) -> Proxy:
    """Return the proxy of this name, which is one of the setting's values."""
    return PROXIES[name]


def others(context: Context) -> tuple[OtherProxy, ...]:
    """Return the proxies that a machine with the chosen one must not have as well."""
    found = (one for one in PROXIES.values() if one.name != context.settings.proxy)
    return tuple(OtherProxy(one.name, one.title, one.unit, one.mark, one.step(context)) for one in found)


def proxy(context: Context) -> Part:
    """Return the package, files and unit of the proxy that the settings name."""
    return proxy_of(context.settings.proxy).step(context)
