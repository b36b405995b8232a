"""Hooks."""

from .layout import Layout
from .releases import Release


def run(layout: Layout, release: Release, moment: str, *, previous: str | None, outcome: str) -> None:
    """Run."""
