"""The notes application over real HTTP, served by `fastapi run --workers 2` from an environment made from its lock."""

from __future__ import annotations

import http.client
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from .serving import Application, Server

# Serving


def test_health_names_release_slot_and_worker(served: Server) -> None:
    answer = served.get("/health")
    assert answer.status == 200
    assert answer.json == {
        "status": "ok",
        "release": "r1",
        "slot": "blue",
        "pid": int(answer.headers["x-notes-pid"]),
    }


def test_every_response_says_who_served_it(served: Server) -> None:
    for path in ("/", "/notes", "/nowhere"):
        headers = served.get(path).headers
        assert (headers["x-notes-release"], headers["x-notes-slot"]) == ("r1", "blue")


def test_a_note_kept_by_one_worker_is_read_by_all_of_them(served: Server) -> None:
    added = served.request("POST", "/notes", {"text": "  across workers "})
    assert added.status == 201
    assert (added.json["text"], added.json["release"]) == ("across workers", "r1")
    answers = [served.get(f"/notes/{added.json['id']}") for _ in range(60)]
    assert {answer.headers["x-notes-pid"] for answer in answers} == {str(pid) for pid in served.pids()}
    assert {answer.status for answer in answers} == {200}


def test_concurrent_writers_wait_for_each_other(served: Server) -> None:
    statuses: list[int] = []

    def write() -> None:
        statuses.extend(served.request("POST", "/notes", {"text": "one of many"}).status for _ in range(15))

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert statuses == [201] * 90


def test_a_note_can_be_replaced_and_forgotten(served: Server) -> None:
    path = f"/notes/{served.request('POST', '/notes', {'text': 'draft'}).json['id']}"
    assert served.request("PUT", path, {"text": "final"}).json["text"] == "final"
    assert served.request("DELETE", path).status == 204
    assert served.get(path).status == 404


@pytest.mark.parametrize("body", [{}, {"text": "  "}, {"text": "x" * 10_001}, {"text": "a", "id": 1}, []])
def test_a_note_that_is_none_is_refused(served: Server, body: object) -> None:
    assert served.request("POST", "/notes", body).status == 422


def test_the_page_escapes_what_was_written(served: Server) -> None:
    served.request("POST", "/notes", {"text": "<script>alert(1)</script>"})
    page = served.get("/").body.decode()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "r1" in page


def test_the_page_needs_nothing_from_elsewhere(served: Server) -> None:
    page = served.get("/").body.decode()
    assert not any(mark in page for mark in ("http:", "https:", "src="))
    assert served.request("HEAD", "/").status == 200


def test_the_client_is_whom_the_proxy_names(served: Server) -> None:
    direct = served.get("/whoami").json
    assert (direct["client"], direct["scheme"], direct["request_id"]) == ("127.0.0.1", "http", None)
    proxied = served.get(
        "/whoami", X_Forwarded_For="192.0.2.7", X_Forwarded_Proto="https", X_Request_ID="abc", Host="notes.test"
    ).json
    assert proxied["client"] == "192.0.2.7"
    assert (proxied["scheme"], proxied["request_id"]) == ("https", "abc")
    assert proxied["url"] == "https://notes.test/whoami"


def test_a_slow_request_keeps_nobody_waiting(served: Server) -> None:
    slow: list[float] = []

    def wait() -> None:
        begun = time.monotonic()
        assert served.get("/slow?seconds=2").json["slept_seconds"] == 2
        slow.append(time.monotonic() - begun)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert served.get("/health").status == 200
    assert slow == []
    for thread in threads:
        thread.join()
    assert len(slow) == 4
    assert min(slow) >= 2


@pytest.mark.parametrize("seconds", ["-1", "56", "inf", "nan", "long"])
def test_a_slow_request_is_bounded(served: Server, seconds: str) -> None:
    assert served.get(f"/slow?seconds={seconds}").status == 422


