"""The state of what supervisord runs, in systemd's words; how a process ended, by supervisord's log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from homeport.host.services import program_record, program_state, supervisord
from homeport.host.services.program_record import Record

SERVER, MIGRATION = "notes@blue.service", "notes-migrate@blue.service"
LOG = """\
2026-05-04 03:00:00,001 INFO spawned: 'notes@blue' with pid 7
2026-05-04 03:00:00,002 INFO success: notes@blue entered RUNNING state, process has stayed up for > than 0 seconds
2026-05-04 03:00:01,003 WARN exited: notes@blue (exit status 3; not expected)
2026-05-04 03:00:02,004 INFO spawned: 'notes@blue' with pid 8
2026-05-04 03:00:02,005 INFO exited: other@blue (exit status 0; expected)
2026-05-04 03:00:09,006 WARN exited: notes@blue (terminated by SIGKILL; not expected)
2026-05-04 03:00:10,007 INFO spawned: 'notes@blue' with pid 9
"""


@pytest.mark.parametrize(("pid", "expected"), [(7, ("1", "3")), (8, ("2", "9")), (9, None), (10, None)])
def test_the_end_of_a_process_is_the_one_after_its_own_start(pid: int, expected: tuple[str, str] | None) -> None:
    assert supervisord.parse_ending(LOG, "notes@blue", pid) == expected


def state(name: str, info: dict[str, Any] | None, **record: Any) -> tuple[str, str]:
    program = supervisord.program(name)
    found = None if info is None else {program: info}
    shown = program_state.properties(name, found, Record(**record) if record else None, {})
    return shown["ActiveState"], shown["SubState"]


@pytest.mark.parametrize(
    ("statename", "pid", "record", "expected"),
    [
        ("RUNNING", 7, {"pid": 7, "phase": "running"}, ("active", "running")),
        # Its process is there, and its application is not healthy yet.
        ("RUNNING", 7, {"pid": 7, "phase": "start"}, ("activating", "start")),
        ("RUNNING", 7, {"pid": 7, "phase": "start-pre"}, ("activating", "start-pre")),
        ("RUNNING", 7, {"pid": 7, "phase": "auto-restart"}, ("activating", "auto-restart")),
        # The record is of the process before.
        ("RUNNING", 8, {"pid": 7, "phase": "running"}, ("activating", "start")),
        ("EXITED", 0, {}, ("activating", "auto-restart")),
        ("STOPPING", 7, {"pid": 7, "phase": "running"}, ("deactivating", "stop-sigterm")),
        ("STOPPED", 0, {}, ("inactive", "dead")),
        ("STOPPED", 0, {"result": "start-limit-hit"}, ("failed", "failed")),
        ("FATAL", 0, {}, ("failed", "failed")),
    ],
)
def test_a_server_is_up_once_its_gate_let_it_through(
    monkeypatch: pytest.MonkeyPatch, statename: str, pid: int, record: dict[str, Any], expected: tuple[str, str]
) -> None:
    monkeypatch.setattr(supervisord, "ending", lambda name, pid: None)
    assert state(SERVER, {"statename": statename, "pid": pid}, **record) == expected


def test_what_a_killed_supervisord_ran_is_up_while_its_process_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisord, "is_alive", lambda pid: pid == 7)
    assert state(SERVER, None, pid=7, phase="running") == ("active", "running")
    assert state(SERVER, None, pid=8, phase="running") == ("inactive", "dead")


@pytest.mark.parametrize(
    ("statename", "result", "expected"),
    [
        ("RUNNING", "", ("activating", "start")),
        ("EXITED", "success", ("active", "exited")),
        ("EXITED", "exit-code", ("failed", "failed")),
        ("STOPPED", "", ("inactive", "dead")),
    ],
)
def test_a_migration_is_up_once_it_has_succeeded(statename: str, result: str, expected: tuple[str, str]) -> None:
    assert state(MIGRATION, {"statename": statename, "pid": 0}, result=result) == expected


def test_a_program_is_known_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisord, "FOLDER", tmp_path)
    for name in ("notes@blue", "notes-migrate@blue", "notes.worker@blue", "notes.boot", "notes-b@blue"):
        (tmp_path / f"homeport.{name}.conf").touch()
    assert supervisord.names("notes", "blue") == [MIGRATION, "notes.worker@blue.service", SERVER]
    assert supervisord.names("notes", "green") == []
    assert supervisord.has(SERVER)
    assert not supervisord.has("notes@green.service")
    assert not supervisord.has("notes.boot.service")


def test_a_record_is_changed_only_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_record, "FOLDER", tmp_path / "programs")
    program_record.change(SERVER, gate=0)
    assert program_record.read(SERVER) is None
    program_record.write(SERVER, Record(pid=7, attempts=(1.0, 2.0)))
    program_record.change(SERVER, gate=0)
    found = program_record.read(SERVER)
    assert found is not None
    assert (found.pid, found.attempts, found.gate) == (7, (1.0, 2.0), 0)
    program_record.forget(SERVER)
    assert program_record.read(SERVER) is None
