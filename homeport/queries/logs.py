"""`homeport logs`: the log lines of a host; once, or as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from homeport.errors import HomeportError
from homeport.queries.target import Target

# How often a host is asked again: what is seen a second late is seen soon enough.
EVERY_SECONDS = 1.0


def read(target: Target) -> Iterator[dict[str, Any]]:
    """Yield `lines`, and `upto`: all that the host wrote before that moment (seconds since 1970) has been yielded.

    With the option `follow` again and again; a host that cannot be read then is asked from where it was, until it can.
    """
    wanted = [word for source in target.options["sources"] for word in ("--source", source)]
    for name in ("lines", "since", "until"):
        if (value := target.options.get(name)) is not None:
            wanted += [f"--{name}", str(value)]
    if target.options.get("grep"):
        wanted.append(f"--grep={target.options['grep']}")
    found = target.ask("logs", *wanted)
    yield {"lines": found["lines"], "upto": found["at"]}
    while target.options.get("follow"):
        time.sleep(EVERY_SECONDS)
        try:
            found = target.ask("logs", *wanted, f"--after={found['position']}")
            yield {"lines": found["lines"], "upto": found["at"]}
        except HomeportError as error:
            error.host = None
            yield {"error": error.line()}
            target.forget()
