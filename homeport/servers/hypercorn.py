"""Hypercorn, a server of HTTP/1 and HTTP/2 in Python. Run with Hypercorn 0.16.0 and 0.18.0.

It does not believe a proxy by itself, and has no option for it: what it serves is a module of ours, which wraps the
application. That module also mends two things of Hypercorn's: its manager kills the workers that it has just told to
end, and a client may change to HTTP/2 behind the proxy's back (`Upgrade: h2c`).
"""

from __future__ import annotations

from packaging.version import Version

from homeport.servers.interface import Locked, Place, ServerChoice, Serving
from homeport.servers.wrapping import MODULE, WrappingServer

# Its changelog: the manager ends when a worker fails. Before, it started another one without end.
FIRST_HYPERCORN = Version("0.16.0")
# So that workers which began together do not end together, each is given up to a tenth more.
JITTER = 10
CONFIGURATION = "hypercorn.toml"


class Hypercorn(WrappingServer):
    """A manager, which holds the socket, and its workers; also where there is one alone."""

    name = "hypercorn"
    program = ("hypercorn",)
    template = "servers/hypercorn"
    optional = frozenset({"max_requests"})
    always_manages = True

    def options(self, serving: Serving) -> tuple[str, ...]:
        """Return after how many requests a worker is replaced, and where requests are logged."""
        most, options = serving.choice.max_requests, list[str]()
        if most is not None:
            options += ["--max-requests", str(most), "--max-requests-jitter", str(most // JITTER)]
        return (*options, *(("--access-logfile", "-") if serving.access_log else ()))

    def command(self, serving: Serving, place: Place) -> tuple[str, ...]:
        """Return the command. It keeps connections for 5 s, which is longer than the proxy does."""
        listen = ("--bind", f"{place.host}:{place.port}", "--workers", str(serving.workers))
        how = ("--config", f"{place.files}/{CONFIGURATION}", "--graceful-timeout", str(serving.stop_timeout_seconds))
        return (*self.program, f"{place.files}/{MODULE}:app", *listen, *how, *self.options(serving))

    def check(self, choice: ServerChoice, lock: Locked) -> None:
        """See `Server.check`."""
        if lock.lacks("hypercorn"):
            raise lock.error(
                f"the dependencies in {lock.file} do not contain hypercorn", "add hypercorn and lock again"
            )
        if old := lock.older("hypercorn", FIRST_HYPERCORN):
            problem = f"{lock.file} pins hypercorn {old}, which is not known to run here (0.16 is the first that is)"
            raise lock.error(problem, "raise hypercorn and lock again")

    def files(self, serving: Serving) -> dict[str, tuple[str, dict[str, object]]]:
        """Return the module that it serves, which finds the application by itself, and what has no option."""
        [(name, (template, values))] = super().files(serving).items()
        # Hypercorn's program does not import from the working directory, as the others do.
        values["folder"] = values["folder"] or "."
        seconds: dict[str, object] = {"stop_seconds": serving.stop_timeout_seconds}
        return {name: (template, values), CONFIGURATION: ("servers/hypercorn.toml", seconds)}
