"""Nginx as a `Proxy`: what it is called, and which module knows what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from homeport.errors import HomeportError
from homeport.proxies.nginx import default_server, rival_sites, step
from homeport.settings import Settings
from homeport.settings.proxy_protocol import two_sources
from homeport.state.changes import Change
from homeport.state.paths import NGINX_CONF, NGINX_DEFAULT
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Part, Wanted
from homeport.steps.context import Context


class Nginx:
    """The proxy that machines have unless their settings say otherwise."""

    name, title, unit, user = "nginx", "Nginx", "nginx.service", step.USER
    folder, mark, site_name = "/etc/nginx/", NGINX_DEFAULT, "site.conf"
    instead: Mapping[str, str] = {
        NGINX_CONF: "move what it needs to /etc/nginx/conf.d/ or to overrides/nginx/nginx.conf of the project",
    }

    def site_path(self, app: str) -> str:
        return step.site_path(app)

    def site(self, context: Context) -> str:
        return step.site(context)

    def step(self, context: Context) -> Part:
        return step.proxy(context)

    def defaults(self, found: Snapshot, take_over: Collection[str]) -> dict[str, str]:
        servers = default_server.defaults_elsewhere(found, take_over)
        return {address: server.file for address, server in servers.items()}

    def notes(self, path: str, found: Snapshot, take_over: Collection[str]) -> list[Change]:
        return default_server.default_notes(found, take_over) if path == NGINX_DEFAULT else []

    def answers_every_name(self, found: Snapshot, take_over: Collection[str]) -> bool:
        return default_server.answers_every_name(found, take_over)

    def problems(self, settings: Settings, wanted: Wanted, found: Snapshot) -> Iterator[HomeportError]:
        for problem in (
            default_server.protocols_refusal(settings, found),
            rival_sites.refusal(settings.domains, wanted, found),
        ):
            if problem:
                yield problem
        # An application that has proxy_protocol from another one of the machine was not refused with its settings.
        if said := two_sources(self.name, settings.proxy_protocol, settings.trusted_proxies):
            yield HomeportError(said, key="trusted_proxies")

    def warnings(self, settings: Settings, wanted: Wanted, found: Snapshot) -> tuple[str, ...]:
        return rival_sites.warnings(settings.domains, wanted, found)
