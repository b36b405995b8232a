"""`homeport releases`: the releases of a host and their state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from homeport.queries.target import Target
from homeport.releases.listing import published


def read(target: Target) -> Iterator[dict[str, Any]]:
    """Yield the host's releases, once."""
    yield published(target.ask("releases", "--json"))
