"""`homeport preview list`: the previews of a host's application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from homeport.queries.target import Target


def read(target: Target) -> Iterator[dict[str, Any]]:
    """Yield the host's previews, once."""
    yield target.ask("previews")
