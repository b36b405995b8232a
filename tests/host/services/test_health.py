"""The health gate, against real servers on loopback."""

import json
import math
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from homeport.host.services import health
from homeport.host.services.health import HEALTHY, PROCESS_GONE, TOO_LATE, ask, ask_repeatedly, site_name, wait
from homeport.host.services.release_description import Health
from homeport.host.system.layout import Layout
from tests.host.loopback_servers import SILENCE, answering
from tests.pace import until

STRANGER = "import http.server as h; h.HTTPServer(('127.0.0.1', {port}), h.SimpleHTTPRequestHandler).serve_forever()"


def wanted(*, status: int = 200, successes: int = 2, timeout_seconds: float = 5, path: str = "/health") -> Health:
    return Health(path, status, successes, timeout_seconds)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def gone() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_health_gate_waits_for_the_wanted_number_of_good_answers_in_a_row() -> None:
    with answering(503, 200, 503, 200, 200, 200) as server:
        assert wait(server.port, wanted(successes=3), "app.test", os.getpid()) == HEALTHY
        assert len(server.requests) == 6


def test_the_health_gate_ends_at_its_time_out_with_the_last_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(503) as server:
        began = time.monotonic()
        assert wait(server.port, wanted(timeout_seconds=0.8), "app.test", os.getpid()) == TOO_LATE

    assert time.monotonic() - began > 0.7
    assert "giving up: /health answered 503 instead of 200 (after 1 s)" in capsys.readouterr().out


def test_silence_in_the_last_moment_hides_no_answer_that_came_before(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(503, SILENCE) as server:
        assert wait(server.port, wanted(timeout_seconds=0.8), "app.test", os.getpid()) == TOO_LATE

    assert "giving up: /health answered 503 instead of 200 (after 1 s)" in capsys.readouterr().out


def test_an_application_that_has_become_silent_is_said_to_be(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ANSWER_SECONDS", 0.3)
    with answering(503, SILENCE) as server:
        assert wait(server.port, wanted(timeout_seconds=2), "app.test", os.getpid()) == TOO_LATE

    assert "giving up: /health no answer within 0 s (after 2 s)" in capsys.readouterr().out


def test_the_health_gate_fails_at_once_when_the_process_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    assert wait(free_port(), wanted(timeout_seconds=math.inf), "app.test", gone()) == PROCESS_GONE

    assert "the process exited" in capsys.readouterr().out


def test_a_process_that_systemd_knew_no_more_of_is_gone() -> None:
    assert wait(free_port(), wanted(timeout_seconds=30), "app.test", 0) == PROCESS_GONE


def test_a_redirect_is_not_followed() -> None:
    with answering(307) as server:
        said = "answered 307 (Location: https://elsewhere.test/) instead of 200"
        assert ask(server.port, wanted(), "app.test").text == said
        assert ask(server.port, wanted(), "elsewhere.test").text == "answered 307 (Location: /) instead of 200"


def test_any_status_may_be_the_good_one() -> None:
    with answering(204) as server:
        assert ask(server.port, wanted(status=204), "app.test").good


def test_the_request_looks_like_a_visitors() -> None:
    with answering(200) as server:
        ask(server.port, wanted(path="/up?deep=%20"), "app.test")

        assert server.requests[0]["path"] == "/up?deep=%20"
        assert server.requests[0]["host"] == "app.test"
        assert server.requests[0]["x-forwarded-proto"] == "https"
        # granian believes the scheme of nobody who names no client.
        assert server.requests[0]["x-forwarded-for"] == "127.0.0.1"


def test_a_port_without_a_listener_is_named_in_words() -> None:
    assert ask(free_port(), wanted(), "app.test").text == "connection refused"


def test_silence_is_bounded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = ask(server.getsockname()[1], wanted(), "app.test", timeout_seconds=0.2)

    assert "no answer within" in answer.text


def test_rubbish_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        answer = ask(server.getsockname()[1], wanted(), "app.test")
        thread.join()

    assert not answer.good
    assert answer.status is None


def test_one_bad_answer_ends_a_series() -> None:
    with answering(200, 500, 200) as server:
        assert ask_repeatedly(server.port, wanted(successes=3), "app.test").text == "answered 500 instead of 200"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run a server as somebody else")
def test_a_good_answer_of_another_users_process_does_not_count() -> None:
    port = free_port()
    with subprocess.Popen(
        ["/usr/bin/python3", "-c", STRANGER.format(port=port)], user=65534, cwd="/", stderr=subprocess.DEVNULL
    ) as stranger:
        try:
            until_listening(port)
            answer = health.ask_ours(port, wanted(path="/"), "app.test", 2)
        finally:
            stranger.kill()

    assert not answer.good
    assert f"another user (uid 65534) on port {port}" in answer.text


def until_listening(port: int) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    assert until(listens, every=0.05)


def test_the_sites_name_comes_from_its_claim(tmp_path: Path) -> None:
    layout = Layout("notes", tmp_path)
    assert site_name(layout) == "localhost"

    layout.settings.mkdir(parents=True)
    layout.site.write_text(json.dumps({"app": "notes", "domains": ["notes.test", "www.notes.test"]}))
    assert site_name(layout) == "notes.test"
