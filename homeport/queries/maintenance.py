"""`homeport maintenance` without on or off: whether it is on, and who switched it on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from homeport.queries.target import Target


def read(target: Target) -> Iterator[dict[str, Any]]:
    """Yield the host's state, once."""
    note = target.ask("maintenance", "show")["maintenance"]
    found = None if note is None else {key: str(note.get(key) or "") for key in ("by", "since", "message")}
    yield {"app": target.settings.app_name, "maintenance": found}