ECHO = """
import sys
from websockets.sync.client import connect
with connect(sys.argv[1]) as socket:
    for text in ("hello", "ünïcode", "x" * 50_000):
        socket.send(text)
        assert socket.recv(timeout=10) == text
    print(socket.response.headers["x-notes-slot"])
"""


def test_a_websocket_sends_back_every_text(served: Server, notes: Application) -> None:
    assert notes.run("python", "-c", ECHO, f"ws://127.0.0.1:{served.port}/ws").stdout == "blue\n"


def test_nobody_can_crash_it_unless_allowed(served: Server) -> None:
    before = served.pids()
    assert served.request("POST", "/crash").status == 404
    assert served.pids() == before


# Processes


def test_sigterm_shuts_down_every_worker_in_order(migrated: Application) -> None:
    with migrated.server(workers=3) as server:
        pids = server.pids()
        assert server.stop() == 0
    assert len(pids) == 3
    for pid in pids:
        assert f"worker {pid} stopped" in server.output()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_request_in_flight_is_answered_before_the_stop(notes: Application) -> None:
    with notes.server() as server:
        answers: list[int] = []
        thread = threading.Thread(target=lambda: answers.append(server.get("/slow?seconds=3").status))
        thread.start()
        time.sleep(1)  # time is the subject: the request is to be in the middle of its three seconds
        assert server.stop() == 0
        thread.join()
    assert answers == [200]


def test_a_crashed_worker_is_replaced(migrated: Application) -> None:
    with migrated.server(NOTES_ALLOW_CRASH="1") as server:
        before = server.pids()
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            server.request("POST", "/crash")
        server.wait_until(lambda: len(server.pids() - before) == 1 and len(server.pids()) == 2)
        assert len(server.pids() & before) == 1
        assert server.get("/health").status == 200


def test_nothing_is_written_beside_the_code(notes: Application) -> None:
    before = notes.files()
    notes.run("alembic", "upgrade", "head")
    with notes.server() as server:
        server.request("POST", "/notes", {"text": "in the state directory"})
    assert notes.files() == before
    assert notes.database.exists()


def test_the_access_log_is_the_proxy_s_in_a_deployment(notes: Application) -> None:
    with notes.server(workers=1) as server:
        server.get("/whoami?by=hand")
        server.wait_until(lambda: "/whoami?by=hand" in server.output(), seconds=5)
    with notes.server(workers=1, HOMEPORT_RELEASE="r1") as server:
        server.get("/whoami?by=homeport")
    assert "by=homeport" not in server.output()


# The database and its migrations


def test_health_follows_the_schema_without_a_restart(notes: Application) -> None:
    with notes.server(workers=1, HOMEPORT_RELEASE="r2") as server:
        bare = server.get("/health")
        assert (bare.status, bare.json["release"]) == (503, "r2")
        assert "no such table: notes" in str(bare.json["reason"])
        notes.run("alembic", "upgrade", "0001")
        behind = server.get("/health")
        assert behind.status == 503
        assert "release" in str(behind.json["reason"])
        notes.run("alembic", "upgrade", "head")
        assert server.get("/health").status == 200


def test_health_says_that_the_database_cannot_be_reached(notes: Application) -> None:
    with notes.server(workers=1, STATE_DIRECTORY="/nonexistent") as server:
        answer = server.get("/health")
    assert answer.status == 503
    assert "cannot be reached" in str(answer.json["reason"])


def test_a_schema_ahead_of_the_code_is_healthy_as_after_a_rollback(migrated: Application) -> None:
    _execute(migrated.database, "ALTER TABLE notes ADD COLUMN later TEXT DEFAULT 'x' NOT NULL")
    _execute(migrated.database, "UPDATE alembic_version SET version_num = '9999'")
    with migrated.server(workers=1) as server:
        assert server.get("/health").status == 200
        assert server.request("POST", "/notes", {"text": "by the old release"}).status == 201


