"""Caddy as a `Proxy`: what it is called, and which module knows what."""

from __future__ import annotations

from collections.abc import Mapping

from homeport.proxies.caddy import step
from homeport.proxies.model.alone import Alone
from homeport.state.wanted import Part
from homeport.steps.context import Context


class Caddy(Alone):
    """The proxy of machines whose settings say so."""

    name, title, unit, user = "caddy", "Caddy", "caddy.service", "caddy"
    folder, mark, site_name = "/etc/caddy/", step.PREPARE, "site.caddy"
    instead: Mapping[str, str] = {
        step.CONFIGURATION: "move what it needs to overrides/caddy/Caddyfile of the project",
    }

    def site_path(self, app: str) -> str:
        return step.site_path(app)

    def site(self, context: Context) -> str:
        return step.site(context)

    def step(self, context: Context) -> Part:
        return step.proxy(context)
