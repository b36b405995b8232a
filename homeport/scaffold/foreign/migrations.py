"""Which commands migrate a database. Pure."""

from __future__ import annotations

import re

_MIGRATION = re.compile(
    r"alembic\b.*\bupgrade\b|aerich\b.*\bupgrade\b|prisma\b.*\b(migrate deploy|db push)\b|"
    r"piccolo migrations forwards\b|yoyo apply\b|flask db upgrade\b|dbmate\b.*\bup\b|\bmigrate\b"
)


def is_migration(command: str) -> bool:
    """Tell whether a command migrates a database."""
    return bool(_MIGRATION.search(command))
