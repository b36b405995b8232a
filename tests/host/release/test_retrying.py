"""What of a slot is started again: what has failed for good in one that shall serve, and nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from homeport.host.release import retrying, slots
from homeport.host.services import failures, units
from homeport.host.system.layout import Layout
from homeport.host.system.output import HostError

APP, MIGRATION, QUEUE = "notes@blue.service", "notes-migrate@blue.service", "notes.queue@blue.service"


@pytest.fixture
def states() -> dict[str, str]:
    """What systemd says of the slot's units; a test changes it."""
    return {APP: "active", MIGRATION: "active", QUEUE: "active"}


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: dict[str, str]) -> Layout:
    layout = Layout("notes", tmp_path)
    monkeypatch.setattr(units, "show_all", lambda names: [{"ActiveState": states[name]} for name in names])
    monkeypatch.setattr(units, "installed_extras", lambda layout, slot: [Path(QUEUE)])
    monkeypatch.setattr(slots, "read", lambda layout: SimpleNamespace(live="blue"))
    return layout


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({APP: "failed"}, ("application", APP)),
        ({APP: "inactive", MIGRATION: "failed"}, ("migration", APP)),
        ({QUEUE: "failed"}, ("process", QUEUE)),
        # What somebody stopped, and what systemd is at work on.
        ({APP: "inactive", MIGRATION: "inactive"}, None),
        ({APP: "activating"}, None),
        ({APP: "activating", QUEUE: "failed"}, None),
        ({QUEUE: "inactive"}, None),
    ],
)
def test_a_slot_that_has_failed_for_good_is_started_again(
    layout: Layout, states: dict[str, str], changes: dict[str, str], expected: tuple[str, str] | None
) -> None:
    states.update(changes)
    assert retrying.failed(layout, "blue") == expected


def test_a_slot_that_is_neither_live_nor_the_standby_is_left_to_the_deploy(
    layout: Layout, states: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    states[APP] = "failed"
    for live in ("green", None):
        monkeypatch.setattr(slots, "read", lambda layout, live=live: SimpleNamespace(live=live))
        assert retrying.failed(layout, "blue") is None
    layout.standby.parent.mkdir(parents=True)
    layout.standby.write_text("blue\n")
    assert retrying.failed(layout, "blue") == ("application", APP)


def test_a_retry_note_counts_while_its_unit_runs_and_what_it_tells_of_is_down(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = {"homeport-retry@notes:blue.service"}
    monkeypatch.setattr(units, "is_active", lambda name: name in active)
    assert retrying.read(layout, "blue") is None
    note = {"what": "migration", "unit": APP, "tries": 2}
    layout.retry("blue").parent.mkdir(parents=True)
    layout.retry("blue").write_text(json.dumps(note))
    assert retrying.read(layout, "blue") == note
    # Somebody repaired it and started it in the midst of a pause.
    active.add(APP)
    assert retrying.read(layout, "blue") is None
    active.clear()
    assert retrying.read(layout, "blue") is None


def test_a_process_does_not_wait_for_as_long_as_the_server_had_to(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [*[("application", APP)] * 8, *[("process", QUEUE)] * 2]
    monkeypatch.setattr(retrying, "failed", lambda layout, slot: found[0] if found else None)
    monkeypatch.setattr(retrying, "reason", lambda layout, slot, kind, unit, position: HostError("it died"))
    monkeypatch.setattr(retrying, "_wait_for_others", lambda layout, slot: None)
    monkeypatch.setattr(failures, "cursor", lambda: "")
    monkeypatch.setattr(units, "is_active", lambda name: True)
    monkeypatch.setattr(units, "run", lambda *words: found.pop(0) if "start" in words else None)
    layout.retry("blue").parent.parent.mkdir(parents=True)
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    retrying.retry(layout, "blue")
    assert pauses == [*retrying.PAUSES_SECONDS[:8], *retrying.PAUSES_SECONDS[:2]]
    assert "up, after 10 tries" in capsys.readouterr().out


def test_the_instance_names_application_and_slot() -> None:
    assert retrying.place("my-app:green") == ("my-app", "green")
    for word in ("my-app", "my-app:red", ":blue"):
        with pytest.raises(HostError, match="is no application and slot"):
            retrying.place(word)
