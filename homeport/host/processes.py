"""Processes."""

from .layout import Layout


def start(layout: Layout, slot: str) -> None:
    """Start."""


def stop(layout: Layout, slot: str) -> None:
    """Stop."""


def failed(layout: Layout, slot: str) -> str | None:
    """Failed."""
    return None
