"""Where the database is, and how a connection to it is opened. Shared by the application and by `migrations/env.py`.

SQLite by default, in the state directory that systemd makes; any other database that SQLAlchemy speaks through
`DATABASE_URL`.
"""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection

# Longer than a migration of a small database takes: a write that meets one waits instead of failing.
BUSY_TIMEOUT_SECONDS = 10

LOCAL_STATE = Path(__file__).resolve().parent.parent / ".state"


def url_from_environment() -> sa.URL:
    """Return the database's URL: `DATABASE_URL`, else a file in `STATE_DIRECTORY`, else one beside the code.

    The last is for running it locally; where the code is read-only, systemd's `StateDirectory=` has set the second.
    """
    if configured := os.environ.get("DATABASE_URL"):
        return _with_driver(sa.make_url(configured))
    # systemd separates several state directories by colons; the first is ours.
    directory = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if not directory:
        LOCAL_STATE.mkdir(exist_ok=True)
    return sa.URL.create("sqlite", database=str(Path(directory or LOCAL_STATE) / "notes.sqlite3"))


def _with_driver(url: sa.URL) -> sa.URL:
    """Name psycopg (version 3) where a provider's URL says only `postgres` or `postgresql`."""
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgres", "postgresql") else url


def create_engine(
    url: sa.URL, *, begin: Literal["DEFERRED", "IMMEDIATE"] = "DEFERRED", foreign_keys: bool = True
) -> sa.Engine:
    """Return an engine that has connected to nothing yet.

    `begin` and `foreign_keys` concern SQLite alone; the migrations use both (see `migrations/env.py` for the
    reasons). `pool_pre_ping` replaces connections that a restarted database server has dropped.
    """
    engine = sa.create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        _set_up_sqlite(engine, begin, foreign_keys)
    return engine


def _set_up_sqlite(engine: sa.Engine, begin: str, foreign_keys: bool) -> None:
    """Open every connection in WAL mode (readers never wait for the writer) and begin its transactions ourselves.

    Left to itself, Python's sqlite3 begins a transaction only before the first write, so a migration's tables would
    be made outside it and stay when it fails: https://docs.sqlalchemy.org/en/21/dialects/sqlite.html, "Transactions
    with SQLite".
    """

    @sa.event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")
        connection.execute("PRAGMA journal_mode = WAL")
        # Safe in WAL mode: a power cut may lose the last transactions, and never harms the file. Who must keep each one
        # that was acknowledged takes FULL, which waits for the disk at every commit.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")


def session(connection: HTTPConnection) -> Iterator[Session]:
    """Give a request its session; what it did not commit is rolled back."""
    with Session(connection.app.state.engine) as opened:
        yield opened


DatabaseSession = Annotated[Session, Depends(session)]
