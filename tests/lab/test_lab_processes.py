"""Only the lab's own processes are ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.lab import processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
LAB = f"test{os.getpid()}"


def start(purpose: str, tmp_path: Path, *argv: str) -> int:
    return processes.start(LAB, purpose, argv or ("sleep", "600"), log=tmp_path / "log")


def is_alive(number: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except OSError:
        return False


def wait_for(number: int, purpose: str) -> None:
    """Between fork and exec, a process has its parent's environment."""
    deadline = time.monotonic() + 10
    while number not in processes.find(LAB, purpose) and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def end_all() -> Iterator[None]:
    yield
    processes.end(LAB, grace_seconds=0)


def test_a_process_is_found_by_lab_and_purpose_and_ended_alone(tmp_path: Path) -> None:
    first, second = start("one", tmp_path), start("two", tmp_path)
    assert processes.find(LAB, "one") == [first]
    assert set(processes.find(LAB)) == {first, second}
    processes.end(LAB, "one")
    assert not is_alive(first)
    assert is_alive(second)


def test_a_purpose_that_another_one_begins_with_is_a_different_one(tmp_path: Path) -> None:
    longer = start("web10", tmp_path)
    assert processes.find(LAB, "web1") == []
    processes.end(LAB, "web1")
    assert is_alive(longer)


def test_a_process_without_the_mark_is_never_ended(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as stranger:
        start("one", tmp_path)
        processes.end(LAB)
        assert stranger.poll() is None
        stranger.kill()


def test_a_process_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    number = start("stubborn", tmp_path, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    deadline = time.monotonic() + 10
    while "ready" not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    processes.end(LAB, grace_seconds=0.2)
    assert not is_alive(number)


def test_a_process_that_executes_one_program_after_another_is_found_all_the_time(tmp_path: Path) -> None:
    script = '[ "$1" -gt 3000 ] || exec sh -c "$0" "$0" $(($1 + 1))'
    number = start("busy", tmp_path, "sh", "-c", script, script, "0")
    looks = [number in processes.find(LAB, "busy") or not is_alive(number) for _ in range(100)]
    assert all(looks)
