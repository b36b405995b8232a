"""Lines of the proxy's logs and of the journal, and how the newest of them are found."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.host.proxies.model import log_lines
from homeport.host.proxies.nginx.log_lines import access, error
from homeport.host.reports import journal_lines, logs
from homeport.host.system import journal
from homeport.host.system.layout import Layout


def request(uri: str, **changes: object) -> str:
    """Return a line of the access log."""
    fields = {
        "at": "2030-01-01T12:00:00+02:00",
        "id": "0123456789abcdef",
        "client": "192.0.2.1",
        "method": "GET",
        "host": "a.test",
        "uri": uri,
        "status": 200,
        "bytes": 512,
        "seconds": 0.012,
        "agent": "curl",
    }
    return json.dumps({**fields, **changes})


def log(folder: Path, lines: list[str], name: str = "access.log") -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def uris(lines: Any) -> list[str]:
    return [line["request"]["uri"] for line in lines]


def reader(folder: Path) -> log_lines.File:
    return log_lines.File("access.log", access({"a.test"}), folder)


def backwards(folder: Path, since: float | None = None) -> Any:
    found = reader(folder)
    return found.backwards(found.position(0), since)


def test_a_request_is_a_line_with_its_moment_and_its_level() -> None:
    parse = access({"a.test"})
    found = parse(request("/x?y=1", status=502))
    assert found is not None
    assert (found["text"], found["level"]) == ("GET /x?y=1 502 in 12 ms for 192.0.2.1", "error")
    assert found["seconds"] == 1893492000
    assert "agent" not in found["request"]


@pytest.mark.parametrize("line", [request("/", host="b.test"), "", "GET / HTTP/1.0", "[]", '{"host": "a.test"}'])
def test_log_lines_of_others_and_damaged_ones_are_skipped(line: str) -> None:
    assert access({"a.test"})(line) is None


def test_an_error_is_of_the_site_or_of_the_whole_proxy_and_never_of_another_site() -> None:
    parse = error({"a.test"})
    line = "2030/01/01 12:00:00 [error] 12#12: *3 connect() failed, client: 192.0.2.1, server: {}, request: x"
    found = parse(line.format("a.test"))
    assert found is not None
    assert (found["level"], found["pid"]) == ("error", 12)
    assert parse(line.format("b.test")) is None
    assert parse("2030/01/01 12:00:00 [emerg] 1#1: no memory") is not None
    assert parse("rubbish") is None


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), min_size=1), max_size=30))
def test_a_file_is_read_backwards_line_by_line(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = log(tmp_path_factory.mktemp("log"), lines)
    size, log_lines.BLOCK = log_lines.BLOCK, 7
    try:
        assert list(log_lines._reversed(path)) == lines[::-1]
    finally:
        log_lines.BLOCK = size


def test_backwards_goes_on_in_the_rotated_files(tmp_path: Path) -> None:
    log(tmp_path, [request("/5"), request("/6")])
    log(tmp_path, [request("/3"), request("/4")], "access.log.1")
    with gzip.open(tmp_path / "access.log.2.gz", "wt") as packed:
        packed.write(f"{request('/1')}\n{request('/2')}\n")
    assert uris(backwards(tmp_path)) == ["/6", "/5", "/4", "/3", "/2", "/1"]
    # Their last words are of today: nothing of them is after the day after tomorrow.
    assert uris(backwards(tmp_path, (tmp_path / "access.log").stat().st_mtime + 172800)) == []


def test_lines_after_a_position_are_read_once_and_only_when_complete(tmp_path: Path) -> None:
    path, found = log(tmp_path, [request("/1")]), reader(tmp_path)
    position = found.position(0)
    with path.open("a") as stream:
        stream.write(f"{request('/2')}\n{request('/3')[:20]}")
    lines, position = found.after(position)
    assert uris(lines) == ["/2"]
    with path.open("a") as stream:
        stream.write(f"{request('/3')[20:]}\n")
    lines, position = found.after(position)
    assert uris(lines) == ["/3"]
    assert found.after(position)[0] == []


def test_lines_that_are_written_meanwhile_are_shown_once(tmp_path: Path) -> None:
    path, found = log(tmp_path, [request("/1")]), reader(tmp_path)
    position = found.position(0)
    with path.open("a") as stream:
        stream.write(f"{request('/2')}\n")
    assert uris(found.backwards(position, None)) == ["/1"]
    assert uris(found.after(position)[0]) == ["/2"]


def test_a_rotation_loses_no_line(tmp_path: Path) -> None:
    path, found = log(tmp_path, [request("/1")]), reader(tmp_path)
    position = found.position(0)
    with path.open("a") as stream:
        stream.write(f"{request('/2')}\n")
    path.rename(tmp_path / "access.log.1")
    log(tmp_path, [request("/3")])
    lines, position = found.after(position)
    assert uris(lines) == ["/2", "/3"]
    assert found.after(position)[0] == []


def test_a_log_that_is_not_there_yet_is_read_from_its_beginning_later(tmp_path: Path) -> None:
    found = reader(tmp_path)
    position = found.position(0)
    assert found.after(position) == ([], [0, 0])
    log(tmp_path, [request("/1")])
    assert uris(found.after(position)[0]) == ["/1"]


def entry(**changes: object) -> dict[str, Any]:
    return {"__REALTIME_TIMESTAMP": "1893492000500000", "__CURSOR": "s=1", "MESSAGE": "hello", **changes}


def test_an_entry_of_the_journal_has_its_time_its_level_and_its_text() -> None:
    found = journal.parse(json.dumps(entry(PRIORITY="3", _PID="77", MESSAGE=[104, 105, 255])))
    assert found is not None
    assert (found["seconds"], found["level"], found["pid"], found["text"]) == (1893492000.5, "error", 77, "hi\ufffd")
    assert journal.parse("-- No entries --") is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"_SYSTEMD_UNIT": "notes@green.service"}, ("app", "green")),
        ({"_SYSTEMD_UNIT": "init.scope", "UNIT": "notes@blue.service"}, ("app", "blue")),
        ({"_SYSTEMD_UNIT": "notes.queue@blue.service"}, ("app", "blue")),
        ({"_SYSTEMD_UNIT": "notes-migrate@blue.service"}, ("migration", "blue")),
        ({"_SYSTEMD_UNIT": "init.scope", "UNIT": "notes-migrate@green.service"}, ("migration", "green")),
    ],
)
def test_an_entry_is_of_the_unit_that_it_is_about(changes: dict[str, str], expected: tuple[str, str]) -> None:
    found = journal_lines.of_a_unit(Layout("notes"))(entry(**changes))
    assert (found["source"], found["slot"]) == expected


def test_a_pattern_in_small_letters_means_capitals_too() -> None:
    line = {"seconds": 5, "text": "An ERROR"}
    assert logs.LogQuery((), 1, grep="error").accepts(line)
    assert not logs.LogQuery((), 1, grep="Error").accepts(line)
    assert not logs.LogQuery((), 1, until=4).accepts(line)


def test_a_log_is_read_no_further_than_needed() -> None:
    lines = ({"seconds": float(n), "text": "x"} for n in range(100, 0, -1))
    assert [one["seconds"] for one in logs.newest(lines, logs.LogQuery((), 3))] == [98, 99, 100]
    assert next(lines)["seconds"] == 97
    assert [one["seconds"] for one in logs.newest(lines, logs.LogQuery((), 50, since=95))] == [95, 96]


def test_of_a_mounted_application_are_the_requests_below_its_path(tmp_path: Path) -> None:
    paths = ["/shop", "/shop/a", "/shop?b", "/shopping", "/a/shop/", "/"]
    log(tmp_path, [request(path) for path in paths])
    found = log_lines.Below(reader(tmp_path), "/shop")
    assert uris(found.backwards(found.position(0), None)) == ["/shop?b", "/shop/a", "/shop"]
    inode, _ = found.position(0)
    assert uris(found.after([inode, 0])[0]) == ["/shop", "/shop/a", "/shop?b"]
