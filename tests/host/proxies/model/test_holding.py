"""Requests that wait for their application: the program on its socket, with slots that come, and do not."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from homeport.host.proxies.model.holding import answer, parse
from homeport.host.system.layout import Layout
from tests.holding_room import room
from tests.pace import patience, until

AGAIN, PAGE_AGAIN, UNAVAILABLE = "@homeport_again", "@homeport_page_again", "@homeport_unavailable"


class Nginx:
    """Asks as Nginx does, each question on a connection of its own."""

    def __init__(self, place: Path, pool: ThreadPoolExecutor):
        self._place, self._pool = place, pool

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(patience(20))
        connection.connect(str(self._place))
        return connection

    def ask(self, text: str) -> Future[bytes]:
        return self._pool.submit(self._ask, f"GET / HTTP/1.0\r\nHost: notes_hold\r\n{text}\r\n".encode())

    def wait(self, seconds: int, blue: int, green: int, again: str = AGAIN) -> Future[bytes]:
        return self.ask(f"X-Homeport-Hold: notes {seconds} {blue} {green} {again}\r\nConnection: close\r\n")

    def _ask(self, question: bytes) -> bytes:
        with self.connect() as connection:
            connection.sendall(question)
            return b"".join(iter(lambda: connection.recv(4096), b""))


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    with running(tmp_path) as one:
        yield one


@contextmanager
def running(root: Path, most: int = 100) -> Iterator[Nginx]:
    """Run the program for a host below `root`."""
    Layout("notes", root).settings.mkdir(parents=True)
    place = root / "hold.sock"
    with room(root, place, most), ThreadPoolExecutor(8) as pool:
        yield Nginx(place, pool)


@contextmanager
def application(port: int = 0) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", port)) as server:
        yield int(server.getsockname()[1])


def free_port() -> int:
    with application() as port:
        return port


def a_second_passes(nginx: Nginx) -> None:
    port = free_port()
    assert nginx.wait(1, port, port).result(patience(20)) == answer(UNAVAILABLE)


def test_a_request_waits_until_the_live_slot_accepts_connections(nginx: Nginx) -> None:
    port = free_port()
    asked = [nginx.wait(60, port, free_port()), nginx.wait(60, port, free_port(), PAGE_AGAIN)]
    a_second_passes(nginx)
    assert not any(one.done() for one in asked)
    with application(port):
        assert asked[0].result(patience(20)) == answer(f"{AGAIN}_blue")
        assert asked[1].result(patience(20)) == answer(f"{PAGE_AGAIN}_blue")


def test_the_flag_says_which_slot_that_is_also_when_it_changes_meanwhile(nginx: Nginx, tmp_path: Path) -> None:
    green = free_port()
    flag = Layout("notes", tmp_path).flag
    with application() as blue:
        flag.touch()
        asked = nginx.wait(60, blue, green)
        a_second_passes(nginx)
        assert not asked.done()
        flag.unlink()
        assert asked.result(patience(20)) == answer(f"{AGAIN}_blue")
    flag.touch()
    asked = nginx.wait(60, free_port(), green)
    with application(green):
        assert asked.result(patience(20)) == answer(f"{AGAIN}_green")


def test_who_has_waited_for_so_long_is_sent_away_and_no_other(nginx: Nginx) -> None:
    port, began = free_port(), time.monotonic()
    short, long = nginx.wait(1, port, port), nginx.wait(60, port, port)
    assert short.result(patience(20)) == answer(UNAVAILABLE)
    assert time.monotonic() - began >= 1
    assert not long.done()
    with application(port):
        assert long.result(patience(20)) == answer(f"{AGAIN}_blue")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "X-Homeport-Hold: ../notes 1 1 1 @homeport_again\r\n",
        "X-Homeport-Hold: notes 1 1 1 /etc/passwd\r\n",
        "X-Homeport-Hold: notes 1 1 1\r\n",
        f"X-Long: {'x' * 5000}\r\n",
    ],
)
def test_who_asks_anything_else_is_let_go_without_an_answer(nginx: Nginx, text: str) -> None:
    try:
        said = nginx.ask(text).result(patience(20))
    except ConnectionError:
        said = b""
    assert said == b""


def test_no_more_wait_than_may_and_the_next_comes_when_one_has_gone(tmp_path: Path) -> None:
    port = free_port()
    question = f"GET / HTTP/1.0\r\nX-Homeport-Hold: notes 1 {port} {port} {AGAIN}\r\n\r\n".encode()
    with running(tmp_path, most=2) as nginx:
        began, ended = time.monotonic(), []
        connections = [nginx.connect() for _ in range(5)]
        for connection in connections:
            connection.sendall(question)
        for connection in connections:
            with connection:
                assert connection.recv(4096) == answer(UNAVAILABLE)
            ended.append(time.monotonic() - began)
    # Two at a time, for a second each.
    assert ended[2] >= 2
    assert ended[4] >= 3


def test_who_goes_away_is_forgotten_and_the_program_ends_when_nobody_waits(tmp_path: Path) -> None:
    Layout("notes", tmp_path).settings.mkdir(parents=True)
    place = tmp_path / "hold.sock"
    with room(tmp_path, place, idle_seconds=0.5) as process, ThreadPoolExecutor(1) as pool:
        nginx = Nginx(place, pool)
        with nginx.connect() as gone:
            gone.sendall(b"GET / HTTP/1.0\r\nX-Homeport-Hold: notes 100 1 1 @homeport_again\r\n\r\n")
            a_second_passes(nginx)
            a_second_passes(nginx)
            assert process.poll() is None
        assert until(lambda: process.poll() is not None, 10)


def test_what_was_sent_before_is_not_sent_again_at_once(nginx: Nginx) -> None:
    with application() as port:
        later = nginx.wait(60, port, port, f"{AGAIN} 3000")
        assert nginx.wait(60, port, port, f"{AGAIN} 0").result(patience(20)) == answer(f"{AGAIN}_blue")
        assert not later.done()
        assert later.result(patience(20)) == answer(f"{AGAIN}_blue")


def test_what_a_client_sends_is_no_question() -> None:
    assert parse(b"GET / HTTP/1.0\r\nX-Homeport-Hold: a-b 10 8001 8002 @homeport_again\r\n\r\n") is not None
    # Not in the address, where a client could put it.
    assert parse(b"GET /X-Homeport-Hold: notes 1 1 1 @homeport_again HTTP/1.0\r\n\r\n") is None
