"""A call over a Unix socket gives the answer, or says in one line what came instead."""

from __future__ import annotations

import socket
import threading
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from homeport.host.system import unix_rpc


@contextmanager
def answering(place: Path, answer: str) -> Iterator[str]:
    """Answer one call at a socket with this text."""

    def serve() -> None:
        asked, _ = server.accept()
        with asked:
            asked.recv(unix_rpc.READ_BYTES)
            asked.sendall(answer.encode())

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield str(place)
        thread.join()


def test_the_answer_is_returned(tmp_path: Path) -> None:
    body = xmlrpc.client.dumps(("4.2.5",), methodresponse=True)
    with answering(tmp_path / "socket", f"HTTP/1.0 200 OK\r\nServer: Medusa\r\n\r\n{body}") as place:
        assert unix_rpc.call(place, "supervisor.getSupervisorVersion") == "4.2.5"


def test_a_no_has_its_number(tmp_path: Path) -> None:
    body = xmlrpc.client.dumps(xmlrpc.client.Fault(10, "BAD_NAME: app"))
    with answering(tmp_path / "socket", f"HTTP/1.0 200 OK\r\n\r\n{body}") as place:
        with pytest.raises(unix_rpc.FaultError, match="BAD_NAME: app") as said:
            unix_rpc.call(place, "supervisor.startProcess", "app")
        assert said.value.code == 10


def test_a_socket_with_a_password_is_told_in_one_line(tmp_path: Path) -> None:
    with (
        answering(tmp_path / "socket", "HTTP/1.0 401 Unauthorized\r\nServer: Medusa\r\n\r\n") as place,
        pytest.raises(OSError, match=r"^it answers '401 Unauthorized'$"),
    ):
        unix_rpc.call(place, "supervisor.getState")
