"""The name of an application, which must be valid for a user, a unit and a folder. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

# AppName in homeport.settings.types: 31 characters at most.
LONGEST = 31


def app_name(candidates: Iterable[str]) -> str:
    """Return the first of the `candidates` that a name can be made of, as a name; "app" if there is none."""
    return next((name for one in candidates if (name := _plain(one))), "app")


def _plain(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("-0123456789")[:LONGEST].strip("-")
    name = name.removesuffix("-migrate")
    return name if len(name) > 1 else ""
