"""Connections and listeners as the kernel shows them, and the drain that waits for them."""

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from homeport.host.release.switching import drain
from homeport.host.system import sockets
from homeport.host.system.layout import Layout

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000   998        0 8001 1 0 100 0 0 10 0
   1: 0100007F:1F41 0100007F:C350 01 00000000:00000000 00:00000000 00000000   998        0 8002 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:1F41 01 00000000:00000000 00:00000000 00000000    33        0 8003 1 0 20 4 30 10 -1
   3: 0100007F:1F41 0100007F:C351 06 00000000:00000000 03:00000A2B 00000000     0        0 0 3 0
"""


def test_only_the_servers_end_of_an_open_connection_counts() -> None:
    found = list(sockets.parse(TABLE))

    assert sockets.established(found, 8001) == 1
    assert sockets.established(found, 50000) == 1
    assert sockets.established(found, 8002) == 0
    assert [(one.uid, one.inode) for one in sockets.listeners(found, 8001)] == [(998, 8001)]


def test_real_connections_are_seen_and_seen_to_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert sockets.established(sockets.read(), port) == 0

        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            with accepted:
                assert sockets.established(sockets.read(), port) == 1

        assert sockets.established(sockets.read(), port) == 0


def test_connections_over_ipv6_are_seen() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this machine")
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with server, socket.create_connection(("::1", server.getsockname()[1])):
        assert sockets.established(sockets.read(), server.getsockname()[1]) == 1


def test_the_listener_is_traced_to_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = sockets.listeners(sockets.read(), server.getsockname()[1])

        assert [one.uid for one in found] == [os.getuid()]
        assert os.getpid() in sockets.owners({one.inode for one in found})


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout("notes", tmp_path)
    made.flag.parent.mkdir(parents=True)
    return made


def flipped(layout: Layout, seconds_ago: float) -> None:
    then = time.time() - seconds_ago
    os.utime(layout.flag.parent, (then, then))


def test_a_drain_waits_for_the_last_connection(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    flipped(layout, 60)
    ended = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()

        def finish() -> None:
            ended.append("the connection")
            client.close()
            accepted.close()

        threading.Timer(0.5, finish).start()
        drain(layout, "blue", server.getsockname()[1], 20)

    assert ended
    assert "notes: slot blue has finished its requests" in capsys.readouterr().out


def test_a_drain_ends_with_its_time_limit(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        drain(layout, "blue", server.getsockname()[1], 2)

    assert "slot blue still has 1 connections after 2 s; stopping it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("age", "waited"), [(0.0, [1.0]), (0.4, [0.6]), (60.0, [0.0]), (-3600.0, [1.0])], ids=lambda value: str(value)
)
def test_a_drain_waits_for_what_chose_its_slot_just_before_the_flip(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, age: float, waited: list[float]
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("homeport.host.release.switching.time.sleep", lambda seconds: slept.append(round(seconds, 1)))
    flipped(layout, age)

    drain(layout, "blue", 1, 0)

    assert slept == pytest.approx(waited, abs=0.1)
