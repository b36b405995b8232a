"""What several replicas of an application cannot have; the same wherever an engine replicates. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from homeport.exports.engines.interface import Subject

SQLITE = re.compile(r"\s*sqlite(\+\w+)?:", re.IGNORECASE)


def state_problems(subject: Subject) -> Iterator[tuple[str, str, str]]:
    """Yield that several replicas have no file in common: key, problem and fix."""
    settings = subject.settings
    if settings.replicas == 1 and settings.replicas_max is None:
        return
    key = "replicas" if settings.replicas > 1 else "replicas_max"
    found = [name for name, value in settings.environment.items() if SQLITE.match(value)]
    names = [
        *(f"environment's {one}" for one in found),
        *(["alembic.ini"] if SQLITE.match(subject.code.database) else []),
    ]
    if names:
        problem = f"{names[0]} names a SQLite database, which is a file of one replica"
        yield key, problem, "use a database server, or one replica"
    if settings.state_volume_megabytes is not None:
        problem = "several replicas cannot share the volume of $STATE_DIRECTORY, which is of one node at a time"
        yield key, problem, "keep state elsewhere and set state_volume_megabytes = None, or use one replica"


def replica_warnings(subject: Subject) -> Iterator[str]:
    """Yield what one replica, or several, cost."""
    settings = subject.settings
    if settings.replicas == 1:
        yield "replicas: with one, requests fail while its node is drained or dies, until it is up on another"
    if settings.replicas > 1 or settings.replicas_max:
        yield "replicas: each has a $STATE_DIRECTORY of its own, which goes with it: no SQLite and no uploads there"
