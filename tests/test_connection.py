"""A command beside the phases, with its input open. That it works over SSH too shows in tests/lab/test_locking.py."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from paramiko.ssh_exception import SSHException
from pyinfra.api import State, StringCommand
from pyinfra.connectors.local import LocalConnector

from homeport.connection import Channel, open_channel


def opened(line: str) -> Channel:
    host: Any = SimpleNamespace(state=State(), connector=LocalConnector.__new__(LocalConnector), connector_data={})
    channel = open_channel(host, StringCommand(line), sudo=False)
    assert channel is not None
    return channel


def ends(channel: Channel) -> bool:
    deadline = time.monotonic() + 20
    while not channel.ended and time.monotonic() < deadline:
        time.sleep(0.05)
    return channel.ended


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
