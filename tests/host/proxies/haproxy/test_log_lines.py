"""What HAProxy's log says of a request: as a line for people, and as trouble for the doctor."""

from __future__ import annotations

import json

import pytest

from homeport.host.proxies.haproxy import log_lines

NAME = "notes.example.com"


def line(**changes: object) -> str:
    """Return a line of the log."""
    fields = {
        "at": "2030-01-01T10:00:00+00:00",
        "id": "0123456789abcdef",
        "client": "192.0.2.1",
        "method": "GET",
        "host": NAME,
        "uri": "/x?token=secret",
        "status": 200,
        "bytes": 512,
        "milliseconds": 12,
        "answer_milliseconds": 11,
        "server": "blue",
        "port": "8001",
        "state": "--",
        "length": "0",
    }
    return json.dumps({**fields, **changes})


def test_a_request_is_a_line_with_its_moment_and_its_level() -> None:
    parse = log_lines.access({NAME})
    found = parse(line(status=502))
    assert found is not None
    assert (found["text"], found["level"]) == ("GET /x?token=secret 502 in 12 ms for 192.0.2.1", "error")
    assert found["seconds"] == 1893492000
    assert set(found["request"]) == {"method", "uri", "status", "seconds", "bytes", "client", "id"}
    aborted = parse(line(status=-1, milliseconds=-1))
    assert aborted is not None
    assert aborted["level"] == "warning"


@pytest.mark.parametrize(
    "text",
    [line(host="b.test"), "192.0.2.1:7 [29/Nov/2026:15:54:19.538] homeport_https/1: SSL handshake failure", "[]"],
)
def test_log_lines_of_others_and_damaged_ones_are_skipped(text: str) -> None:
    assert log_lines.access({NAME})(text) is None
    assert log_lines.troubles({NAME}, 8001)(text) is None


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, ""),
        ({"state": "sH", "status": 504}, "time"),
        ({"state": "sD"}, "time"),
        ({"state": "SH", "status": 502}, "cut"),
        ({"state": "SD"}, "cut"),
        ({"state": "PH", "status": 502}, "headers"),
        ({"state": "SD", "port": "8002"}, ""),
        ({"state": "LR", "status": 413, "server": "<NOSRV>", "port": "-"}, "body"),
        ({"state": "--", "status": 413}, ""),
        ({"state": "CD"}, ""),
    ],
)
def test_a_request_that_ended_badly_is_known_by_its_cause(changes: dict[str, object], kind: str) -> None:
    found = log_lines.troubles({NAME}, 8001)(line(**changes))
    assert found is not None
    assert found["kind"] == kind
    assert "secret" not in found["text"]
    if kind == "body":
        assert found["text"] == "GET /x: client intended to send too large body: 0 bytes"


def test_a_slot_that_was_not_reached_is_named_by_its_port() -> None:
    assert log_lines.unreached(line()) is None
    found = log_lines.unreached(line(state="SC", status=503, port="8002"))
    assert found is not None
    assert found["text"].endswith("cannot connect to 127.0.0.1:8002")
