"""What the host program sees of its machine: processors, memory, disks, timers, the steps of a run."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.host.services import timers
from homeport.host.system import resources, sampling, timeline
from homeport.host.system.layout import Layout

STAT = "4242 (a ) (b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 9000 0 0"


def test_a_process_is_read_whatever_its_name_is() -> None:
    assert sampling.parse_process(STAT) == (300, 9000)


def test_the_time_that_the_processors_were_idle_or_waited_for_a_disk_is_not_used() -> None:
    assert sampling.parse_machine("cpu  10 5 5 70 10 0 0 0 99 99\ncpu0 1 1 1 1\n") == (20, 100)
    assert sampling.share((20, 100), (70, 200)) == 50.0


def test_a_process_that_works_is_seen_to_work_and_one_that_sleeps_to_sleep() -> None:
    with (
        subprocess.Popen(["sh", "-c", "while :; do :; done"]) as busy,
        subprocess.Popen(["sleep", "60"]) as idle,
    ):
        used = sampling.usage([busy.pid, idle.pid, 2**30], seconds=0.5)
        busy.kill()
        idle.kill()
    assert used.processes[busy.pid] > used.processes[idle.pid]
    assert set(used.processes) == {busy.pid, idle.pid}
    assert 0 < used.machine <= 100


def test_a_process_has_an_age_until_it_is_gone() -> None:
    age = sampling.age_seconds(os.getpid())
    assert age is not None
    assert age > 0
    assert sampling.age_seconds(2**30) is None


def test_memory_is_in_bytes_and_what_is_no_size_is_left_out() -> None:
    text = "MemTotal:  100 kB\nMemAvailable: 40 kB\nHugePages_Total: 7\n"
    assert resources.parse_memory(text) == {"MemTotal": 102400, "MemAvailable": 40960}


def test_the_machine_has_cores_and_memory() -> None:
    found = resources.machine()
    assert found["cores"] == os.cpu_count()
    assert 0 < found["memory_available_bytes"] < found["memory_total_bytes"]


def test_a_file_system_is_listed_once_under_its_mount_point(tmp_path: Path) -> None:
    layout = Layout("notes", tmp_path)
    layout.base.mkdir(parents=True)
    [found] = resources.disks(resources.release_folders(layout))
    shown = subprocess.run(["df", "--output=target,pcent", tmp_path], check=True, capture_output=True, text=True)
    target, percent = shown.stdout.splitlines()[1].split()
    assert found.path == target
    assert found.used_percent == pytest.approx(int(percent.rstrip("%")), abs=1.5)


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_processor_use_is_a_share_of_the_time(used: int, free: int) -> None:
    assert 0 <= resources.used(used, free) <= 100


@pytest.mark.parametrize("text", ["", "n/a", "0", "Sun 2030-01-06 12:00:00 CET"])
def test_a_text_that_is_no_utc_time_is_none(text: str) -> None:
    assert timers.moment(text) is None


def test_a_moment_of_systemd_is_understood() -> None:
    assert timers.moment("Sun 2030-01-06 12:00:00 UTC\n") == "2030-01-06T12:00:00Z"


def test_a_run_notes_its_steps_also_one_that_fails_and_gives_them_away_once() -> None:
    timeline.taken()
    with timeline.step("first"):
        pass
    with pytest.raises(ValueError, match="broken"), timeline.step("second"):
        raise ValueError("broken")
    found = timeline.taken()
    assert [one["name"] for one in found] == ["first", "second"]
    assert all(one["began_at"] <= one["ended_at"] for one in found)
    assert timeline.taken() == []


def test_the_times_of_a_unit_are_times_of_the_day() -> None:
    clock = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1_000_000)
    ran = {
        "ExecMainStartTimestampMonotonic": str(clock - 3_000_000),
        "ExecMainExitTimestampMonotonic": str(clock - 1_000_000),
    }
    times = timeline.of_unit(ran)
    assert times is not None
    assert times[1] - times[0] == pytest.approx(2)
    assert times[1] == pytest.approx(time.time() - 1, abs=0.5)
    assert timeline.of_unit({**ran, "ExecMainExitTimestampMonotonic": "0"}) is None
    assert timeline.of_unit({}) is None
