from __future__ import annotations

import json
from pathlib import Path

import pytest

from homeport.host.release import deploy_hold, outdated
from homeport.host.services import units
from homeport.host.system import mapped, unit_processes
from homeport.host.system.layout import Layout, MachineLayout

LIBRARY = "/usr/lib/libssl.so.3"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MachineLayout:
    """Applications `notes`, live in green, and `hello`; what runs in green has a library of before an upgrade."""
    for app in ("notes", "hello"):
        (tmp_path / "etc/homeport" / app).mkdir(parents=True)
    Layout("notes", tmp_path).flag.parent.mkdir(parents=True, exist_ok=True)
    Layout("notes", tmp_path).flag.touch()
    monkeypatch.setattr(units, "show_all", lambda names: [{"ControlGroup": name} for name in names])
    monkeypatch.setattr(unit_processes, "process_ids", lambda group: [7] if group == "notes@green.service" else [8])
    monkeypatch.setattr(mapped, "replaced", lambda pid: [LIBRARY] if pid == 7 else [])
    return MachineLayout(tmp_path)


def test_the_live_release_of_an_application_is_named_with_what_it_runs(machine: MachineLayout) -> None:
    assert outdated.applications(machine) == {"notes": [LIBRARY]}
    assert outdated.replaced(Layout("notes", machine.root), "green") == {"notes@green.service": [LIBRARY]}
    assert outdated.replaced(Layout("notes", machine.root), "blue") == {}


def test_what_is_held_by_hand_stays_as_it_is(machine: MachineLayout) -> None:
    layout = Layout("notes", machine.root)
    deploy_hold.hold(layout, "carol", "the database moves")
    assert json.loads(layout.hold.read_text())["by"] == "carol"
    assert outdated.applications(machine) == {}
