"""How much of the machine is used: what the kernel says, hour by hour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from homeport.host.reports.usage_record import (
    KEPT_HOURS,
    UsageSample,
    added,
    file,
    parse_disks,
    parse_network,
    read,
    record,
    take_sample,
)
from homeport.host.system.layout import MachineLayout

HOUR = 3600
NOON = 500_000 * HOUR
FIVE = 300


def at(seconds: float, **changes: Any) -> UsageSample:
    """Return a look on a machine whose counters go on evenly: 25 % busy, a disk busy for a tenth, 1 KB a second."""
    ticks = int(seconds * 200)
    values = {"boot": "a", "busy_ticks": ticks // 4, "all_ticks": ticks, "disks": {"vda": int(seconds * 100)}}
    return UsageSample(
        **{
            "at": seconds,
            "network_bytes": int(seconds * 1000),
            "memory_percent": 40.0,
            "swap_bytes": 0,
            **values,
            **changes,
        }
    )


def looked(*looks: UsageSample) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for one in looks:
        kept = added(kept, one)
    return kept


def test_the_first_look_knows_what_is_in_use_and_nothing_of_what_is_counted() -> None:
    [hour] = looked(at(NOON))["hours"]
    assert (hour["at"], hour["looks"], sorted(hour["used"])) == (NOON, 1, ["memory", "swap"])


def test_an_hour_has_sums_numbers_and_peaks() -> None:
    busy = at(NOON + 2 * FIVE)._replace(busy_ticks=at(NOON + FIVE).busy_ticks + FIVE * 200, memory_percent=80.0)
    [hour] = looked(at(NOON), at(NOON + FIVE), busy)["hours"]
    assert hour["looks"] == 3
    assert hour["used"]["processors"] == [125.0, 2, 100.0]
    assert hour["used"]["memory"] == [160.0, 3, 80.0]
    assert hour["used"]["disk"] == [20.0, 2, 10.0]
    assert hour["used"]["network"] == [2000.0, 2, 1000.0]


def test_counters_that_began_anew_and_long_pauses_say_nothing() -> None:
    for later in (at(NOON + FIVE, boot="b"), at(NOON + HOUR), at(NOON - FIVE)):
        hour = looked(at(NOON), later)["hours"][-1]
        assert "processors" not in hour["used"]
        assert "memory" in hour["used"]


def test_a_disk_that_comes_and_one_that_goes_is_no_harm() -> None:
    found = looked(at(NOON, disks={"sdb": 7}), at(NOON + FIVE, disks={"vda": 5}))
    assert found["hours"][-1]["used"]["disk"] == [0.0, 1, 0.0]


def test_a_week_is_kept_in_a_small_file() -> None:
    kept = looked(*(at(NOON + number * 1200.0) for number in range(3 * 10 * 24)))
    assert len(kept["hours"]) in (KEPT_HOURS, KEPT_HOURS + 1)
    assert len(json.dumps(kept, separators=(",", ":"))) < 40_000


def test_hours_of_a_clock_that_was_wrong_go() -> None:
    assert [one["at"] for one in looked(at(NOON + 900 * HOUR), at(NOON))["hours"]] == [NOON]


def test_parts_of_disks_and_links_inside_the_machine_do_not_count_twice() -> None:
    line = "{} 0 {} 1 0 0 0 1 0 0 0 0 {} 0\n"
    names = ["vda", "vda1", "nvme0n1", "nvme0n1p2", "loop0", "dm-0", "sr0", "sda", "sda15"]
    text = "".join(line.format(254, name, number) for number, name in enumerate(names))
    assert parse_disks(text) == {"vda": 0, "nvme0n1": 2, "sda": 7}
    head = "Inter-|   Receive\n face |bytes\n"
    rows = [
        f"{name}:{100} 0 0 0 0 0 0 0 {10} 0 0 0 0 0 0 0"
        for name in ("    lo", "  eth0", "enp1s0", "vethab12", "docker0")
    ]
    assert parse_network(head + "\n".join(rows) + "\n") == 220


def test_a_usage_record_is_written_and_read_and_a_damaged_one_begun_anew(tmp_path: Path) -> None:
    machine = MachineLayout(tmp_path)
    assert read(machine) == {}
    record(machine)
    record(machine)
    assert read(machine)["hours"][-1]["looks"] in (1, 2)
    file(machine).write_text("[")
    record(machine)
    assert read(machine)["hours"][-1]["looks"] == 1
    assert file(machine).stat().st_mode & 0o777 == 0o644


def test_this_machine_can_be_looked_at() -> None:
    found = take_sample()
    assert 0 < found.memory_percent <= 100
    assert found.all_ticks >= found.busy_ticks > 0
