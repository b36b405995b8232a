"""What a week's figures say of one machine and of several."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.cli.status import with_fleet
from homeport.cli.status_view import week as shown
from homeport.report.usage import is_enough, of_fleet, of_machine, week

GIGABYTE = 2**30


def raw(
    processors: float = 60, memory: float = 60, hours: int = 168, swap: float = 0, disk: float = 20
) -> dict[str, Any]:
    """Return a record in which one hour has these peaks and the others half of them."""

    def used(part: float) -> dict[str, Any]:
        peaks = {"processors": processors, "memory": memory, "disk": disk, "network": 2e6, "swap": swap * 2**20}
        return {name: [12 * peak * part / 2, 12, peak * part] for name, peak in peaks.items()}

    return {"hours": [{"at": 3600 * one, "looks": 12, "used": used(1 if one == 0 else 0.5)} for one in range(hours)]}


def host(name: str = "web1", cores: int = 2, gigabytes: int = 2, **used: Any) -> dict[str, Any]:
    machine = {"cores": cores, "memory_total_bytes": gigabytes * GIGABYTE}
    return {"host": name, "machine": machine, "week": week(raw(**used)), "advice": []}


def said(*hosts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.level, one.fix) for _, one in of_fleet(hosts)]


def about(**used: Any) -> list[str]:
    found = week(raw(**used))
    assert found
    return [f"{one.level} {name}" for name, one in of_machine(found, 2 * GIGABYTE)]


def test_means_and_peaks_are_those_of_all_hours() -> None:
    found = week(raw(processors=80, hours=2))
    assert found
    assert found["processors"] == {"mean": 30.0, "peak": 80}
    assert found["fits"] == 1.2
    assert week({}) is week(None) is None


def test_less_than_a_day_is_no_week() -> None:
    assert not is_enough(week(raw(hours=23)))
    assert is_enough(week(raw(hours=24)))
    assert not is_enough(None)


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ({}, []),
        ({"processors": 95}, ["warning size"]),
        ({"memory": 95}, ["warning size"]),
        ({"processors": 10, "memory": 20}, ["hint size"]),
        ({"processors": 10, "memory": 60}, []),
        ({"disk": 95}, ["warning disk"]),
        ({"swap": 300}, ["warning swap"]),
        ({"swap": 50}, []),
    ],
)
def test_a_machine_is_too_small_too_large_or_well_used(used: dict[str, float], expected: list[str]) -> None:
    assert about(**used) == expected


def test_one_of_three_idle_machines_can_go() -> None:
    [(_, one)] = of_fleet([host(processors=20, memory=30)] * 3)
    assert (one.level, one.fix) == ("hint", "one machine fewer would do")
    assert one.text == (
        "the 3 machines together were used to 20 % of the processors and 30 % of the memory at the week's peaks; with "
        "one fewer it would be 30 % of the processors and 45 % of the memory, and a peak 2.2 times as large fits"
    )


def test_one_of_two_idle_machines_can_go_without_a_stand_in() -> None:
    assert said(*[host(processors=10, memory=20)] * 2) == [
        ("hint", "one machine fewer would do, but then no machine is left to replace one that fails")
    ]


def test_machines_that_are_used_up_need_another() -> None:
    assert said(*[host(processors=95)] * 2) == [("warning", "add a machine")]
    assert said(*[host(memory=95)] * 3) == [("warning", "add a machine")]


def test_machines_that_are_used_well_stay() -> None:
    assert said(*[host(processors=60, memory=60)] * 3) == []
    assert said(*[host(processors=10, memory=10, disk=50)] * 3) == []


def test_advice_assumes_that_the_largest_machine_fails() -> None:
    small, large = (
        host(cores=1, gigabytes=1, processors=30, memory=30),
        host(cores=8, gigabytes=16, processors=30, memory=30),
    )
    assert said(small, large) == []


def test_a_fleet_gets_no_advice_with_an_unread_host_or_less_than_a_day() -> None:
    little = host(processors=5, memory=5)
    assert said(little) == []
    assert said(little, little, {"host": "web3", "error": "no connection"}) == []
    assert said(little, host(processors=5, memory=5, hours=3)) == []


def test_advice_for_the_fleet_stands_with_the_first_host() -> None:
    little = host(processors=5, memory=5)
    first, second = with_fleet([little, {**little, "host": "web2"}], "production")
    assert [one["about"] for one in first["advice"]] == ["fleet"]
    assert second["advice"] == []
    assert with_fleet([], "production") == []


def test_a_person_reads_it_in_one_line() -> None:
    assert shown(week(raw(swap=300, hours=24)) or {}) == (
        "processors 16 % (peak 60 %), memory 16 % (peak 60 %), disk busy 5.2 % (peak 20 %), "
        "network 521 KB/s (peak 2.0 MB/s), swap up to 300 MB, could serve a peak 1.7 times as large, "
        "in 24 hours since 1970-01-01"
    )
