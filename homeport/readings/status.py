"""`homeport status`: what runs on a host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from homeport.readings.target import Target


def read(target: Target) -> Iterator[dict[str, Any]]:
    """Yield the host's state, once."""
    yield target.ask("status", "--json")
