"""granian, a server in Rust with workers in Python. Run with granian 2.4.0 and 2.8.9.

It does not believe a proxy by itself, and has no option for it: what it serves is a module of ours, which wraps the
application in what granian has for that. Each worker has a socket of its own on the port, the manager has none.
"""

from __future__ import annotations

from packaging.version import Version

from homeport.servers.interface import Locked, Place, ServerChoice, Serving
from homeport.servers.wrapping import MODULE, WrappingServer

# granian.utils.proxies and --working-dir.
FIRST_GRANIAN = Version("2.4.0")
# The longest time that `--workers-kill-timeout` accepts.
LONGEST_KILL_SECONDS = 1800


class Granian(WrappingServer):
    """A manager and its workers; also where there is one alone."""

    name = "granian"
    program = ("granian",)
    template = "servers/granian"
    optional = frozenset({"worker_lifetime_seconds"})
    always_manages = True

    def options(self, serving: Serving) -> tuple[str, ...]:
        """Return the age at which a worker is replaced, and whether requests are logged."""
        lifetime = serving.choice.worker_lifetime_seconds
        options = ("--workers-lifetime", str(lifetime)) if lifetime is not None else ()
        return (*options, *(("--access-log",) if serving.access_log else ()))

    def command(self, serving: Serving, place: Place) -> tuple[str, ...]:
        """Return the command. Without `--respawn-failed-workers` the end of one worker would be the server's."""
        listen = ("--host", place.host, "--port", place.port, "--workers", str(serving.workers))
        kill = str(min(max(serving.stop_timeout_seconds, 1), LONGEST_KILL_SECONDS))
        how = ("--interface", "asgi", "--respawn-failed-workers", "--workers-kill-timeout", kill)
        return (*self.program, f"{place.files}/{MODULE}:app", *listen, *how, *self.options(serving))

    def check(self, choice: ServerChoice, lock: Locked) -> None:
        """See `Server.check`."""
        if lock.lacks("granian"):
            raise lock.error(f"the dependencies in {lock.file} do not contain granian", "add granian and lock again")
        if old := lock.older("granian", FIRST_GRANIAN):
            problem = f"{lock.file} pins granian {old}, which cannot be told of a proxy (2.4 is the first that can)"
            raise lock.error(problem, "raise granian and lock again")
