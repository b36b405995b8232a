"""Opens a connection to a place from the controller: as programs there do, by its own proxy where it has one."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from homeport.errors import HomeportError, in_one_line
from homeport.outbound.http_heads import END, LONGEST_HEAD_BYTES, Place, connect
from homeport.settings.outbound_places import may_reach

# Below the 30 s after which apt gives up (apt-transport-http(1), Acquire::http::Timeout): it should hear why.
CONNECT_SECONDS = 20.0


class NoRouteError(HomeportError):
    """There is no way to a place from here, or none that a host may go."""


@dataclass(frozen=True)
class Route:
    """An open connection; with a proxy at its other end, which wants to be asked by `authorization` ("": by none)."""

    connection: socket.socket
    by_proxy: bool = False
    authorization: str = ""


def open_route(place: Place, private: Collection[str]) -> Route:
    """Return a connection that leads to `place`; raise NoRouteError, with key and fix, when there is none."""
    proxy = _proxy(place)
    if proxy is None:
        return Route(_plain(place, private))
    # It finds the names itself, and is where such decisions are made; what is named by address is known here.
    _refuse_private(place, place.host if _is_address(place.host) else "", private)
    its = _address(place, proxy)
    authorization = ""
    if proxy.username:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        authorization = f"Basic {base64.b64encode(login.encode()).decode()}"
    connection = _connected(its, _found(its), f"its proxy {its}")
    try:
        if proxy.scheme == "https":
            connection = ssl.create_default_context().wrap_socket(connection, server_hostname=its.host)
        if place.tunnel:
            _through(connection, place, authorization)
    except OSError as error:
        connection.close()
        raise _no_route(place, f"its proxy {its}: {in_one_line(error)}") from error
    except NoRouteError:
        connection.close()
        raise
    return Route(connection, not place.tunnel, authorization)


def _proxy(place: Place) -> SplitResult | None:
    """Return the proxy that this machine's environment names for such a place; None for a direct way."""
    proxies = getproxies()
    if proxy_bypass(f"{place.host}:{place.port}"):
        return None
    named = proxies.get("https" if place.tunnel else "http") or proxies.get("all", "")
    return urlsplit(named if "://" in named else f"http://{named}") if named else None


def _address(place: Place, proxy: SplitResult) -> Place:
    """Return the address of a proxy in this machine's environment; raise NoRouteError for an invalid value."""
    with suppress(ValueError):
        if proxy.scheme in ("http", "https") and proxy.hostname:
            return Place(proxy.hostname, proxy.port or (443 if proxy.scheme == "https" else 80))
    raise _no_route(
        place, "the proxy that its environment names is not of the form http://HOST:PORT or https://HOST:PORT"
    )


def _plain(place: Place, private: Collection[str]) -> socket.socket:
    found = _found(place)
    for address in found:
        _refuse_private(place, str(address[4][0]), private)
    return _connected(place, found, str(place))


def _found(place: Place) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _no_route(
            place, f"the name is not found: {getattr(error, 'strerror', '') or in_one_line(error)}"
        ) from error
    return found  # type: ignore[return-value]


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            socket.inet_pton(family, host)
            return True
    return False


def _refuse_private(place: Place, address: str, private: Collection[str]) -> None:
    # The name localhost always means this machine.
    address = address or ("127.0.0.1" if place.host.lower().rstrip(".") == "localhost" else "")
    if address and not may_reach(place.host, address, private):
        where = "" if address == place.host else f" ({address})"
        raise NoRouteError(
            f"the host asks for {place}{where}, which is not public but in the network of the machine that deploys",
            key="outbound_private",
            fix=f'if the host may reach it, name it there: ["{place.host}"]',
        )


def _connected(place: Place, found: list[tuple[int, int, int, str, tuple[object, ...]]], what: str) -> socket.socket:
    end, why = time.monotonic() + CONNECT_SECONDS, "it has no address"
    for family, kind, protocol, _, address in found:
        left = end - time.monotonic()
        if left <= 0:
            break
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(left)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            why = f"no answer within {CONNECT_SECONDS:.0f} s" if isinstance(error, TimeoutError) else _words(error)
            continue
        connection.settimeout(CONNECT_SECONDS)
        return connection
    raise _no_route(place, why if what == str(place) else f"{what}: {why}")


def _through(connection: socket.socket, place: Place, authorization: str) -> None:
    """Have a proxy lead on to `place`."""
    connection.sendall(connect(place, authorization))
    data = b""
    while END not in data:
        # Byte by byte: what comes after the head is the tunnel's.
        more = connection.recv(1)
        if not more or len(data) > LONGEST_HEAD_BYTES:
            raise OSError("it does not answer a request for a tunnel")
        data += more
    words = data.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
    if len(words) < 2 or words[1] != "200":
        raise _no_route(place, f"the proxy of this machine's environment says: {' '.join(words[1:])}")


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno and error.errno > 0 else in_one_line(error)


def _no_route(place: Place, why: str) -> NoRouteError:
    return NoRouteError(
        f"the host asked for {place}, which the machine that deploys cannot reach ({why})",
        key="outbound",
        fix="check its network, and its https_proxy and http_proxy",
    )
