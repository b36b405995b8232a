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
from tests.pace import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
LAB = f"test{os.getpid()}"


def start(purpose: str, tmp_path: Path, *argv: str, env: dict[str, str] | None = None) -> int:
    return processes.start(LAB, purpose, argv or ("sleep", "600"), log=tmp_path / "log", env=env)


def is_alive(number: int) -> bool:
    """A process that is ending has given its environment back, and need not be a zombie yet."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] not in "ZX" and not int(fields[6]) & processes.ENDING


def wait_for(number: int, purpose: str) -> None:
    """Between fork and exec, a process has its parent's environment."""
    until(lambda: number in processes.find(LAB, purpose), 10, every=0.01)


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
    assert until(lambda: "ready" in (tmp_path / "log").read_text(), 10, every=0.01)
    processes.end(LAB, grace_seconds=0.2)
    assert not is_alive(number)


def stat(state: str = "R", flags: int = 0x400000, environment: tuple[int, int] = (0, 0), code: int = 4096) -> str:
    """A line of /proc/N/stat, with as many fields as it has."""
    fields = ["1"] * 50
    fields[0], fields[6], fields[23], fields[47:49] = state, str(flags), str(code), map(str, environment)
    return f"7 (a name) R) {' '.join(fields)}\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (stat(), False),  # in the middle of execve(2)
        (stat(environment=(4096, 4200)), False),  # just through with it: the next look sees the environment
        (stat(environment=(4096, 4096), code=0), False),  # in the middle as well
        (stat(environment=(4096, 4096)), True),  # started with none
        (stat("Z", environment=(0, 0)), True),
        (stat(flags=0x400000 | processes.ENDING), True),
        (stat("I", processes.KERNEL_THREAD), True),
    ],
)
def test_an_environment_that_is_empty_for_the_moment_is_told_from_none(line: str, expected: bool) -> None:
    assert processes._has_none(line) is expected


def test_a_process_without_any_environment_holds_nobody_up() -> None:
    with subprocess.Popen(["sleep", "600"], env={}) as stranger:
        began = time.monotonic()
        assert processes._environment(stranger.pid) == b""
        assert time.monotonic() - began < processes.EXEC_SECONDS / 2
        stranger.kill()


@pytest.mark.parametrize("padding_bytes", [0, 12_000])
def test_a_process_that_executes_one_program_after_another_is_found_all_the_time(
    tmp_path: Path, padding_bytes: int
) -> None:
    script = '[ "$1" -gt 1000 ] || exec sh -c "$0" "$0" $(($1 + 1))'
    padded = {**os.environ, "A": "a" * padding_bytes}
    number = start("busy", tmp_path, "sh", "-c", script, script, "0", env=padded)
    looks = [number in processes.find(LAB, "busy") or not is_alive(number) for _ in range(300)]
    assert all(looks)
