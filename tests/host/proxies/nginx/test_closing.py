"""Closing before a reload: how long it waits, and for whom, with real connections."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.host.proxies.nginx import closing
from homeport.host.system.layout import MachineLayout
from tests.pace import until

LONG = 60.0


@pytest.fixture
def machine(tmp_path: Path) -> MachineLayout:
    (tmp_path / "run/homeport").mkdir(parents=True)
    (tmp_path / "etc/nginx/homeport").mkdir(parents=True)
    found = MachineLayout(tmp_path)
    closing.note(found, known=True)
    return found


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The server's end of a connection that is open, to the port that stands for HTTPS."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(closing, "HTTPS", port)
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            yield client
            accepted.close()


def begun(machine: MachineLayout, seconds: float) -> threading.Thread:
    waiting = threading.Thread(target=closing.wait, args=(machine, seconds), daemon=True)
    waiting.start()
    assert until(lambda: closing.flag(machine).exists(), every=0.01)
    return waiting


def test_closing_waits_for_open_connections(machine: MachineLayout, connection: socket.socket) -> None:
    waiting = begun(machine, LONG)
    assert waiting.is_alive()

    connection.close()

    waiting.join(LONG / 2)
    assert not waiting.is_alive()
    assert closing.flag(machine).exists()
    closing.end(machine)
    assert not closing.flag(machine).exists()


def test_closing_waits_for_connections_that_load_balancers_have_brought(
    machine: MachineLayout, connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = closing.HTTPS
    monkeypatch.setattr(closing, "HTTPS", 1)
    (machine.nginx / "homeport/notes.conf").write_text(f"listen {port} ssl http2 proxy_protocol;\n")
    waiting = begun(machine, LONG)
    assert waiting.is_alive()
    connection.close()
    waiting.join(LONG / 2)
    assert not waiting.is_alive()


def test_without_connections_it_does_not_wait(machine: MachineLayout) -> None:
    waiting = begun(machine, LONG)
    waiting.join(LONG / 2)
    assert not waiting.is_alive()


def test_the_time_counts_from_when_closing_began(machine: MachineLayout, connection: socket.socket) -> None:
    closing.wait(machine, 0.0)
    long_ago = time.time() - LONG
    os.utime(closing.flag(machine), (long_ago, long_ago))

    closing.wait(machine, LONG)

    assert closing.flag(machine).stat().st_mtime == pytest.approx(long_ago)


def test_a_clock_that_was_set_back_makes_it_wait_no_longer_than_it_may(
    machine: MachineLayout, connection: socket.socket
) -> None:
    closing.wait(machine, 0.0)
    later = time.time() + 10 * LONG
    os.utime(closing.flag(machine), (later, later))

    closing.wait(machine, 0.2)


def test_an_nginx_that_knows_nothing_of_closing_is_not_waited_for(
    machine: MachineLayout, connection: socket.socket
) -> None:
    closing.note(machine, known=False)

    closing.wait(machine, LONG)

    assert not closing.flag(machine).exists()


def test_which_nginx_knows_of_closing_is_read_from_its_sites(machine: MachineLayout) -> None:
    site = machine.nginx / "homeport/notes.conf"
    site.write_text("server { listen 443 ssl; }")
    assert not closing.is_in(machine)

    site.write_text(f"location / {{ if (-f {closing.flag(machine)}) {{ rewrite ^ /x last; }} }}")

    assert closing.is_in(machine)


@pytest.mark.parametrize(
    ("age_seconds", "left_over"), [(0, False), (closing.FULL_SECONDS, False), (600, True), (-600, True)]
)
def test_a_reload_that_was_killed_leaves_closing_behind(
    machine: MachineLayout, age_seconds: float, left_over: bool
) -> None:
    assert not closing.is_left_over(machine)
    closing.wait(machine, 0.0)
    at = time.time() - age_seconds
    os.utime(closing.flag(machine), (at, at))
    assert closing.is_left_over(machine) == left_over
