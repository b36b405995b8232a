"""The release that wrote a note.

Written so that the release before it goes on working on the new schema: for some seconds both run on one database,
and after a rollback the old one does for longer. A new column therefore has a default in the database, and what an
old release still reads is dropped only one release later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notes", sa.Column("release", sa.String(200), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("notes", "release")
