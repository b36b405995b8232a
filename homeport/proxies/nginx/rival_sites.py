"""Sites of others on a host that have a name of ours: Nginx serves the one that it reads first. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from homeport.errors import HomeportError
from homeport.state.paths import NGINX_DEFAULT, NGINX_WELCOME
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Wanted

HTTP, HTTPS = 80, 443
PORTS = (HTTP, HTTPS)
Rival = tuple[str, int, str]


def rivals(domains: Collection[str], wanted: Wanted, found: Snapshot) -> tuple[Rival, ...]:
    """Return name, port and file of each site of others with a name of ours; those in files that go do not count."""
    going = {NGINX_DEFAULT, *wanted.take_over, *({NGINX_WELCOME} & found.file_origins.pristine)}
    return tuple(
        dict.fromkeys(
            (name, port, server.file)
            for server in found.servers
            if server.file not in going
            for name in server.names
            if name in domains
            for port in _ports(server.listens)
        )
    )


def _ports(listens: Collection[str]) -> Iterator[int]:
    for listen in listens:
        place = listen.split()[0]
        found = re.search(r"(?:^|:)(\d+)$", place)
        port = int(found[1]) if found else 0 if place.startswith("unix:") else HTTP
        if port in PORTS:
            yield port


def refusal(domains: Collection[str], wanted: Wanted, found: Snapshot) -> HomeportError | None:
    """Return why a first deploy would end without the site being served; None when it would not.

    Later ones are warned: what is served was arranged by somebody. Port 80 counts where the authority asks there
    (RFC 8555, 8.3), and would meet the other site.
    """
    if wanted.certificate is None:
        return None
    by_http = not wanted.certificate.folder and wanted.certificate.authenticator == "webroot"
    counting = (HTTPS, HTTP) if by_http else (HTTPS,)
    others = [one for port in counting for one in rivals(domains, wanted, found) if one[1] == port]
    if found.live_release or not others:
        return None
    name, port, file = others[0]
    asked = ", also to the authority, which asks there for the certificate" if port == HTTP else ""
    return HomeportError(
        f"{file} has the name {name} on port {port}, and Nginx would go on to serve that site{asked}",
        key="domain",
        fix="take the name out of it, or the file away, and deploy again",
    )


def warnings(domains: Collection[str], wanted: Wanted, found: Snapshot) -> tuple[str, ...]:
    """Return a line for each name of ours that somebody else's site has."""
    return tuple(
        f"{file} has the name {name} on port {port} too, and Nginx serves that site: take it out there"
        for name, port, file in rivals(domains, wanted, found)
    )