def test_the_release_before_can_write_on_the_new_schema(migrated: Application) -> None:
    _execute(migrated.database, "INSERT INTO notes (text, created_at) VALUES ('by 0001', '2026-01-01 00:00:00.000000')")
    assert _rows(migrated.database, "SELECT release FROM notes") == [("",)]


def test_notes_survive_a_downgrade_and_the_way_back(migrated: Application) -> None:
    _execute(migrated.database, "INSERT INTO notes (text, created_at) VALUES ('kept', '2026-01-01 00:00:00.000000')")
    migrated.run("alembic", "downgrade", "0001")
    assert _columns(migrated.database) == ["id", "text", "created_at"]
    migrated.run("alembic", "upgrade", "head")
    assert _columns(migrated.database) == ["id", "text", "created_at", "release"]
    assert _rows(migrated.database, "SELECT text FROM notes") == [("kept",)]


def test_the_models_are_what_the_migrations_make(notes: Application) -> None:
    notes.run("alembic", "upgrade", "head")
    notes.run("alembic", "check")


def test_each_migration_run_is_recorded_once_with_its_release(notes: Application) -> None:
    notes.run("alembic", "current")
    notes.run("alembic", "upgrade", "0001", HOMEPORT_RELEASE="r1")
    notes.run("alembic", "upgrade", "head", HOMEPORT_RELEASE="r2")
    notes.run("alembic", "current")
    runs = "SELECT release, target, finished_at IS NOT NULL FROM migration_runs ORDER BY id"
    assert _rows(notes.database, runs) == [("r1", "0001", 1), ("r2", "0002", 1)]


BROKEN = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"

def upgrade() -> None:
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO nowhere VALUES (1)")
"""


def test_a_failed_migration_leaves_the_schema_as_it_was_and_is_counted(notes: Application) -> None:
    notes.run("alembic", "upgrade", "0001")
    (notes.code / "migrations" / "versions" / "0003_broken.py").write_text(BROKEN)
    failed = notes.run("alembic", "upgrade", "head", check=False, HOMEPORT_RELEASE="bad")
    assert failed.returncode != 0
    assert "no such table: nowhere" in failed.stderr
    assert _rows(notes.database, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert _columns(notes.database) == ["id", "text", "created_at"]
    assert _rows(notes.database, "SELECT name FROM sqlite_master WHERE name = 'half'") == []
    assert _rows(notes.database, "SELECT finished_at FROM migration_runs WHERE release = 'bad'") == [(None,)]


def test_a_migration_waits_for_a_release_that_is_writing(notes: Application) -> None:
    notes.run("alembic", "upgrade", "0001")
    with closing(sqlite3.connect(notes.database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO notes (text, created_at) VALUES ('meanwhile', '2026-01-01 00:00:00.000000')")
        upgrade = threading.Thread(target=notes.run, args=("alembic", "upgrade", "head"))
        upgrade.start()
        time.sleep(3)  # time is the subject: nothing happens for so long
        assert upgrade.is_alive()
        writer.execute("COMMIT")
        upgrade.join()
    assert _rows(notes.database, "SELECT text, release FROM notes") == [("meanwhile", "")]


def test_sqlite_is_opened_in_wal_mode(migrated: Application) -> None:
    assert _rows(migrated.database, "PRAGMA journal_mode") == [("wal",)]


POSTGRESQL = """
from notes.database import url_from_environment
url = url_from_environment()
print(url.drivername, url.host, url.database)
"""


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_another_database_is_chosen_by_its_url(notes: Application, scheme: str) -> None:
    printed = notes.run("python", "-c", POSTGRESQL, DATABASE_URL=f"{scheme}://me:secret@db.test/notes").stdout
    assert printed == "postgresql+psycopg db.test notes\n"


def _rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def _execute(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(statement)
        connection.commit()


def _columns(database: Path) -> list[object]:
    return [row[1] for row in _rows(database, "PRAGMA table_info(notes)")]
