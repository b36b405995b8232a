"""HAProxy as a `Proxy`: what it is called, and which module knows what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeport.errors import HomeportError
from homeport.proxies.haproxy import step
from homeport.proxies.model.alone import Alone
from homeport.settings import Settings
from homeport.settings.proxy import lacking, too_many_limits, unsupported
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Part, Wanted
from homeport.steps.context import Context


class HAProxy(Alone):
    """The proxy of machines whose settings say so."""

    name, title, unit, user = "haproxy", "HAProxy", "haproxy.service", "haproxy"
    folder, mark, site_name = "/etc/haproxy/", step.LUA, "site.cfg"
    instead: Mapping[str, str] = {
        step.CONFIGURATION: "move what it needs to overrides/haproxy/haproxy.cfg of the project",
    }

    def site_path(self, app: str) -> str:
        return step.site_path(app)

    def site(self, context: Context) -> str:
        return step.site(context)

    def step(self, context: Context) -> Part:
        return step.proxy(context)

    def problems(self, settings: Settings, wanted: Wanted, found: Snapshot) -> Iterator[HomeportError]:
        # An application that has the proxy from another one of the machine was not refused with its settings.
        for said in (
            unsupported(self.name, settings.response_headers_kilobytes, settings.served)
            or lacking(self.name, settings.differing),
            too_many_limits(self.name, len(settings.rate_limits)),
        ):
            if said:
                yield HomeportError(said, key="proxy")
