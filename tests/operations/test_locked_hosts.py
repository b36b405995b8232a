"""Locks whose file a removal has taken away: who waited for one begins anew, and who gives one back makes none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import pytest

from .test_scripts import HOLD, SHELLS, Machine


@pytest.fixture(params=SHELLS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(tmp_path, request.param)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("lock", "script_name", "arguments"),
    [
        ("step.lock", "accounts", ("comment", "notes", "/var/lib/notes")),
        ("notes.deploy.lock", "lock", ("notes", "60", "{}", "")),
    ],
)
def test_a_lock_that_a_removal_has_taken_away_is_no_lock_and_the_new_one_is_waited_for(
    tmp_path: Path, shell: str, lock: str, script_name: str, arguments: tuple[str, ...]
) -> None:
    machine = Machine(tmp_path, shell)
    machine.has("useradd")
    (tmp_path / "run").mkdir()
    place = tmp_path / "run" / lock
    old, new = (ExitStack() for _ in range(2))
    with old, new:
        first = old.enter_context(holder(place))
        with machine.start(script_name, *arguments) as waiting:
            assert waiting.stdout
            assert hears(waiting.stdout, "waiting")
            place.unlink()
            second = new.enter_context(holder(place))
            first.communicate("\n")
            assert hears(waiting.stdout, "waiting")
            second.communicate("\n")
            waiting.stdout.read()
        assert waiting.returncode == 0


def test_a_lock_that_is_given_back_is_not_made_anew_where_a_removal_has_taken_it_away(machine: Machine) -> None:
    (machine.folder / "run").mkdir()
    place = machine.folder / "run/notes.deploy.lock"
    with machine.start("lock", "notes", "0", "{}", "", stdin=subprocess.PIPE) as held:
        assert held.stdout
        assert hears(held.stdout, "locked")
        place.unlink()
        held.communicate("")
    assert held.returncode == 0
    assert not place.exists()


def hears(lines: Iterable[str], word: str) -> bool:
    """Read until a line has the word; tell whether one has."""
    return any(word in line for line in lines)


def holder(lock: Path) -> subprocess.Popen[str]:
    """Return a process that holds a lock until it is sent a line."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdin=-1, stdout=-1, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process
