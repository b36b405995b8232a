"""The migration script with the real Alembic, as releases come one after the other: which migrations count as run."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.controller.folders import PROJECT_FILES
from homeport.host.data import revisions
from homeport.host.system.layout import Layout
from homeport.rendering.rendering import render
from tests.unit_values import VALUES

from .serving import EXAMPLES, environment

INI = "[alembic]\nscript_location = migrations\n"
ENV = """
import os
import sqlalchemy as sa
from alembic import context

for table in os.environ["TABLES"].split():
    with sa.create_engine(os.environ["DATABASE"]).begin() as connection:
        context.configure(connection=connection, version_table=table)
        context.run_migrations()
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {parent!r}


def upgrade():
    op.execute("CREATE TABLE IF NOT EXISTS t_{revision} (id INTEGER)")
"""
# The host program, with a folder in the place of the machine.
PROGRAM = """#!{python}
import sys
sys.path.insert(0, {source!r})
from pathlib import Path
from homeport.host.commands import application
from homeport.host.system.layout import Layout
application.Layout = lambda app: Layout(app, Path({root!r}))
from homeport.host.main import main
sys.exit(main())
"""


class Host:
    """A machine's folder with releases and a database, and the migration script that runs there."""

    def __init__(self, root: Path) -> None:
        self.root, self.layout, self.database = root, Layout("notes", root), root / "database"
        self.layout.settings.mkdir(parents=True)
        self.program = root / "homeport-host"
        source = str(Path(revisions.__file__).parents[2])
        self.program.write_text(PROGRAM.format(python=sys.executable, source=source, root=str(root)))
        self.program.chmod(0o755)

    def deploy(self, release: str, tables: str = "alembic_version", **parents: object) -> tuple[int, str]:
        """Migrate with a release that has a migration for each keyword: its revision, and what is before it."""
        folder = self.layout.code_releases / release
        versions = folder / "migrations/versions"
        if not folder.exists():
            versions.mkdir(parents=True)
            (folder / ".venv").symlink_to(environment(EXAMPLES / "notes"))
            (folder / "alembic.ini").write_text(INI)
            (folder / "migrations/env.py").write_text(ENV)
            (folder / "migrations/script.py.mako").touch()
            for revision, parent in parents.items():
                (versions / f"{revision}.py").write_text(MIGRATION.format(revision=revision, parent=parent))
        text = render("systemd/migrate.sh", None, **VALUES | {"release_id": release})
        variables = {"PATH": "/usr/bin:/bin", "DATABASE": f"sqlite:///{self.database}", "TABLES": tables}
        script = self.layout.settings_releases / release / "migrate"
        script.parent.mkdir(parents=True, exist_ok=True)
        revisions.note_mistaken(self.layout, release, script.parent / "mistaken")
        script.write_text(text.replace("/usr/local/lib/homeport/homeport-host", str(self.program)))
        command = ["/bin/sh", str(script)]
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
        revisions.record(self.layout)
        return done.returncode, done.stdout + done.stderr

    def tables(self) -> set[str]:
        with sqlite3.connect(self.database) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
        return {name.removeprefix("t_") for name in names if name.startswith("t_")}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.mark.parametrize(
    ("alembic", "status"),
    [("kill -9 $PPID", 1), ("exit 3", 3), ("kill -9 $$", 137), ("exit 0", 0)],
    ids=["the shell around it is killed", "it fails", "it is killed", "it ends well"],
)
def test_a_migration_that_did_not_say_that_it_ended_well_has_failed(host: Host, alembic: str, status: int) -> None:
    program = host.layout.code_releases / "one/.venv/bin/alembic"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{alembic}\n")
    program.chmod(0o755)
    assert host.deploy("one")[0] == status


def test_the_second_of_two_branches_is_refused_and_both_joined_go_through(host: Host) -> None:
    assert host.deploy("ours", a=None, b="a")[0] == 0
    status, said = host.deploy("theirs", a=None, c="a")
    assert status != 0
    assert "error: notes: release theirs: the database is at b, and c of this release was never run on it" in said
    assert host.tables() == {"a", "b"}
    assert host.deploy("both", a=None, b="a", c="a", d=("b", "c"))[0] == 0
    assert host.tables() == {"a", "b", "c", "d"}


def test_an_older_commit_is_fine_also_after_the_newer_release_is_gone(host: Host) -> None:
    assert host.deploy("new", a=None, b="a", c="b")[0] == 0
    for _ in range(2):
        status, said = host.deploy("old", a=None, b="a")
        assert (status, "has all of its migrations: left alone" in said) == (0, True), said
        shutil.rmtree(host.layout.code_releases / "new", ignore_errors=True)


def test_a_squash_is_refused_and_goes_through_once_the_database_is_told(host: Host) -> None:
    assert host.deploy("before", a=None, b="a")[0] == 0
    status, said = host.deploy("squash", s=None)
    assert status != 0
    assert 'migrate_command = "alembic stamp --purge head"' in said
    folder = host.layout.code_releases / "squash"
    stamp = [str(folder / ".venv/bin/alembic"), "stamp", "--purge", "head"]
    told = {"DATABASE": f"sqlite:///{host.database}", "TABLES": "alembic_version", "PATH": "/usr/bin:/bin"}
    subprocess.run(stamp, cwd=folder, env=told, check=True, capture_output=True)
    assert host.deploy("squash")[0] == 0


def test_a_name_that_begins_another_is_not_taken_for_it(host: Host) -> None:
    assert host.deploy("ours", a=None, e3="a")[0] == 0
    for release in ("theirs", "more"):
        more = {"e4": "e3bc"} if release == "more" else {}
        # Alembic takes e3 for e3bc: it runs what is after that, or nothing, and says that all is well.
        status, said = host.deploy(release, a=None, e3bc="a", **more)
        assert status != 0
        lacking = "e3bc, e4" if more else "e3bc"
        assert f"the database is at e3, and {lacking} of this release was never run on it. Two branches" in said
        assert host.tables() == {"a", "e3"}
    assert host.deploy("both", a=None, e3="a", e3bc="a", f="e3", g=("e3bc", "f"))[0] == 0
    assert host.tables() == {"a", "e3", "e3bc", "f", "g"}
    # Now the database is ahead of theirs.
    status, said = host.deploy("theirs")
    assert (status, "has all of its migrations: left alone" in said) == (0, True), said
    # The name alone is no reason: the database has to be at it.
    assert host.deploy("other", a=None, e3="a", e3bc="a", f="e3", g=("e3bc", "f"), hhhh="g")[0] == 0


def test_each_version_table_must_have_the_revisions(host: Host) -> None:
    assert host.deploy("new", "one", a=None, b="a")[0] == 0
    assert host.deploy("old", "one", a=None)[0] == 0
    status, said = host.deploy("old", "one two")
    assert status != 0
    assert "the database is at no migration, and a of this release was never run on it" in said


def test_a_database_that_is_not_reached_any_more_proves_nothing(host: Host) -> None:
    assert host.deploy("new", a=None, b="a")[0] == 0
    host.deploy("old", a=None)
    (host.layout.code_releases / "old/migrations/env.py").write_text(
        "from alembic import context\n"
        "from alembic.util import CommandError\n"
        "raise CommandError(\"Can't locate revision identified by 'b'\")\n"
    )
    status, said = host.deploy("old")
    assert status != 0
    assert "Alembic did not say at which" in said


def test_the_script_names_the_program_that_hosts_have() -> None:
    assert (
        "/usr/local/lib/homeport/homeport-host check-revisions"
        in (PROJECT_FILES / "templates/systemd/migrate.sh").read_text()
    )
