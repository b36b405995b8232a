"""What stands before a process that supervisord runs: its variables, and when it is not started any more."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.host.release import program_environment, slots, supervised
from homeport.host.release.supervised_program import program_of
from homeport.host.services import program_record, supervisord
from homeport.host.services.program_record import Record
from homeport.host.system.layout import Layout
from homeport.service.environment import environment_file

NAME = "notes@blue.service"
TEXT = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=30)


class LeftError(Exception):
    """The start was given up."""


@given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True), TEXT))
def test_an_environment_file_is_read_as_it_was_meant(variables: dict[str, str]) -> None:
    assert program_environment.parse(environment_file(variables)) == variables


def test_a_process_has_no_variables_of_supervisords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERVISOR_SERVER_URL", "unix:///run/supervisor.sock")
    layout = Layout("notes", tmp_path)
    release = layout.links("blue")[1]
    release.mkdir(parents=True)
    (release / "env").write_text(environment_file({"TOKEN": 'a "b" $c'}))
    (layout.settings / "blue.env").write_text("HOMEPORT_SLOT=blue\nHOMEPORT_PORT=8001\n")
    found = program_environment.variables(
        layout, "blue", {"PATH": "/srv/notes/slots/@SLOT@/.venv/bin"}, pwd.getpwuid(os.getuid())
    )
    assert "SUPERVISOR_SERVER_URL" not in found
    assert (found["PATH"], found["TOKEN"], found["HOMEPORT_PORT"]) == (
        "/srv/notes/slots/blue/.venv/bin",
        'a "b" $c',
        "8001",
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("notes@blue.service", ("notes", "blue", "", False)),
        ("my-notes-migrate@green.service", ("my-notes", "green", "", True)),
        ("notes.a-worker@blue.service", ("notes", "blue", "a-worker", False)),
    ],
)
def test_a_units_name_tells_its_program(name: str, expected: tuple[str, str, str, bool]) -> None:
    found = program_of(name)
    assert (found.layout.app, found.slot, found.process, found.migrates) == expected


def test_other_names_are_no_programs() -> None:
    for name in ("nginx.service", "notes@red.service", "../x@blue.service", "notes.boot.service"):
        with pytest.raises(ValueError, match="no unit of an application"):
            program_of(name)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a start has done, in its order; nothing of it is real."""
    done: list[str] = []

    def leave(name: str, result: str) -> None:
        program_record.change(name, result=result, pid=0)
        raise LeftError(result)

    monkeypatch.setattr(program_record, "FOLDER", tmp_path / "programs")
    monkeypatch.setattr(supervised, "tell_journal", lambda line, unit: None)
    monkeypatch.setattr(supervised, "_note_ending", lambda name, before: None)
    monkeypatch.setattr(supervised, "_leave", leave)
    monkeypatch.setattr(supervised, "_become", lambda program: done.append("become"))
    monkeypatch.setattr(supervised, "_migrate", lambda program: done.append("migrate"))
    monkeypatch.setattr(subprocess, "run", lambda words, check: done.append(words[-1]))
    monkeypatch.setattr(supervisord, "end_leftovers", lambda name: done.append("end leftovers"))
    monkeypatch.setattr(slots, "may_run", lambda layout, slot: True)
    monkeypatch.setattr(time, "sleep", lambda seconds: done.append(f"pause {seconds}"))
    return done


def test_a_first_start_migrates_and_one_after_a_crash_pauses_instead(told: list[str]) -> None:
    program_record.write(NAME, Record())
    supervised.run(NAME)
    assert told == ["end leftovers", "migrate", "become"]
    told.clear()
    supervised.run(NAME)
    assert told == ["pause 0.5", "end leftovers", "become"]
    found = program_record.read(NAME)
    assert found is not None
    assert (found.restarts, found.pid) == (1, os.getpid())


def test_what_dies_again_and_again_is_given_up_and_left_to_the_retry(told: list[str]) -> None:
    program_record.write(NAME, Record())
    for _ in range(supervised.LIMIT_STARTS):
        supervised.run(NAME)
    told.clear()
    with pytest.raises(LeftError, match="start-limit-hit"):
        supervised.run(NAME)
    assert told == ["homeport-retry@notes:blue.service"]


def test_what_lasts_a_while_each_time_is_started_again_for_ever(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program_record.write(NAME, Record())
    moments = iter(range(0, 10_000, 16))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(moments)))
    for _ in range(20):
        supervised.run(NAME)
    assert told.count("become") == 20


def test_a_slot_that_may_not_run_is_left(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "may_run", lambda layout, slot: False)
    program_record.write(NAME, Record())
    with pytest.raises(LeftError):
        supervised.run(NAME)
    assert told == []
