"""What Traefik's log says of a request: as a line for people, and as trouble for the doctor."""

from __future__ import annotations

import json

import pytest

from homeport.host.proxies.traefik import log_lines

NAME = "notes.example.com"


def line(**changes: object) -> str:
    """Return a line of the log."""
    fields = {
        "StartUTC": "2030-01-01T10:00:00.072473597Z",
        "ClientHost": "203.0.113.9",
        "request_X-Real-Ip": "192.0.2.1",
        "request_X-Request-Id": "0123456789abcdef",
        "RequestMethod": "GET",
        "RequestHost": NAME,
        "RequestPath": "/x?token=secret",
        "DownstreamStatus": 200,
        "DownstreamContentSize": 512,
        "Duration": 12_000_000,
    }
    return json.dumps({**fields, **changes})


def test_a_request_is_a_line_with_its_moment_and_its_level() -> None:
    """The client is the one that the plugin has found; what Traefik takes for it may be forged."""
    found = log_lines.access({NAME})(line(DownstreamStatus=502))
    assert found is not None
    assert (found["text"], found["level"]) == ("GET /x?token=secret 502 in 12 ms for 192.0.2.1", "error")
    assert found["seconds"] == 1893492000
    assert set(found["request"]) == {"method", "uri", "status", "seconds", "bytes", "client", "id"}


@pytest.mark.parametrize("text", [line(RequestHost="b.test"), '{"level":"error","message":"x"}', "words", "[]"])
def test_log_lines_of_others_and_damaged_ones_are_skipped(text: str) -> None:
    assert log_lines.access({NAME})(text) is None
    assert log_lines.troubles({NAME})(text) is None
    assert log_lines.unreached(text) is None


@pytest.mark.parametrize("state", ["", "time", "cut", "headers", "body", "unreached 127.0.0.1:8001: no", "forged"])
def test_what_the_plugin_has_noted_is_a_trouble_of_the_doctors(state: str) -> None:
    found = log_lines.troubles({NAME})(line(**{"request_X-Homeport-State": state, "request_Content-Length": "7"}))
    assert found is not None
    assert found["kind"] == (state if state in log_lines.STATES else "")
    assert ("7 bytes" in found["text"]) == (state == "body")
    assert "secret" not in found["text"]


def test_a_slot_that_could_not_be_reached_is_told_by_its_address() -> None:
    found = log_lines.unreached(
        line(**{"request_X-Homeport-State": "unreached 127.0.0.1:8001: accepts no connections"})
    )
    assert found is not None
    assert found["text"] == "[error] traefik: cannot connect to 127.0.0.1:8001"
    assert log_lines.unreached(line()) is None
