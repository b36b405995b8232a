"""`run`: a person's command in the environment of the live release, in a transient unit with its own sandbox.

The unit has what the live slot's has: user, folders, variables, credentials, limits. What is about a server (how it
starts, stops and is restarted) is left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from ..services import units
from ..system.layout import Layout
from ..system.output import HostError
from . import slots

SERVER_ALONE = re.compile(
    r"Exec|Restart|Timeout|Watchdog|KillMode|KillSignal|OOMPolicy|Type$|PIDFile|Standard|Success|Notify|FileDescriptor"
)


def command(layout: Layout, name: str, words: Sequence[str], *, terminal: str) -> list[str]:
    """Return the command that runs `words` in a unit called `name`, on a terminal of the type `terminal` ("": none).

    Raises HostError when no release is live.
    """
    live = slots.read(layout).live
    if live is None:
        raise HostError("no release is live here to run the command in; deploy first")
    text = units.text(layout, live)
    own = [f"Environment=TERM={terminal}", "UnsetEnvironment=NO_COLOR"] if terminal else []
    return [
        *("systemd-run", "--quiet", "--wait", "--collect", "--service-type=exec", "--pty" if terminal else "--pipe"),
        *(f"--unit={name}", f"--description=a command of {layout.app}, by hand"),
        *(f"--property={one}" for one in (*properties(text, live), *own)),
        # The shell finds the program in the release's PATH, where systemd-run would look in its own.
        *("--", "/bin/sh", "-c", 'exec "$@"', "sh", *(word.replace("$", "$$") for word in words)),
    ]


def properties(text: str, slot: str) -> Iterator[str]:
    """Yield the settings of a service that its unit's text has (`systemctl cat`), for the instance `slot`."""
    section = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped
        name, equals, value = stripped.partition("=")
        if section == "[Service]" and equals and name[:1].isalpha() and not SERVER_ALONE.match(name):
            yield f"{name}={_specified(value, slot)}"


def run(layout: Layout, name: str, words: Sequence[str], *, terminal: str) -> int:
    """Become that command; its exit status is the command's."""
    argv = command(layout, name, words, terminal=terminal)
    os.execvp(argv[0], argv)  # noqa: S606 - its words are quoted nowhere, so none can be taken for another


def _specified(value: str, slot: str) -> str:
    """Return a value as the unit's instance has it; for a transient unit systemd looks for no specifiers."""
    return re.sub("%([iI%])", lambda found: "%" if found[1] == "%" else slot, value)
