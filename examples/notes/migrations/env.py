"""Alembic's entry: run the migrations on the application's own database, and record each run in it.

The table `migration_runs` has one row for every time that migrations were started, with the release that started
them; `finished_at` stays empty when they failed. It answers "did they run exactly once for this release?" from the
outside, with nothing but a look into the database.
"""

import logging
import os
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import context
from notes.database import create_engine, url_from_environment
from notes.models import Base, UTCDateTime

# In metadata of its own: a downgrade to nothing removes the application's tables and keeps the record.
record = sa.MetaData()
migration_runs = sa.Table(
    "migration_runs",
    record,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_at", UTCDateTime, nullable=False),
    sa.Column("finished_at", UTCDateTime),
    sa.Column("release", sa.String(200), nullable=False),
    sa.Column("target", sa.String(200), nullable=False),
)


def migrate() -> None:
    """Run what the command asked for, in one transaction.

    On SQLite the transaction takes the write lock at its start: one that only reads first is refused at once when
    the running release writes in between (SQLITE_BUSY_SNAPSHOT), however long the busy time-out is. Foreign keys
    are off because a table that Alembic rebuilds is dropped on the way, which would delete what refers to it; they
    cannot be switched off inside a transaction.
    """
    engine = create_engine(url_from_environment(), begin="IMMEDIATE", foreign_keys=False)
    run = _start_record(engine)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=[Base.metadata, record],
            transactional_ddl=True,
            render_as_batch=connection.dialect.name == "sqlite",
        )
        with context.begin_transaction():
            context.run_migrations()
            if run is not None:
                _finish_record(connection, run)
    engine.dispose()


def _start_record(engine: sa.Engine) -> int | None:
    """Record the start in a transaction of its own, so that a failed run is counted too.

    Alembic runs this file for `current` and `check` as well, which are not recorded: only what moves the schema
    (upgrade, downgrade, stamp) has a target.
    """
    try:
        target = context.get_revision_argument()
    except KeyError:
        return None
    row = {
        "run_at": datetime.now(UTC),
        "release": os.environ.get("HOMEPORT_RELEASE", ""),
        "target": str(target or "base"),
    }
    with engine.begin() as connection:
        record.create_all(connection)
        run: int = connection.execute(migration_runs.insert().values(row).returning(migration_runs.c.id)).scalar_one()
    return run


def _finish_record(connection: sa.Connection, run: int) -> None:
    """Mark the run as finished, in the migrations' own transaction: both are kept, or neither."""
    connection.execute(migration_runs.update().where(migration_runs.c.id == run).values(finished_at=datetime.now(UTC)))


def print_sql() -> None:
    """Print the statements instead of running them (`alembic upgrade head --sql`)."""
    context.configure(url=url_from_environment(), target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
if context.is_offline_mode():
    print_sql()
else:
    migrate()
