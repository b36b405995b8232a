"""`homeport status`: what runs on a host, and how well."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from homeport.errors import HomeportError
from homeport.queries.target import Target
from homeport.report.status import status


def read(target: Target) -> Iterator[dict[str, Any]]:
    """Yield the host's state, once; with the option `every` (seconds) again and again.

    A host that cannot be read then is asked again, over a new connection, until it can.
    """
    every = target.options.get("every")
    if every is None:
        yield _status(target)
        return
    while True:
        try:
            yield _status(target)
        except HomeportError as error:
            error.host = None
            yield {"error": error.line()}
            target.forget()
        time.sleep(every)


def _status(target: Target) -> dict[str, Any]:
    return status(target.ask("status", "--json"), target.settings, str(target.options.get("called", "TARGET")))
