"""The state of programs that supervisord runs, in the properties and the words that systemd has for a unit."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from typing import Any

from . import program_record, supervisord, unit_state
from .program_record import GIVEN_UP, PAUSE, PRE, SUCCESS, UP, Record

# Properties of the scope that a program's process is in.
OF_SCOPE = ("ControlGroup", "MemoryMax")
NUMBERS = "{{ code=exited ; status={} }}"
MICROSECONDS = 1_000_000


def show_all(names: Sequence[str]) -> list[dict[str, str]]:
    """Return the properties of programs, by the names of their units."""
    found = supervisord.processes()
    return [
        properties(name, found, program_record.read(name), scope)
        for name, scope in zip(names, _scopes(names), strict=True)
    ]


def properties(
    name: str, found: dict[str, dict[str, Any]] | None, record: Record | None, scope: dict[str, str]
) -> dict[str, str]:
    """Return the properties of one, of what supervisord says of all (None: it is down), its record and its scope."""
    info = None if found is None else found.get(supervisord.program(name), {})
    active, sub = _state(name, info, record)
    note = record or Record()
    pid = int((info or {}).get("pid") or (note.pid if info is None else 0))
    code, status = note.code, note.status
    if info and info.get("statename") == "EXITED" and (ended := supervisord.ending(name, note.pid)):
        code, status = ended
    return {
        "Id": name,
        "LoadState": "loaded",
        "ActiveState": active,
        "SubState": sub,
        "UnitFileState": "enabled" if supervisord.enabled(name) else "disabled",
        "NeedDaemonReload": "no",
        "Result": note.result or SUCCESS,
        "NRestarts": str(note.restarts),
        "MainPID": str(pid if active in ("active", "activating", "deactivating") else 0),
        "ExecMainCode": code or "0",
        "ExecMainStatus": status or "0",
        "ExecMainStartTimestampMonotonic": str(int(note.began * MICROSECONDS)),
        "ExecMainExitTimestampMonotonic": str(int(note.ended * MICROSECONDS)),
        "ExecStartPost": "" if note.gate is None else NUMBERS.format(note.gate),
        "StateChangeTimestamp": time.strftime("%a %Y-%m-%d %H:%M:%S %Z", time.localtime(note.since)) if record else "",
        "StateChangeTimestampMonotonic": str(int(note.changed * MICROSECONDS)),
        "ControlGroup": scope.get("ControlGroup", ""),
        "MemoryMax": scope.get("MemoryMax", ""),
    }


def _state(name: str, info: dict[str, Any] | None, record: Record | None) -> tuple[str, str]:
    """Return ActiveState and SubState; `info` is empty for what supervisord does not know, None when it is down."""
    note = record or Record()
    if info is None:
        return ("active", UP) if note.phase == UP and supervisord.is_alive(note.pid) else ("inactive", "dead")
    state = info.get("statename", "STOPPED")
    if not supervisord.restarts(name):
        return _migration(state, note)
    if state in ("STARTING", "RUNNING"):
        if note.pid == info.get("pid") and note.phase == UP:
            return "active", UP
        return "activating", note.phase if note.pid == info.get("pid") and note.phase in (PAUSE, PRE) else "start"
    if state in ("EXITED", "BACKOFF"):
        return "activating", PAUSE
    if state == "STOPPING":
        return "deactivating", "stop-sigterm"
    return ("failed", "failed") if state == "FATAL" or note.result == GIVEN_UP else ("inactive", "dead")


def _migration(state: str, note: Record) -> tuple[str, str]:
    """Return the state of a migration: up, as a unit that remains after its end, once it has succeeded."""
    if state in ("STARTING", "RUNNING", "STOPPING"):
        return "activating", "start"
    if note.result:
        return ("active", "exited") if note.result == SUCCESS else ("failed", "failed")
    return "inactive", "dead"


def _scopes(names: Sequence[str]) -> list[dict[str, str]]:
    """Return OF_SCOPE of each program's scope; systemd is asked once for all."""
    asked = [word for one in ("Id", *OF_SCOPE) for word in ("-p", one)]
    command = ["systemctl", "show", *asked, "--", *map(supervisord.scope, names)]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    found = {one.get("Id", ""): one for one in unit_state.blocks(said)}
    return [found.get(supervisord.scope(name), {}) for name in names]
