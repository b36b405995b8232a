"""What the status of a host says, from what its host program has read."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.errors import HomeportError
from homeport.report.status import status
from homeport.settings import Settings
from tests.cli.test_schema import conforms
from tests.report.status_values import entry, found, pem, process, raw


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"certificate": None},
        {"certificate__pem": "nonsense"},
        {"hold": {}, "standby": "blue"},
        {"slots__green__workers": [], "record__workers": None},
        {"live": None, "release": None, "record": {}, "log": []},
        {"disks": []},
        {"log": [entry("failed", "new", "2030-01-01T11:00:00Z", reason="it is late")]},
        {"extras": [{"unit": "notes.q@green.service", "active_state": "active", "restarts": 0, "next_run_at": None}]},
    ],
)
def test_whatever_a_host_says_is_published_as_the_schema_has_it(changes: dict[str, Any]) -> None:
    conforms([found(**changes), {"host": "web2", "error": "no answer"}], "status")


def test_a_release_has_its_age_and_who_made_it_live() -> None:
    assert found()["release"] == {
        "id": "new",
        "ref": "main",
        "commit": "0123456789abcdef",
        "dirty": False,
        "by": "ann@desk",
        "live_at": "2030-01-01T10:00:10Z",
        "live_seconds": 7190,
    }


def test_workers_are_counted_and_a_lone_one_is_the_main_process() -> None:
    assert found()["workers"] == {"wanted": 2, "running": 2}
    alone: dict[str, Any] = {
        "slots__green__workers": [],
        "slots__green__processes": [process(10, "main")],
        "record__workers": 1,
    }
    assert found(**alone)["workers"] == {"wanted": 1, "running": 1}
    assert found(**alone, slots__green__main_pid=0)["workers"] == {"wanted": 1, "running": 0}
    assert found(slots__green__workers=[])["workers"] == {"wanted": 2, "running": 0}
    # A manager whose only worker has died.
    assert found(**alone, record__server="gunicorn")["workers"] == {"wanted": 1, "running": 0}
    assert found(**alone, record__server="uvicorn")["workers"] == {"wanted": 1, "running": 1}


def test_sizes_are_bytes_and_shares_percent() -> None:
    shown = found()
    assert shown["slots"]["green"]["processes"][1]["memory_bytes"] == 60 * 2**20
    assert shown["machine"]["memory_used_percent"] == 75.0
    assert shown["machine"]["load_percent"] == 60.0


def test_the_certificate_has_its_life_and_its_renewal() -> None:
    shown = found()["certificate"]
    assert (shown["remaining_days"], shown["issuer"], shown["names"]) == (60.0, "Authority R3", ["a.test"])
    # The host asks again when three fifths of the life are over.
    assert shown["renewal_due_at"] == "2030-01-25T12:00:00Z"
    assert shown["next_check_at"] == "2030-01-01T14:00:00Z"
    assert not shown["renewal_overdue"]
    assert found(certificate__pem=pem(began=-85))["certificate"]["renewal_overdue"]


def test_a_certificate_that_was_brought_is_renewed_by_nobody() -> None:
    own: dict[str, Any] = {"tls": "files", "tls_certificate_file": "a.pem", "tls_key_file": "a.key"}
    shown = found(settings=own, certificate__pem=pem(began=-85))["certificate"]
    assert (shown["source"], shown["renewal_due_at"], shown["renewal_overdue"]) == ("files", None, True)


def test_a_timer_is_named_and_the_task_that_it_starts_is_not() -> None:
    extras = [
        {"unit": f"notes.{name}", "active_state": "active", "restarts": 0, "next_run_at": None}
        for name in ("digest@green.service", "digest@green.timer", "worker@green.service")
    ]
    kinds = {one["unit"]: one["kind"] for one in found(extras=extras)["processes"]}
    assert kinds == {"notes.digest@green.timer": "timer", "notes.worker@green.service": "process"}


def test_a_host_program_without_the_machine_is_too_old_which_is_said_in_one_line() -> None:
    old = {key: value for key, value in raw().items() if key != "machine"}
    with pytest.raises(HomeportError, match="older than this command; deploy once"):
        status(old, Settings(app_name="notes", domain="a.test"))
