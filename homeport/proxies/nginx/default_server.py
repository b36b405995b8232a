"""Whose the default server of an address is: that of requests that name no site, and of every TLS handshake's start.

Nginx before 1.29.2 takes protocols and curves of a handshake from the default server of its address (measured on 1.22
and 1.26). One that is somebody else's goes on: an address can have only one that says so, and where none does it is the
first that Nginx reads, which ours would take the place of.
"""

from __future__ import annotations

from collections.abc import Collection

from homeport.errors import HomeportError
from homeport.settings import Settings
from homeport.state.changes import Change
from homeport.state.paths import NGINX_DEFAULT, NGINX_WELCOME
from homeport.state.snapshot import ServerFound, Snapshot

HTTP, HTTPS = ("80", "[::]:80"), ("443", "[::]:443")
# How Nginx may be told of all IPv4 addresses.
ANYWHERE = ("*", "0.0.0.0")  # noqa: S104
OURS = frozenset({"TLSv1.2", "TLSv1.3"})


def defaults_elsewhere(found: Snapshot, take_over: Collection[str]) -> dict[str, ServerFound]:
    """Return the default servers of others by address (those of `HTTP` and `HTTPS`).

    Files that are somebody's and that are in `take_over` go, as does the package's welcome page.
    """
    goes = {*take_over, *({NGINX_WELCOME} & found.file_origins.pristine)}
    others = [one for one in found.servers if one.file != NGINX_DEFAULT and one.file not in goes]
    ours = {address for one in found.servers if one.file == NGINX_DEFAULT for address in _addresses(one, explicit=True)}
    elsewhere: dict[str, ServerFound] = {}
    for explicit in (True, False):
        for server in others:
            for address in _addresses(server, explicit=explicit):
                if explicit or address not in ours:
                    elsewhere.setdefault(address, server)
    return {address: elsewhere[address] for address in (*HTTP, *HTTPS) if address in elsewhere}


def answers_every_name(found: Snapshot, take_over: Collection[str]) -> bool:
    """Tell whether our default server answers for names whose site is not in place yet: the authority's questions."""
    return not set(HTTP) & set(defaults_elsewhere(found, take_over))


def default_notes(found: Snapshot, take_over: Collection[str]) -> list[Change]:
    """Return, for a plan, which default servers are left to others, and what that means for our sites."""
    files: dict[str, list[str]] = {}
    elsewhere = defaults_elsewhere(found, take_over)
    for address, server in elsewhere.items():
        files.setdefault(server.file, []).append(address)
    return [
        Change("leave", f"the default server of {' and '.join(addresses)}", f"{file}: {_means(elsewhere, addresses)}")
        for file, addresses in files.items()
    ]


def protocols_refusal(settings: Settings, found: Snapshot) -> HomeportError | None:
    """Tell whether somebody's default server of 443 allows no protocol that the site has: nobody could connect."""
    wanted = {"TLSv1.3"} if settings.tls_profile == "modern" else {"TLSv1.2", "TLSv1.3"}
    for address, server in defaults_elsewhere(found, settings.take_over).items():
        if address in HTTPS and server.protocols and not wanted & set(server.protocols):
            return HomeportError(
                f"{server.file} has the default server of {address}, which allows {' and '.join(server.protocols)} for "
                f"every site, and this one needs {' or '.join(sorted(wanted))}",
                key="tls_profile",
                fix="change its ssl_protocols",
            )
    return None


def _means(elsewhere: dict[str, ServerFound], addresses: list[str]) -> str:
    said = ["it answers what names no site"]
    for server in {address: elsewhere[address] for address in addresses if address in HTTPS}.values():
        said[0] = "it answers what names no site, with its certificate"
        if server.protocols and set(server.protocols) != OURS:
            said.append(f"no handshake has other protocols than {' and '.join(server.protocols)}")
        if server.curves:
            said.append(f"every handshake has its curves ({server.curves})")
    return ", and ".join(dict.fromkeys(said))


def _addresses(server: ServerFound, *, explicit: bool) -> list[str]:
    """Return which of our addresses a server listens on; with `explicit`, says that it is the default of."""
    found = []
    for listen in server.listens:
        place, *options = listen.split()
        if not explicit or {"default_server", "default"} & set(options):
            found.append(_address(place))
    return [address for address in found if address in (*HTTP, *HTTPS)]


def _address(place: str) -> str:
    """Return an address as ours are written: `443` for `*:443` and `0.0.0.0:443`."""
    host, _, port = place.rpartition(":") if not place.endswith("]") else (place, "", "80")
    if host in ("", *ANYWHERE) and port not in ANYWHERE:
        return port
    return "80" if port in ANYWHERE else f"{host}:{port}"
