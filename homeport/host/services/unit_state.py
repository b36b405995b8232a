"""A unit as systemd has it: the one parser of `systemctl show`, for a deploy's snapshot, status and doctor. Pure.

What prints it is a script for a deploy, which has to do with a bare machine, and `units.show_all` for the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class UnitState(NamedTuple):
    """By systemd's words (LoadState, ActiveState, UnitFileState, SubState, Result); what was not asked for is empty.

    `since` is when it last changed, `restarts` how often systemd has started it again by itself since somebody started
    it, `main_pid` the process that it follows (0: none).
    """

    load: str
    active: str
    file_state: str
    needs_reload: bool = False
    sub: str = ""
    result: str = ""
    restarts: int = 0
    main_pid: int = 0
    since: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it is up; neither starting nor between two restarts counts."""
        return self.active == "active"

    @property
    def boots(self) -> bool:
        """Whether it is started at boot."""
        return self.file_state == "enabled"


def properties(text: str) -> dict[str, str]:
    """Return the `NAME=value` lines of `systemctl show` as a dictionary."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def blocks(text: str) -> list[dict[str, str]]:
    """Return the properties of each unit that `systemctl show` was asked for, in their order."""
    return [properties(part) for part in text.split("\n\n") if part.strip()]


def state(raw: Mapping[str, str]) -> UnitState:
    """Return the state of a unit with these properties; raise ValueError where a number is none."""
    return UnitState(
        load=raw.get("LoadState", ""),
        active=raw.get("ActiveState", ""),
        file_state=raw.get("UnitFileState", ""),
        needs_reload=raw.get("NeedDaemonReload") == "yes",
        sub=raw.get("SubState", ""),
        result=raw.get("Result", ""),
        restarts=int(raw.get("NRestarts") or 0),
        main_pid=int(raw.get("MainPID") or 0),
        since=raw.get("StateChangeTimestamp", ""),
    )


def parse(text: str) -> dict[str, UnitState]:
    """Return the units of `systemctl show` by their names (Id)."""
    return {raw.get("Id", ""): state(raw) for raw in blocks(text)}
