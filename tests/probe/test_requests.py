"""What the probe makes of the proxy's logs, in Nginx's own words."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homeport.host.proxies.nginx import troubles
from homeport.probe import requests

NAME = "notes.example.com"
NOW = time.time()
LINES = {
    "body": "client intended to send too large body: 20971520 bytes, client: 192.0.2.1, server: {name}, "
    'request: "POST /upload?token=secret HTTP/2.0", host: "{name}"',
    "headers": "upstream sent too big header while reading response header from upstream, client: 192.0.2.1, "
    'server: {name}, request: "GET /login HTTP/1.1", upstream: "http://127.0.0.1:8001/login", host: "{name}"',
    "time": "upstream timed out (110: Connection timed out) while reading response header from upstream, "
    'client: 192.0.2.1, server: {name}, request: "GET /report HTTP/1.1", host: "{name}"',
    "cut": "upstream prematurely closed connection while reading response header from upstream, client: 192.0.2.1, "
    'server: {name}, request: "GET /crash HTTP/1.1", host: "{name}"',
}
HALF = LINES["time"].replace("reading response header from upstream", "reading upstream")
CHUNKS = LINES["body"].replace("body: 20971520 bytes", "chunked body: 8192+4096 bytes")
RESET = LINES["cut"].replace("upstream prematurely closed connection", "recv() failed (104: Connection reset by peer)")
DOWN = "connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: {name}"
BUFFERED = (
    "a client request body is buffered to a temporary file /var/lib/nginx/body/1, client: 192.0.2.1, server: {name}"
)


def error(text: str, *, age: float = 10.0, name: str = NAME) -> str:
    moment = datetime.fromtimestamp(NOW - age).strftime("%Y/%m/%d %H:%M:%S")
    return f"{moment} [error] 7#7: *12 {text.format(name=name)}\n"


def access(**values: object) -> str:
    at = datetime.fromtimestamp(NOW - 10, UTC).isoformat()
    streamed = {"at": at, "method": "GET", "host": NAME, "uri": "/feed?token=secret", "status": 200, "length": ""}
    times = {"upstream_seconds": "0.001, 5.002", "header_seconds": "-, 0.010", "gzip": "3.10"}
    return json.dumps({**streamed, **times, **values}) + "\n"


def found(folder: Path, *, errors: str = "", accesses: str = "", since: float = NOW - 3600) -> dict[str, int]:
    (folder / "error.log").write_text(errors)
    (folder / "access.log").write_text(accesses)
    lines = [*troubles.errors(folder, {NAME}, since, 8001), *troubles.held_back(folder, {NAME}, since)]
    return {kind: one["count"] for kind, one in requests.counted(lines).items()}


@pytest.mark.parametrize(
    ("kind", "text"), [*LINES.items(), ("time", HALF), ("body", CHUNKS), ("cut", RESET), ("", DOWN), ("", BUFFERED)]
)
def test_a_request_that_ended_badly_is_counted_by_its_cause(tmp_path: Path, kind: str, text: str) -> None:
    assert found(tmp_path, errors=error(text) * 3) == ({kind: 3} if kind else {})


def test_requests_that_a_stopped_slot_cut_do_not_count(tmp_path: Path) -> None:
    assert found(tmp_path, errors=error(LINES["headers"].replace(":8001", ":8002"))) == {}


def test_what_waited_for_the_application_is_no_answer_of_it(tmp_path: Path) -> None:
    text = LINES["cut"] + ', upstream: "http://unix:/run/homeport-hold.sock:/"'
    assert found(tmp_path, errors=error(text)) == {}


def test_old_requests_and_those_of_another_site_do_not_count(tmp_path: Path) -> None:
    text = LINES["time"]
    log = error(text, age=7200) + error(text, name="other.example.com") + error(text)
    assert found(tmp_path, errors=log) == {"time": 1}
    assert found(tmp_path, errors=log, since=NOW - 5) == {}


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({}, 1),
        # It was whole, or was not compressed, or came at once, or another site's, or an old line without the fields.
        ({"length": "5000"}, 0),
        ({"gzip": "-"}, 0),
        ({"upstream_seconds": "0.011", "header_seconds": "0.010"}, 0),
        ({"upstream_seconds": "-", "header_seconds": "-"}, 0),
        ({"host": "other.example.com"}, 0),
        ({"status": 500}, 0),
    ],
)
def test_an_answer_in_pieces_that_waits_in_the_compressor_is_counted(
    tmp_path: Path, values: dict[str, object], count: int
) -> None:
    old = json.dumps({"at": "2026-01-01T00:00:00+00:00", "host": NAME}) + "\nno JSON\n"
    assert found(tmp_path, accesses=old + access(**values)).get("held", 0) == count


def test_the_newest_is_told_without_its_query(tmp_path: Path) -> None:
    (tmp_path / "error.log").write_text(error(LINES["time"]) + error(LINES["body"]))
    (tmp_path / "access.log").write_text(access())
    told = requests.counted([*troubles.errors(tmp_path, {NAME}, 0.0, 8001), *troubles.held_back(tmp_path, {NAME}, 0.0)])
    assert told["body"]["last"] == "POST /upload: client intended to send too large body: 20971520 bytes"
    assert told["held"]["last"] == "GET /feed: its pieces came over 5 s"
    assert "secret" not in json.dumps(told)


def test_no_log_is_no_trouble(tmp_path: Path) -> None:
    assert list(troubles.errors(tmp_path, {NAME}, 0.0, 8001)) == list(troubles.held_back(tmp_path, {NAME}, 0.0)) == []
