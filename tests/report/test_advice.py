"""What is said about a host, and that nothing is said about one that is well."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.report.advice import suited_workers
from tests.report.status_values import GIGABYTE, RAW, entry, found, pem, slot

EXTRA = {"unit": "notes.queue@green.service", "active_state": "failed", "restarts": 0, "next_run_at": None}
NOTHING: dict[str, Any] = {"live": None, "release": None, "record": {}, "log": [], "slots__green": slot("green")}
RETRY = {"what": "migration", "unit": "notes@green.service", "tries": 1, "since": "2030-01-01T11:00:00Z", "reason": "x"}
BROUGHT = {"tls": "files", "tls_certificate_file": "a.pem", "tls_key_file": "a.key"}


def disk(**changes: Any) -> dict[str, Any]:
    """Return a file system as a host program of the last version tells of it; `changes` may have what is told now."""
    return {**RAW["disks"][0], **changes}


def said(**changes: Any) -> list[tuple[str, str]]:
    return [(one["level"], one["about"]) for one in found(**changes)["advice"]]


def test_a_healthy_host_gets_no_advice() -> None:
    assert said() == []


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("trouble release", {**NOTHING, "certificate": None}),
        ("trouble slot", {"slots__green__active_state": "failed"}),
        ("trouble slot", {"slots__green__active_state": "failed", "slots__green__retry": RETRY}),
        ("warning workers", {"slots__green__workers": [11]}),
        ("warning restarts", {"slots__green__restarts": 3}),
        ("trouble processes", {"extras": [EXTRA]}),
        ("trouble processes", {"extras": [{**EXTRA, "active_state": "active", "restarts": 4}]}),
        ("warning processes", {"extras": [{**EXTRA, "active_state": "active", "restarts": 2}]}),
        ("trouble certificate", {"certificate": None}),
        ("trouble certificate", {"certificate__pem": pem(began=-100)}),
        ("trouble certificate", {"certificate__served": False}),
        ("trouble certificate", {"certificate__pem": pem(issuer="")}),
        ("trouble certificate", {"certificate__pem": pem(began=-85)}),
        ("trouble certificate", {"certificate__pem": pem(began=-85), "settings": BROUGHT}),
        ("trouble renewal", {"renewal__timer_active": False}),
        ("trouble renewal", {"renewal__last_result": "exit-code"}),
        ("warning disk", {"disks": [disk(used_percent=95.0, inodes_used_percent=None)]}),
        ("warning disk", {"disks": [disk(free_bytes=GIGABYTE // 2)]}),
        ("trouble disk", {"disks": [disk(free_bytes=GIGABYTE // 64)]}),
        ("trouble disk", {"disks": [disk(read_only=True)]}),
        ("trouble inodes", {"disks": [disk(free_inodes=3)]}),
        ("warning inodes", {"disks": [disk(inodes_used_percent=99.0)]}),
        ("warning memory", {"machine__memory_available_bytes": GIGABYTE // 10}),
        ("trouble memory", {"machine__memory_available_bytes": GIGABYTE // 20}),
        ("warning processors", {"machine__load_15": 1.9}),
        ("hint size", {"machine__load_15": 0.1, "machine__memory_available_bytes": GIGABYTE * 3 // 2}),
        ("hint workers", {"machine__cores": 4, "machine__load_15": 3.0}),
        ("hint workers", {"record__workers": 5, "slots__green__workers": [1, 2, 3, 4, 5]}),
        ("warning deploy", {"log": [entry("failed", "bad", "2030-01-01T11:00:00Z", reason="the migration failed")]}),
        ("hint slot", {"slots__blue": slot("blue", active_state="active")}),
        ("hint hold", {"hold": {"by": "carol@desk", "message": "wait"}}),
        ("trouble maintenance", {"maintenance": {"by": "carol@desk", "message": "a larger disk"}}),
        ("hint reboot", {"machine__reboot_required": True}),
    ],
)
def test_one_problem_gives_one_advice(expected: str, changes: dict[str, Any]) -> None:
    assert [" ".join(one) for one in said(**changes)] == [expected]


def test_a_slot_that_is_started_again_is_told_with_why_it_is_down() -> None:
    [one] = found(slots__green__active_state="inactive", slots__green__retry=RETRY)["advice"]
    assert one["text"] == "the live release does not start, since its migration fails (tried again: 1 try): x"


def test_a_standby_and_a_brought_certificate_are_as_they_should_be() -> None:
    assert said(slots__blue=slot("blue", active_state="active"), standby="blue") == []
    assert said(settings=BROUGHT, renewal__timer_active=False) == []


def test_a_machine_that_has_just_begun_is_not_called_too_large() -> None:
    idle = {"machine__load_15": 0.1, "machine__memory_available_bytes": GIGABYTE * 3 // 2}
    assert said(**idle, machine__uptime_seconds=600) == []


def test_the_worst_is_said_first() -> None:
    levels = [level for level, _ in said(machine__reboot_required=True, certificate=None, slots__green__restarts=1)]
    assert levels == ["trouble", "warning", "hint"]


def test_suited_workers_follow_from_cores_and_memory_for_two_slots() -> None:
    # Three processes hold 180 MB for two workers; so does each slot have 90 MB a worker.
    assert suited_workers(found(machine__cores=4)) == 3
    assert suited_workers(found(machine__cores=8, machine__memory_available_bytes=4 * GIGABYTE)) == 8
    assert suited_workers(found(machine__cores=4, machine__memory_available_bytes=0)) == 1
