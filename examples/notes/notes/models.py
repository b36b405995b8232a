"""The table, and the two shapes of a note on the wire."""

from datetime import UTC, datetime
from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UTCDateTime(sa.TypeDecorator[datetime]):
    """A time in UTC. SQLite keeps no zone, so it is put back when a row is read."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Base(DeclarativeBase):
    """What `alembic revision --autogenerate` compares the database with."""


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=lambda: datetime.now(UTC))
    # With a server default, so that the release before revision 0002 can go on inserting while both run.
    release: Mapped[str] = mapped_column(sa.String(200), default="", server_default="")


class NoteIn(BaseModel):
    """A note as a client sends it: a text that is not blank."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]


class NoteOut(BaseModel):
    """A note as a client gets it; `release` wrote it, empty outside a deployment."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    text: str
    created_at: datetime
    release: str
