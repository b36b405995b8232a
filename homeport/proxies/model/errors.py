"""What a client is told by the proxy itself: an error for which the application is not asked, or has no answer. Pure.

Answers that the application gives are none of these: they are passed on as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

from homeport.steps.context import Context

# An application that dies is started again after half a second, and takes some seconds for that.
RETRY_SECONDS = 5
# Without a quote, a brace, "%" or "$", so that they can stand in every proxy's configuration.
SAID: Mapping[int, str] = {
    403: "This site is not open to your address.",
    404: "There is nothing at this address.",
    413: "The request is too large.",
    429: "Too many requests. Try again later.",
    502: "The application has failed to answer. Try again in a minute.",
    503: "The application is being started. Try again in a few seconds.",
    504: "The application did not answer in time. Try again in a minute.",
}
# For these there may be a page of the application's own (`error_page`).
DOWN = (502, 503, 504)
MAINTENANCE = "The site is closed for maintenance. Come back in a few minutes."
# Around these words, for whoever asks for JSON (as FastAPI's own errors are), and as a page for all others.
JSON = ('{"detail":"', '"}')
PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=robots content=noindex>"
    "<meta name=viewport content=width=device-width><title>Error</title><h1>Error</h1><p>",
    "</p></html>",
)


def values(context: Context) -> dict[str, object]:
    """Return what every proxy's template needs for the errors that the proxy makes itself."""
    return {
        "errors": SAID,
        "errors_down": DOWN,
        "error_json": JSON,
        "error_frame": PAGE,
        "error_retry_seconds": RETRY_SECONDS,
        "own_error_page": bool(context.settings.error_page),
        "maintenance_said": MAINTENANCE,
    }
