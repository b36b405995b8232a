"""A command beside the phases, with its input open. That it works over SSH too shows in tests/lab/test_locking.py."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from paramiko.ssh_exception import SSHException
from pyinfra.api import Config, Inventory, State, StringCommand
from pyinfra.connectors.local import LocalConnector

from homeport.pyinfra_support.connection import Channel, open_channel, rights
from tests.pace import until


def opened(line: str) -> Channel:
    host: Any = SimpleNamespace(state=State(), connector=LocalConnector.__new__(LocalConnector), connector_data={})
    channel = open_channel(host, StringCommand(line), sudo=False)
    assert channel is not None
    return channel


def ends(channel: Channel) -> bool:
    return until(lambda: channel.ended, every=0.05)


def test_a_local_command_is_talked_with_until_it_ends() -> None:
    channel = opened("echo ready; head -c 1 >/dev/null; echo done >&2")
    assert channel.read_line() == "ready\n"
    assert not channel.ended
    channel.send(b".")
    assert channel.read_line() == "done\n"
    assert channel.read_line() == ""
    assert ends(channel)


def test_a_connector_that_is_neither_local_nor_ssh_has_no_channel() -> None:
    host: Any = SimpleNamespace(state=State(), connector=SimpleNamespace(), connector_data={})
    assert open_channel(host, StringCommand("true"), sudo=False) is None


@pytest.mark.parametrize("error", [EOFError(), SSHException("no key negotiation"), ConnectionResetError()])
def test_a_connection_that_breaks_while_something_is_sent_is_one_kind_of_error(error: Exception) -> None:
    def broken(_: bytes) -> None:
        raise error

    words: Any = SimpleNamespace(makefile=lambda _: None, exec_command=lambda _: None, sendall=broken)
    words.set_combine_stderr = lambda _: None
    client = SimpleNamespace(get_transport=lambda: SimpleNamespace(open_session=lambda: words))
    host: Any = SimpleNamespace(state=State(), connector=SimpleNamespace(client=client), connector_data={})
    channel = open_channel(host, StringCommand("true"), sudo=False)
    assert channel is not None
    with pytest.raises(OSError, match=r"^the connection broke \(\w|^$"):
        channel.send(b".")


SUDO = """#!/bin/sh
# As sudo does: asks, and runs the rest when the answer is right.
[ "$2" = -A ] && [ "$("$SUDO_ASKPASS")" = "it's secret" ] || { echo "sudo: a password is required"; exit 1; }
shift 3
exec "$@"
"""


@pytest.mark.parametrize("source", ["host data", "command line"])
def test_sudo_gets_the_password_that_pyinfra_was_given(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sudo").write_text(SUDO)
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    data = {"_sudo_password": "it's secret"} if source == "host data" else {}
    config = Config(SUDO_PASSWORD="it's secret" if source == "command line" else None, TEMP_DIR=str(tmp_path))
    state = State(Inventory(([("@local", data)], {})), config)
    host = state.inventory.get_host("@local")
    channel = open_channel(host, StringCommand("echo", "ready"), sudo=True)
    assert channel is not None
    assert channel.read_line() == "ready\n"
    assert rights(host, sudo=False) == {"_sudo": False}
