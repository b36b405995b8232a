"""Migrations are read from text, and never run."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from homeport.host.data.migration_files import version_folders
from homeport.source.migrations import parse_migration, read_migrations
from tests.source.alembic_files import FILES


def read(files: dict[str, str]) -> tuple[tuple[str, str], ...] | None:
    def some(paths: Collection[str]) -> dict[str, str]:
        return {path: files[path] for path in paths}

    return read_migrations(files.keys(), some)


@pytest.mark.parametrize(
    ("ini", "folders"),
    [
        ("[alembic]\nscript_location = migrations\n", ("migrations/versions",)),
        ("[alembic]\nscript_location = %(here)s/db/migrations\n", ("db/migrations/versions",)),
        ("[alembic]\nscript_location = ./alembic\n", ("alembic/versions",)),
        ("[alembic]\nscript_location = x\nversion_locations = %(here)s/a %(here)s/b\n", ("a", "b")),
        ("[alembic]\nscript_location = x\nversion_locations = a:b\n", ("a", "b")),
        ("[alembic]\nscript_location = package:migrations\n", None),
        ("[alembic]\nscript_location = /srv/migrations\n", None),
        ("[alembic]\nscript_location = ../migrations\n", None),
        ("[alembic]\nscript_location = %(elsewhere)s\n", None),
        ("[alembic]\n", None),
        ("[loggers]\nkeys = root\n", None),
        ("no ini at all", None),
    ],
)
def test_the_folder_of_the_migrations_is_the_one_that_alembic_is_told(
    ini: str, folders: tuple[str, ...] | None
) -> None:
    assert version_folders(ini) == folders


@pytest.mark.parametrize(
    ("text", "migration"),
    [
        ('"""Add a table.\n\nMore of it."""\nrevision = "0001"\n', ("0001", "Add a table.")),
        ('"""Typed."""\nrevision: str = "ab12"\ndown_revision: str | None = None\n', ("ab12", "Typed.")),
        ("revision = '0001'\n", ("0001", "0001_first")),
        ('"""Not one."""\nother = "0001"\n', None),
        ("revision = make()\n", None),
        ("revision = (\n", None),
        ("import os\nos._exit(7)\nrevision = '0001'\n", ("0001", "0001_first")),
    ],
)
def test_revision_and_title_are_those_that_alembic_shows(text: str, migration: tuple[str, str] | None) -> None:
    assert parse_migration("migrations/versions/0001_first.py", text) == migration


def test_a_release_has_the_migrations_in_its_folder_in_order() -> None:
    assert read(FILES) == (("0001", "First."), ("0002", "Second."))


def test_a_release_without_alembic_has_none() -> None:
    assert read({"main.py": "app = 1\n"}) == ()


@pytest.mark.parametrize(
    "files",
    [
        {**FILES, "alembic.ini": "[alembic]\nscript_location = elsewhere:x\n"},
        {**FILES, "migrations/versions/0003.py": "revision = make()\n"},
        {"alembic.ini": FILES["alembic.ini"]},
    ],
)
def test_an_unreadable_migration_is_never_taken_for_none(files: dict[str, str]) -> None:
    assert read(files) is None
