"""A host's status as a person reads it."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from homeport.cli.status import blocks
from tests.report.status_values import entry, found, process, slot


def shown(*hosts: dict[str, Any], width: int = 200) -> list[str]:
    console = Console(width=width, highlight=False, emoji=False, markup=False)
    with console.capture() as captured:
        console.print(blocks(hosts))
    return [line.rstrip() for line in captured.get().splitlines()]


def line(lines: list[str], label: str) -> str:
    [one] = [one for one in lines if one.startswith(f"  {label} ")]
    return one.removeprefix(f"  {label}").strip()


def test_a_host_that_is_well_says_what_one_asks_for() -> None:
    lines = shown(found())
    assert lines[0] == "web1  serves  https://a.test"
    assert line(lines, "release") == "new, live for 1 h 59 min, by ann@desk (main at 0123456789ab)"
    assert line(lines, "slot") == "green up for 2 h, restarted 0 times"
    assert line(lines, "workers") == "2 of 2, 180 MB together"
    assert [" ".join(one.split()) for one in lines if one.split()[0] in ("manager", "worker")] == [
        "manager 10 12 % 60 MB for 2 h",
        "worker 11 12 % 60 MB for 2 h",
        "worker 12 12 % 60 MB for 2 h",
    ]
    assert line(lines, "machine").startswith("2 cores 40 % busy, load 1.00 1.20 1.20; memory 1.5 GB of 2.0 GB (75 %)")
    assert line(lines, "disk") == "/ 25 % of 20.0 GB used"
    assert line(lines, "certificate") == (
        "60 days left, until 2030-03-02, by Authority R3; renewed from 2030-01-25 on, next look in 2 h"
    )
    assert line(lines, "last deploy") == "deploy of new live 1 h 59 min ago by ann@desk, took 12.5 s".replace(
        "12.5", "12"
    )
    assert not any(one.startswith("  advice") for one in lines)


def test_a_lone_worker_is_called_one() -> None:
    lines = shown(found(slots__green__processes=[process(10, "main")], slots__green__workers=[], record__workers=1))
    assert any("worker 10" in one for one in lines)
    assert not any("manager" in one for one in lines)


def test_trouble_is_said_in_the_first_line_and_what_to_do_in_the_last() -> None:
    lines = shown(found(slots__green__active_state="failed", hold={"by": "carol@desk", "message": "wait"}))
    assert lines[0].split()[:4] == ["web1", "does", "not", "serve"]
    down = "!! the live release does not run (failed, running); to do: see: homeport doctor TARGET"
    assert line(lines, "advice") == down
    held = "- deploys are held (by hand by carol@desk: wait); to do: when that is over: homeport unlock TARGET"
    assert lines[-1].strip() == held


@pytest.mark.parametrize(
    "changes",
    [
        {"certificate": None},
        {"live": None, "release": None, "record": {}, "log": [], "slots__green": slot("green")},
        {"standby": "blue", "slots__blue": slot("blue", active_state="active")},
        {"log": [entry("failed", "bad", "2030-01-01T11:00:00Z", reason="\x1b[2Jgone")]},
        {"record": {}},
    ],
)
@pytest.mark.parametrize("width", [80, 120])
def test_any_host_fits_the_terminal_and_leaves_it_alone(changes: dict[str, Any], width: int) -> None:
    lines = shown(found(**changes), {"host": "web2", "error": "no answer\x1b[0m"}, width=width)
    assert all(len(one) <= width for one in lines)
    assert not any("\x1b" in one for one in lines)
    assert lines[-2] == "web2  cannot be read"
