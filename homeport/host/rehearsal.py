"""Rehearsal."""

from .layout import Layout
from .releases import Release


def rehearse(layout: Layout, release: Release, live_release: Release, slot: str) -> None:
    """Rehearse."""
