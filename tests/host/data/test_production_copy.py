"""A preview's data as a copy of production's: once, and whole."""

from __future__ import annotations

import os
import pwd
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from homeport.host.data import production_copy, rehearsal
from homeport.host.services import units
from homeport.host.system.layout import Layout
from homeport.host.system.output import HostError


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Have production with a database that is written to, an empty preview, and nobody's files given away."""
    given: list[tuple[str, ...]] = []
    monkeypatch.setattr(pwd, "getpwnam", lambda name: pwd.getpwuid(os.getuid()))
    monkeypatch.setattr(units, "run_checked", lambda *words: given.append(words))
    for app in ("notes", "notes-login"):
        Layout(app, tmp_path).state.mkdir(parents=True)
    return given


def rows(database: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(database)) as db:
        return db.execute("select text from notes").fetchall()


def test_it_is_taken_once_while_production_writes(tmp_path: Path, calls: list[tuple[str, ...]]) -> None:
    source, preview = Layout("notes", tmp_path).state, Layout("notes-login", tmp_path)
    with closing(sqlite3.connect(source / "notes.db")) as db:
        db.execute("pragma journal_mode = wal")
        db.execute("create table notes (text)")
        db.execute("insert into notes values ('production')")
        db.commit()
        production_copy.fill(preview, "notes")
    assert rows(preview.state / "notes.db") == [("production",)]
    assert preview.state.stat().st_mode & 0o777 == 0o750
    assert [call[:3] for call in calls] == [
        ("chown", "root:root", calls[0][2]),
        ("chown", "-hR", "notes-login:notes-login"),
    ]
    (source / "more").touch()
    production_copy.fill(preview, "notes")
    assert not (preview.state / "more").exists()
    assert sorted(path.name for path in preview.state.parent.iterdir()) == ["notes", "notes-login"]


@pytest.mark.usefixtures("calls")
def test_without_room_for_it_nothing_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "RESERVE_BYTES", 2**62)
    preview = Layout("notes-login", tmp_path)
    with pytest.raises(HostError, match="does not fit"):
        production_copy.fill(preview, "notes")
    assert not list(preview.state.iterdir())
