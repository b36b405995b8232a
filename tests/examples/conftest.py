from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .serving import Application, Server


@pytest.fixture
def application(tmp_path: Path) -> Callable[[str], Application]:
    """Make a copy of the named sample application."""
    return lambda name: Application(name, tmp_path)


@pytest.fixture
def notes(application: Callable[[str], Application]) -> Application:
    """The notes application, its database not migrated yet."""
    return application("notes")


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database at Alembic's head, for tests that are about something else."""
    notes = Application("notes", tmp_path_factory.mktemp("migrated"))
    notes.run("alembic", "upgrade", "head")
    return notes.database


@pytest.fixture
def migrated(notes: Application, migrated_database: Path) -> Application:
    """The notes application with a migrated database of its own."""
    shutil.copy(migrated_database, notes.database)
    return notes


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Server]:
    """The notes application, migrated and served by two workers; one for all tests that leave it as it was."""
    notes = Application("notes", tmp_path_factory.mktemp("served"))
    shutil.copy(migrated_database, notes.database)
    with notes.server("--proxy-headers", HOMEPORT_RELEASE="r1", HOMEPORT_SLOT="blue") as server:
        yield server
