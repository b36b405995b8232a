"""How long a request waits for the application (`hold_seconds`), as the templates of every proxy have it. Pure."""

from __future__ import annotations

from homeport.state.paths import HOLD_SOCKET, HOST_PROGRAM, UNITS
from homeport.state.wanted import File
from homeport.steps.context import Context

# Listens where requests wait for an application; of the machine, whatever its sites have for hold_seconds.
UNIT = "homeport-hold.socket"
# Whose members may ask there: Nginx's user, and Caddy's, which its package puts into this group.
GROUP = "www-data"


def values(context: Context) -> dict[str, object]:
    """Return what every proxy's template needs for requests that wait for the application."""
    return {"hold_seconds": context.settings.hold_seconds, "held": context.paths.held}


def units(context: Context) -> tuple[File, ...]:
    """Return the units of the program at which a request waits for its application to accept connections."""
    named = {"host_program": HOST_PROGRAM, "hold_socket": HOLD_SOCKET, "group": GROUP}
    names = (UNIT, "homeport-hold.service")
    return tuple(
        File(f"{UNITS}/{name}", context.render(f"systemd/{name}", **named), file_set="systemd") for name in names
    )
