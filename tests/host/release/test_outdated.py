from __future__ import annotations

import json
from pathlib import Path

import pytest

from homeport.host.release import deploy_hold, outdated
from homeport.host.services import units
from homeport.host.system import lock, mapped, unit_processes
from homeport.host.system.layout import Layout, MachineLayout
from tests.host.release.described import describe, link

LIBRARY = "/usr/lib/libssl.so.3"


def release(root: Path, **more: object) -> None:
    """Have `notes` live in green, by a release that is described so."""
    layout = Layout("notes", root)
    describe(layout, "r1", **more)
    link(layout, "green", "r1")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MachineLayout:
    """Applications `notes`, live in green, and `hello`; what runs in green has a library of before an upgrade."""
    for app in ("notes", "hello"):
        (tmp_path / "etc/homeport" / app).mkdir(parents=True)
    Layout("notes", tmp_path).flag.parent.mkdir(parents=True, exist_ok=True)
    Layout("notes", tmp_path).flag.touch()
    release(tmp_path)
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


@pytest.mark.parametrize("more", [{"switch": "restart"}, {"standby": True}])
def test_what_new_processes_would_cost_something_is_left_to_its_owner(
    machine: MachineLayout, more: dict[str, object]
) -> None:
    release(machine.root, **more)
    assert outdated.applications(machine) == {}


def test_a_release_whose_python_is_gone_waits_for_a_deploy(machine: MachineLayout) -> None:
    python = Layout("notes", machine.root).code_releases / "r1/.venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/usr/bin/python3.none")
    assert outdated.applications(machine) == {}


def test_while_somebody_deploys_nothing_is_restarted(machine: MachineLayout) -> None:
    layout = Layout("notes", machine.root)
    layout.deploy_lock.parent.mkdir(parents=True)
    with lock.held(layout.deploy_lock, {"action": "deploy", "release": "r2"}, 0):
        assert outdated.applications(machine) == {}
    assert outdated.applications(machine) == {"notes": [LIBRARY]}
