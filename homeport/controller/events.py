"""The events that a pyinfra run sends to the `homeport` command that started it, besides its output for people.

Each event is JSON on a line of its own that begins with a record separator, as RFC 7464 has it, in the middle of the
other output: so what happened first stands first. Nothing is told unless the environment asks for it.
"""

from __future__ import annotations

import json
import os
import sys

VARIABLE = "HOMEPORT_EVENTS"
# Values of the variable: tell; and tell, then wait for a line on standard input before anything is changed.
TELL, ASK = "tell", "ask"
MARK = "\x1e"


def are_wanted() -> bool:
    """Tell whether somebody listens."""
    return os.environ.get(VARIABLE) in (TELL, ASK)


def must_ask() -> bool:
    """Tell whether whoever listens decides, once it is known what would change, if it is done."""
    return os.environ.get(VARIABLE) == ASK


def emit(event: str, **fields: object) -> None:
    """Tell of an event, when somebody listens."""
    if are_wanted():
        sys.stdout.write(f"{MARK}{json.dumps({'event': event, **fields})}\n")
        sys.stdout.flush()
