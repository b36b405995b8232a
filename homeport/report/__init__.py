"""The page that `homeport status --html` writes: one file, no network, made of what the status has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def report(hosts: Iterable[Mapping[str, Any]], target: str) -> str:
    """Return the page for the hosts of `target`, each as `homeport schema status` describes it."""
    raise NotImplementedError
