"""Lines of several hosts as a person or a program gets them."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from homeport.cli.logs import _Plain, clean_lines, merged
from homeport.cli.main import cli


def line(second: int, text: str = "hello", **changes: Any) -> dict[str, Any]:
    made = {"at": f"2030-01-01T00:00:{second:02}.000Z", "source": "app", "slot": "blue", "level": "info", "text": text}
    return {**made, **changes}


def brought(host: str, *seconds: int, upto: float = 4e9) -> dict[str, Any]:
    return {"host": host, "lines": [line(second) for second in seconds], "upto": upto}


def seen(found: list[dict[str, Any]], newest: int = 100, *, follow: bool = False) -> list[tuple[str, str]]:
    return [
        (str(one["host"]), str(one["error"] if "error" in one else one["at"][17:19]))
        for one in merged(found, newest, follow=follow)
    ]


def test_the_newest_lines_of_all_hosts_come_in_the_order_of_their_times() -> None:
    hosts = [brought("a", 1, 4), brought("b", 2, 3)]
    assert seen(hosts) == [("a", "01"), ("b", "02"), ("b", "03"), ("a", "04")]
    assert seen(hosts, 2) == [("b", "03"), ("a", "04")]


def test_a_host_that_is_away_is_said_once_and_what_others_bring_comes_all_the_same() -> None:
    away = {"host": "b", "error": "no answer"}
    found = [brought("a", 1), away, brought("a", 2), away, brought("b", 3), away]
    shown = seen(found, follow=True)
    assert [one for one in shown if one[0] == "b"] == [("b", "no answer"), ("b", "no answer"), ("b", "03")]
    assert [one for one in shown if one[0] == "a"] == [("a", "01"), ("a", "02")]


def test_a_person_sees_who_has_written_what_and_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    show = _Plain(terminal=False)
    show({"host": "web1", **line(5, "two\nlines \x1b[31mred")})
    show({"host": "web1", **line(6, "", source="deploys", slot=None)})
    assert capsys.readouterr().out.splitlines() == [
        "2030-01-01T00:00:05.000Z web1 app/blue two",
        "2030-01-01T00:00:05.000Z web1 app/blue lines \ufffd[31mred",
        "2030-01-01T00:00:06.000Z web1 deploys ",
    ]
    assert clean_lines("") == [""]


def test_a_long_line_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    _Plain(terminal=False)({"host": "web1", **line(5, "x " * 500)})
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("options", [("--since", "soon"), ("--until", "later"), ("-f", "--until", "1h"), ("-g", "[")])
def test_a_mistake_is_found_before_any_host_is_asked(options: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, ["logs", "nowhere", *options])
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
