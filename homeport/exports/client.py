"""The client of the engine that is here: which one, and why it failed."""

from __future__ import annotations

import shutil

from homeport.errors import UsageError


def program(option: str) -> str:
    """Return docker, or podman where there is no docker; raise UsageError, which names the option, without both."""
    found = next((one for one in ("docker", "podman") if shutil.which(one)), None)
    if found is None:
        raise UsageError("neither docker nor podman is installed", key=option, fix="install one of them")
    return found


def last_line(said: str) -> str:
    """Return what a client ended with, of what it said on stderr."""
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it says nothing")
