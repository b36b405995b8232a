"""Paths of a release that the application writes to: what may stand there. Pure."""

from __future__ import annotations

import itertools
import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator

from homeport.settings.types import TextList

# What needs no quotes in a unit and in a shell's words.
_PATH = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*/?")
# Names at the release's root that homeport makes, or git has.
_RESERVED = (".venv", ".homeport", ".git")


def check_state_paths(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths below the application's folder, in order; one that ends with "/" is a folder.

    Raises ValueError for one that leads elsewhere, or lies in another one.
    """
    found = []
    for number, given in enumerate(value, 1):
        path = given.removeprefix("./")
        parts = path.rstrip("/").split("/")
        if not _PATH.fullmatch(path) or {".", ".."} & set(parts):
            raise ValueError(
                f"item {number} is not a path below the application's folder, of letters, digits and ._- alone"
            )
        if parts[0] in _RESERVED:
            raise ValueError(f"item {number} is in {parts[0]}, which is not the application's to write to")
        found.append(posixpath.normpath(path) + ("/" if path.endswith("/") else ""))
    for one, other in itertools.permutations(found, 2):
        if f"{other.rstrip('/')}/".startswith(f"{one.rstrip('/')}/"):
            raise ValueError(f"must not have {other.rstrip('/')} besides {one.rstrip('/')}")
    return tuple(sorted(found))


StatePaths = Annotated[TextList, AfterValidator(check_state_paths)]
