"""What Caddy's log says of a request: as a line for people, and as trouble for the doctor."""

from __future__ import annotations

import json

import pytest

from homeport.host.proxies.caddy import log_lines

NAME = "notes.example.com"
ID = "0123456789abcdef"


def line(said: str = "8001  ", host: str = NAME, **changes: object) -> str:
    """Return a line of the log; `said` is what the site has written after the request's id."""
    fields = {
        "level": "info",
        "ts": 1893492000.5,
        "logger": "http.log.access",
        "msg": "handled request",
        "request": {
            "remote_ip": "192.0.2.1",
            "remote_port": "4711",
            "proto": "HTTP/2.0",
            "method": "GET",
            "host": host,
            "uri": "/x?token=secret",
        },
        "user_id": f"{ID} {said}",
        "duration": 0.012,
        "size": 512,
        "status": 200,
    }
    return json.dumps({**fields, **changes})


def test_a_request_is_a_line_with_its_moment_and_its_level() -> None:
    found = log_lines.access({NAME})(line(status=502))
    assert found is not None
    assert (found["text"], found["level"]) == ("GET /x?token=secret 502 in 12 ms for 192.0.2.1", "error")
    assert found["seconds"] == 1893492000.5
    assert found["request"]["id"] == ID
    assert set(found["request"]) == {"method", "uri", "status", "seconds", "bytes", "client", "id"}


@pytest.mark.parametrize("host", [f"{NAME}:443", NAME.upper()])
def test_a_name_is_known_however_it_is_written(host: str) -> None:
    assert log_lines.access({NAME})(line(host=host)) is not None


@pytest.mark.parametrize(
    "text",
    [line(host="b.test"), line(logger="http.log.error"), line(logger="tls"), "[]", "exiting; byeee!!", '{"ts": 1}'],
)
def test_log_lines_of_others_and_damaged_ones_are_skipped(text: str) -> None:
    assert log_lines.access({NAME})(text) is None
    assert log_lines.troubles({NAME}, 8001)(text) is None


def test_a_line_of_port_80_has_no_slot() -> None:
    found = log_lines.parse(line(user_id="", status=308))
    assert found is not None
    assert (found["id"], found["port"], found["problem"]) == ("", 0, "")


@pytest.mark.parametrize(
    ("said", "status", "kind"),
    [
        ("8001  ", 200, ""),
        ("8001  net/http: timeout awaiting response headers", 504, "time"),
        ("8001  EOF", 502, "cut"),
        ("8001 5 read tcp 127.0.0.1:40->127.0.0.1:8001: read: connection reset by peer", 502, "cut"),
        ("8001  net/http: server response headers exceeded 32768 bytes; aborted", 502, "headers"),
        ("8002  EOF", 502, ""),
        (" 99 request body too large", 413, "body"),
        ("8001  readfrom tcp 127.0.0.1:40->127.0.0.1:8001: http: request body too large", 413, "body"),
        # An answer of the application's.
        ("8001 5 ", 413, ""),
        ("8001  ", 504, ""),
    ],
)
def test_a_request_that_ended_badly_is_known_by_its_cause(said: str, status: int, kind: str) -> None:
    found = log_lines.troubles({NAME}, 8001)(line(said, status=status))
    assert found is not None
    assert found["kind"] == kind
    assert "secret" not in found["text"]
    if kind == "body":
        size = ": 99 bytes" if "99" in said else ""
        assert found["text"] == f"GET /x: client intended to send too large body{size}"


def test_a_slot_that_was_not_reached_is_named_by_its_port() -> None:
    assert log_lines.unreached(line()) is None
    found = log_lines.unreached(line("0  dial tcp 127.0.0.1:8002: connect: connection refused", status=502))
    assert found is not None
    assert found["text"].endswith("cannot connect to 127.0.0.1:8002")
