"""The units beside a slot's server: which there are, which last, and which a release brings or takes away."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.host.services import processes, unit_files, units
from homeport.host.services.release_description import Health, Release
from homeport.host.system.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout("notes", tmp_path)
    made.unit_file("x").parent.mkdir(parents=True)
    return made


def release(layout: Layout, **files: str) -> Release:
    folder = layout.settings_releases / "r1"
    folder.mkdir(parents=True)
    for name, text in {"app.service": "app", **files}.items():
        (folder / name).write_text(text)
    return Release("r1", folder, {"blue": 1, "green": 2}, Health("/", 200, 1, 9), 1, has_migration=False)


def install(layout: Layout, *names: str) -> None:
    for name in names:
        layout.unit_file(name).touch()


def test_the_units_of_a_slot_are_known_by_their_names(layout: Layout) -> None:
    install(layout, "notes.worker@blue.service", "notes.tick@blue.service", "notes.tick@blue.timer")
    install(layout, "notes@blue.service", "notes-migrate@blue.service", "notes.worker@green.service")
    install(layout, "notes-two.worker@blue.service", ".notes.worker@blue.service.new")

    names = processes.unit_names(layout, "blue")

    assert names == ["notes.tick@blue.service", "notes.tick@blue.timer", "notes.worker@blue.service"]
    assert units.lasting(names) == ["notes.tick@blue.timer", "notes.worker@blue.service"]
    assert processes.unit_names(Layout("other", layout.root), "blue") == []


def test_a_release_brings_its_units_and_takes_away_what_it_has_not(layout: Layout) -> None:
    install(layout, "notes.old@green.service", "notes.worker@green.service", "notes.worker@blue.service")
    made = release(layout, **{"extra.worker.service": "worker", "extra.tick.timer": "tick"})

    wanted = {path.name: content for path, content in unit_files.wanted_files(layout, "green", made).items()}

    assert wanted == {
        "notes@green.service": b"app",
        "notes-migrate@green.service": None,
        "notes.old@green.service": None,
        "notes.worker@green.service": b"worker",
        "notes.tick@green.timer": b"tick",
    }
