"""The gateway with real sockets: a pair of them in place of what sshd hands over, and servers on the loopback."""

from __future__ import annotations

import base64
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from homeport.outbound.gateway import MOST_CONNECTIONS, Gateway
from homeport.outbound.http_heads import Place
from homeport.outbound.routes import NoRouteError, open_route
from tests.pace import patience, until

HERE = ("127.0.0.1",)


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


class Server:
    """Takes connections, one after the other; `answers` each with the same and keeps what it got."""

    def __init__(self, answer: bytes = b"", *, echo: bool = False):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.got: list[bytes] = []
        self._answer, self._echo = answer, echo
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._take, args=(connection,), daemon=True).start()

    def _take(self, connection: socket.socket) -> None:
        with closing(connection):
            if self._echo:
                while data := connection.recv(4096):
                    connection.sendall(data)
                return
            data = connection.recv(65536)
            self.got.append(data)
            connection.sendall(self._answer)
            while data := connection.recv(65536):
                self.got[-1] += data

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def page() -> Iterator[Server]:
    # It leaves the connection open, although it is asked not to.
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\npage")
    yield server
    server.close()


def ask(gateway: Gateway, text: str, *, login: str | None = None, more: bytes = b"") -> socket.socket:
    """Send a request as a program on the host does; return the connection to read the answer from."""
    login = f"homeport:{gateway.password}" if login is None else login
    line = f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}\r\n" if login else ""
    ours, theirs = socket.socketpair()
    ours.settimeout(patience(60))
    gateway.accept(theirs)
    ours.sendall(f"{text}\r\n{line}\r\n".encode() + more)
    return ours


def everything(connection: socket.socket) -> bytes:
    """Read to the end, as a program does: to that of the content where its length is known."""
    data = b""
    while more := connection.recv(65536):
        data += more
        if data.endswith(b"\r\n\r\npage"):
            assert b"\r\nConnection: close\r\n" in data
            connection.close()
            return data
    return data


def test_a_page_comes_through_and_the_server_sees_no_password(page: Server) -> None:
    gateway = Gateway(HERE)
    said = everything(ask(gateway, f"GET http://127.0.0.1:{page.port}/a HTTP/1.1\r\nHost: x"))
    assert said.endswith(b"page")
    assert page.got[0].startswith(b"GET /a HTTP/1.1\r\n")
    assert b"Proxy" not in page.got[0]
    assert gateway.problem is None


def test_a_tunnel_carries_bytes_both_ways_and_ends_when_one_side_does() -> None:
    gateway, server = Gateway(HERE), Server(echo=True)
    connection = ask(gateway, f"CONNECT 127.0.0.1:{server.port} HTTP/1.1", more=b"first")
    answer = b"HTTP/1.1 200 Connection established\r\n\r\n"
    data = b""
    while len(data) < len(answer) + 5:
        data += connection.recv(100)
    assert data == answer + b"first"
    large = os.urandom(1 << 20)
    threading.Thread(target=_send, args=(connection, large)).start()
    assert everything(connection) == large
    server.close()


@pytest.mark.parametrize("login", ["", "homeport:guess", "root:{password}", "homeport:{password}x"])
def test_whoever_has_not_the_password_is_led_nowhere(page: Server, login: str) -> None:
    gateway = Gateway(HERE)
    login = login.replace("{password}", gateway.password)
    for text in (f"GET http://127.0.0.1:{page.port}/ HTTP/1.1", f"CONNECT 127.0.0.1:{page.port} HTTP/1.1"):
        assert everything(ask(gateway, text, login=login)).startswith(b"HTTP/1.1 407 ")
    assert page.got == []


@pytest.mark.parametrize("sent", [b"\x16\x03\x01garbage\r\n\r\n", b"GET / HTTP/1.1\r\n" * 9000, b"half a head"])
def test_a_malformed_request_ends_its_connection_only(page: Server, sent: bytes) -> None:
    gateway = Gateway(HERE)
    ours, theirs = socket.socketpair()
    gateway.accept(theirs)
    ours.settimeout(patience(60))
    threading.Thread(target=_send, args=(ours, sent)).start()
    # It does not read to the end.
    with suppress(ConnectionResetError):
        assert everything(ours)[:12] in (b"HTTP/1.1 400", b"")
    assert everything(ask(gateway, f"GET http://127.0.0.1:{page.port}/ HTTP/1.1")).endswith(b"page")


def _send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # turned away


