"""Requests wait while the slot that serves is stopped for another one: by a file for which the proxy looks each time.

A server that is told to stop ends connections on which a request may be on its way, and nobody may send that again. So
none is on its way: requests wait in the proxy from a moment before (templates/nginx/hold.conf, haproxy/homeport.lua).
Once the server listens no more they wait for that reason, and the file goes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..system import atomic
from ..system.layout import Layout
from .site import place

# Until requests that came before have reached their slot.
SETTLE_SECONDS = 1.0
# A server stops listening at once when it is told to. What a killed run leaves keeps requests waiting no longer.
COUNTS_SECONDS = 15.0


@contextmanager
def requests(layout: Layout) -> Iterator[None]:
    """Keep requests waiting in the proxy while the block runs, if the site that is served knows of that."""
    site = place(layout)
    if not site.exists() or str(layout.held) not in site.read_text(errors="replace"):
        yield
        return
    atomic.write(layout.held, f"{time.time() + COUNTS_SECONDS:.0f}\n".encode())
    try:
        time.sleep(SETTLE_SECONDS)
        yield
    finally:
        forget(layout)


def forget(layout: Layout) -> None:
    """Remove the file, also one that a killed run has left."""
    atomic.remove(layout.held)
