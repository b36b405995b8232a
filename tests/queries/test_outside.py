from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.diagnosis.case import OPEN, REFUSED
from homeport.queries import outside
from tests.certificates.pairs import Authority


@pytest.fixture
def free_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_an_open_port_is_told_from_a_closed_one(free_port: int) -> None:
    assert outside.port_state("127.0.0.1", free_port) == OPEN
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert outside.port_state("127.0.0.1", unused.getsockname()[1]) == REFUSED


def test_a_name_that_is_not_there_has_no_addresses() -> None:
    assert outside.addresses("nowhere.invalid") == ()
    assert outside.addresses("a..b") == ()
    assert "127.0.0.1" in outside.addresses("localhost")


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers the health path of one name, and nothing else."""

    def do_GET(self) -> None:
        good = (self.path, self.headers["Host"]) == ("/health", "notes.example.com")
        self.send_response(200 if good else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_visit_tells_the_certificate_the_answer_and_who_vouches_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority()
    pair = authority.issue("notes.example.com")
    (tmp_path / "chain").write_text(pair.chain)
    (tmp_path / "key").write_text(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain", tmp_path / "key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        port = server.socket.getsockname()[1]
        monkeypatch.setattr(outside, "PORTS", (port, port))
        found = outside.visit("127.0.0.1", "notes.example.com", "/health")
        assert (found.status, found.problem) == (200, "")
        assert found.certificate is not None
        assert found.certificate.names == ("notes.example.com",)
        assert "self-signed certificate in certificate chain" in found.distrust
        (tmp_path / "ca").write_text(authority.pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca"))
        assert outside.visit("127.0.0.1", "notes.example.com", "/health").distrust == ""
        server.shutdown()
