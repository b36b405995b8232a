"""The server of a new project: another one where its lock installs no working `fastapi` command. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set

from homeport.errors import UsageError
from homeport.scaffold.needs import find_needs
from homeport.servers import SERVERS
from homeport.settings.server import Server, ServerChoice, check_pins

ORDER: tuple[Server, ...] = ("fastapi", "uvicorn", "granian", "hypercorn")


def find_server(
    files: Set[str], read: Callable[[str], str], requirements: str = "", *, factory: bool = False
) -> Server:
    """Return the `server` to set for the application with these `files`; `read` gives the text of one, "" for none.

    `requirements` is the file that its dependencies are in, where that is set; with `factory` the server has to call a
    function that makes the application. The first that can be run is chosen, and this one, too, when none can.
    """
    servers = tuple(one for one in ORDER if SERVERS[one].makes_application or not factory)
    can = runnable(files, read, requirements)
    return next((server for server in servers if can(server)), servers[0])


def runnable(files: Set[str], read: Callable[[str], str], requirements: str = "") -> Callable[[Server], bool]:
    """Return what tells whether the dependencies, as `find_server` finds them, can run a server."""
    try:
        needs = find_needs(files, read, requirements)
    except UsageError:
        return lambda server: server == ORDER[0]
    return lambda server: _runs(server, needs.names, needs.versions)


def _runs(server: Server, names: Set[str], versions: Mapping[str, str]) -> bool:
    try:
        check_pins(ServerChoice(server), names, versions, "")
    except UsageError:
        return False
    return True
