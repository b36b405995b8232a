"""Traefik as a `Proxy`: what it is called, and which module knows what."""

from __future__ import annotations

from collections.abc import Mapping

from homeport.proxies.model.alone import Alone
from homeport.proxies.traefik import step
from homeport.state.wanted import Part
from homeport.steps.context import Context


class Traefik(Alone):
    """The proxy of machines whose settings say so."""

    name, title, unit, user = "traefik", "Traefik", "traefik.service", step.USER
    folder, mark, site_name = "/etc/traefik/", f"{step.PLUGIN}/front.go", "site.yaml"
    instead: Mapping[str, str] = {
        step.CONFIGURATION: "move what it needs to overrides/traefik/traefik.yaml of the project",
    }

    def site_path(self, app: str) -> str:
        return step.site_path(app)

    def site(self, context: Context) -> str:
        return step.site(context)

    def step(self, context: Context) -> Part:
        return step.proxy(context)
