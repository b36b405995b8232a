"""A copy of a state folder: whole while somebody writes, and nothing of it changed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from homeport.host.data import state_copy


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.mkdir()
    return made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    made = tmp_path / "copy"
    made.mkdir()
    return made


def database(path: Path, journal: str = "wal") -> sqlite3.Connection:
    made = sqlite3.connect(path, check_same_thread=False)
    made.execute(f"PRAGMA journal_mode={journal}")
    made.execute("CREATE TABLE pairs (number INTEGER, same INTEGER)")
    made.commit()
    return made


def rows(path: Path) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(path)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return opened.execute("SELECT number, same FROM pairs").fetchall()


# A process of its own: a thread may be one of gevent's here, which would never let go.
WRITER = """
import os, sqlite3, sys
written = sqlite3.connect(sys.argv[1], timeout=60)
number, parent = 0, os.getppid()
# A run of the tests that is killed ends nobody else.
while os.getppid() == parent:
    number += 1
    written.execute("INSERT INTO pairs VALUES (?, NULL)", (number,))
    written.execute("UPDATE pairs SET same = number WHERE same IS NULL")
    written.commit()
    if number == 1:
        print("begun", flush=True)
"""


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_copy_that_is_taken_while_somebody_writes_is_whole(source: Path, target: Path, journal: str) -> None:
    database(source / "app.db", journal).close()
    command = [sys.executable, "-c", WRITER, str(source / "app.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout
            assert writer.stdout.readline() == b"begun\n"
            for number in range(10):
                copy = target / str(number)
                copy.mkdir()
                assert state_copy.copy(source, copy) == 1
                assert [path.name for path in copy.iterdir()] == ["app.db"]
                found = rows(copy / "app.db")
                assert found == [(number, number) for number in range(1, len(found) + 1)]
            assert len(found) > 1
            assert writer.poll() is None
        finally:
            writer.kill()


def test_changes_that_are_only_in_the_write_ahead_log_are_copied(source: Path, target: Path) -> None:
    with closing(database(source / "no-ending-in-its-name")) as written:
        written.execute("INSERT INTO pairs VALUES (1, 1)")
        written.commit()
        before = sha256((source / "no-ending-in-its-name").read_bytes()).digest()

        state_copy.copy(source, target)

        assert sha256((source / "no-ending-in-its-name").read_bytes()).digest() == before
        assert rows(target / "no-ending-in-its-name") == [(1, 1)]


def test_other_files_keep_content_mode_and_time(source: Path, target: Path) -> None:
    (source / "inner").mkdir(mode=0o750)
    (source / "inner/file").write_bytes(b"content")
    (source / "inner/file").chmod(0o640)
    (source / "inner/a-journal").write_bytes(b"not a database's")
    (source / "link").symlink_to("inner/file")
    (source / "folder").symlink_to("inner")
    (source / "dead").symlink_to("/nowhere")
    os.mkfifo(source / "pipe")

    assert state_copy.copy(source, target) == 0

    assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == [
        "dead",
        "folder",
        "inner",
        "inner/a-journal",
        "inner/file",
        "link",
    ]
    for name in ("inner", "inner/file"):
        before, after = (source / name).stat(), (target / name).stat()
        assert (after.st_mode, after.st_mtime) == (before.st_mode, before.st_mtime)
    assert (target / "inner/file").read_bytes() == b"content"
    assert (target / "folder").readlink() == Path("inner")
    assert (target / "dead").readlink() == Path("/nowhere")


def test_the_size_counts_what_is_not_in_the_database_yet(source: Path) -> None:
    (source / "file").write_bytes(b"12345")
    with closing(database(source / "app.db")) as written:
        written.execute("INSERT INTO pairs VALUES (1, 1)")
        written.commit()

        assert state_copy.size(source) == sum(path.stat().st_size for path in source.iterdir())
        assert state_copy.size(source) > 5 + (source / "app.db").stat().st_size


def test_a_damaged_database_is_one_line(source: Path, target: Path) -> None:
    (source / "app.db").write_bytes(state_copy.HEADER + b"\xff" * 4096)

    done = subprocess.run(
        [sys.executable, "-IB", state_copy.__file__, source, target], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "app.db" in done.stderr
