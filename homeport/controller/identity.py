"""Who runs this, and on which machine: for others who wait for a host, and for the log."""

from __future__ import annotations

import getpass
import os
import socket


def user() -> str:
    """Return who runs this; in a container the user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def machine() -> str:
    """Return the name of the machine that this runs on."""
    return socket.gethostname()


def by() -> str:
    """Return both in one word, for logs."""
    return f"{user()}@{machine()}"
