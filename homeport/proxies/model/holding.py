"""How long a request waits for the application (`hold_seconds`), as the templates of every proxy have it. Pure."""

from __future__ import annotations

from homeport.steps.context import Context


def values(context: Context) -> dict[str, object]:
    """Return what every proxy's template needs for requests that wait for the application."""
    return {"hold_seconds": context.settings.hold_seconds, "held": context.paths.held}
