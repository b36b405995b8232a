"""The name of an application, which must be valid for a user, a unit and a folder. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from homeport.settings.types import LONGEST_APP_NAME

# Names that say nothing of an application, and that the next one on the same machine may well have, too. Not those that
# tell applications of one repository apart ("api", "web").
COMMON = frozenset(("app", "application", "backend", "code", "fastapi", "main", "project", "src"))


def app_name(candidates: Iterable[str]) -> str:
    """Return the first of the `candidates` that a name can be made of, as a name; "app" if there is none.

    One that says something of the application comes before those that many have.
    """
    names = [name for one in candidates if (name := _plain(one))]
    return next((name for name in names if name not in COMMON), next(iter(names), "app"))


def _plain(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-").lstrip("-0123456789")
    if len(name) > LONGEST_APP_NAME:
        # Whole words where that leaves some of it.
        words = name[: LONGEST_APP_NAME + 1].rpartition("-")[0]
        name = (words or name[:LONGEST_APP_NAME]).strip("-")
    name = name.removesuffix("-migrate")
    return name if len(name) > 1 else ""
