"""Whether what is locked can run the server that was chosen. Pure; what each needs is in `homeport.servers`."""

from __future__ import annotations

from collections.abc import Mapping, Set

from packaging.version import InvalidVersion, Version

from homeport.servers import SERVERS, Locked, ServerChoice, ServerName

__all__ = ["Server", "ServerChoice", "check_pins"]

Server = ServerName


def check_pins(choice: ServerChoice, names: Set[str] | None, versions: Mapping[str, str], file: str) -> None:
    """Raise UsageError when the dependencies that `file` pins cannot run the server.

    `names` are all distributions that are installed, None when only some are known; `versions` has those that are
    pinned to one version.
    """
    pinned = {name: found for name, text in versions.items() if (found := _version(text))}
    SERVERS[choice.name].check(choice, Locked(file, names, pinned))


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