def test_a_second_request_on_a_connection_never_reaches_the_server_of_the_first(page: Server) -> None:
    second = b"GET http://other.example/ HTTP/1.1\r\nAuthorization: Basic others\r\n\r\n"
    text = f"POST http://127.0.0.1:{page.port}/ HTTP/1.1\r\nContent-Length: 3"
    assert everything(ask(Gateway(HERE), text, more=b"abc" + second)).endswith(b"page")
    assert until(lambda: page.got[0].endswith(b"abc"), 60)
    assert b"others" not in page.got[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.1.2.3", "0.0.0.0"])
def test_the_controllers_own_network_is_closed_unless_it_is_named(host: str) -> None:
    gateway = Gateway()
    assert everything(ask(gateway, f"CONNECT {host}:443 HTTP/1.1")).startswith(b"HTTP/1.1 502 ")
    assert gateway.problem is not None
    assert gateway.problem.key == "outbound_private"
    assert host.strip("[]") in gateway.problem.line()


def test_a_place_that_is_not_reached_is_named_until_it_is_beside_a_programs_own_error() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    listener.close()
    gateway, text = Gateway(HERE), f"GET http://127.0.0.1:{port}/ HTTP/1.1"
    assert b"the host asked for 127.0.0.1" in everything(ask(gateway, text)).split(b"\r\n")[0]
    said = gateway.shown("error: packages: the package lists cannot be read")
    assert said == (
        "error: packages: the package lists cannot be read; besides, outbound: the host asked for "
        f"127.0.0.1:{port}, which the machine that deploys cannot reach "
        "(Connection refused); check its network, and its https_proxy and http_proxy"
    )
    assert gateway.shown(f"http://homeport:{gateway.password}@127.0.0.1") == "http://homeport:****@127.0.0.1"

    with closing(socket.create_server(("127.0.0.1", port))) as again:
        threading.Thread(target=lambda: again.accept()[0].close()).start()
        everything(ask(gateway, text))
    assert gateway.shown("error: as it was") == "error: as it was"


def test_a_name_that_is_not_found_is_told() -> None:
    with pytest.raises(NoRouteError, match=r"asked for no-such-name\.invalid:443.*the name is not found"):
        open_route(Place("no-such-name.invalid", 443), ())


@pytest.mark.parametrize("tunnel", [True, False])
def test_the_controllers_own_proxy_is_asked_with_its_password(monkeypatch: pytest.MonkeyPatch, *, tunnel: bool) -> None:
    server = Server(b"HTTP/1.1 200 OK\r\n\r\n")
    monkeypatch.setenv("https_proxy" if tunnel else "http_proxy", f"http://us:p%40ss@127.0.0.1:{server.port}")
    route = open_route(Place("pypi.example", 443 if tunnel else 80, tunnel), ())
    login = "Basic " + base64.b64encode(b"us:p@ss").decode()
    assert route.by_proxy is not tunnel
    if tunnel:
        asked = "CONNECT pypi.example:443 HTTP/1.1\r\nHost: pypi.example:443\r\n"
        assert server.got == [f"{asked}Proxy-Authorization: {login}\r\n\r\n".encode()]
    else:
        assert route.authorization == login
    route.connection.close()


def test_a_proxy_of_the_controllers_that_refuses_is_told_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.port}")
    with pytest.raises(NoRouteError, match="says: 407 Proxy Authentication Required"):
        open_route(Place("pypi.example", 443), ())


@pytest.mark.parametrize("value", ["socks5://127.0.0.1:1080", "http://proxy.example:port", "http://:3128"])
def test_a_proxy_of_the_controllers_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    with pytest.raises(NoRouteError, match="not of the form"):
        open_route(Place("pypi.example", 443), ())


def test_a_place_in_no_proxy_is_reached_directly(page: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert everything(ask(Gateway(HERE), f"GET http://127.0.0.1:{page.port}/ HTTP/1.1")).endswith(b"page")


def test_who_connects_too_often_is_turned_away_and_the_end_ends_all() -> None:
    gateway = Gateway(HERE)
    pairs = [socket.socketpair() for _ in range(MOST_CONNECTIONS + 1)]
    for ours, theirs in pairs:
        ours.settimeout(patience(60))
        gateway.accept(theirs)
    assert pairs[-1][0].recv(1) == b""
    gateway.close()
    for ours, _ in pairs:
        assert everything(ours)[:12] in (b"", b"HTTP/1.1 400")
    late, theirs = socket.socketpair()
    gateway.accept(theirs)
    assert late.recv(1) == b""
