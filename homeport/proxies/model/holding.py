"""What a client is told whose request has waited for the application in vain (`hold_seconds`), by any proxy. Pure."""

from __future__ import annotations

from homeport.steps.context import Context

# An application that dies is started again after half a second, and takes some seconds for that.
RETRY_SECONDS = 5
JSON = '{"detail":"The application is being started. Try again in a few seconds."}'


def page(domain: str) -> str:
    """Return the page for browsers: one line without quotes, so that it can stand between quotes of either kind."""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=robots content=noindex>"
        f"<title>Back in a moment</title><h1>Back in a moment</h1><p>{domain} is being started. "
        "Please try again in a few seconds.</p></html>"
    )


def values(context: Context) -> dict[str, object]:
    """Return what every proxy's template needs for requests that wait for the application."""
    settings = context.settings
    return {
        "hold_seconds": settings.hold_seconds,
        "held": context.paths.held,
        "hold_retry_seconds": RETRY_SECONDS,
        "hold_page": page(settings.domain),
    }
