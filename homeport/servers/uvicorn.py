"""uvicorn by itself: with a FastAPI or a pydantic that has no `fastapi` command, or for options that this one lacks."""

from __future__ import annotations

from packaging.version import Version

from homeport.servers.interface import Locked, Place, Server, ServerChoice, Serving, Target

# uvicorn's changelog: `--timeout-worker-healthcheck`.
FIRST_HEALTHCHECK = Version("0.37.0")


class Uvicorn(Server):
    """A manager with its workers, or a lone worker that is the server itself."""

    name = "uvicorn"
    program = ("uvicorn",)
    optional = frozenset({"worker_timeout_seconds", "max_requests"})

    def arguments(self, target: Target) -> tuple[str, ...]:
        """Return `module:variable`, and the folder to import it from."""
        folder = ("--app-dir", target.folder) if target.folder else ()
        return (f"{target.module}:{target.variable}", *folder, *(("--factory",) if target.factory else ()))

    def options(self, serving: Serving) -> tuple[str, ...]:
        """Return the time-out of its pings, and after how many requests a worker ends: not a lone one, which is all."""
        choice, options = serving.choice, list[str]()
        if choice.worker_timeout_seconds is not None:
            options += ["--timeout-worker-healthcheck", str(choice.worker_timeout_seconds)]
        if choice.max_requests is not None and serving.workers != 1:
            options += ["--limit-max-requests", str(choice.max_requests)]
        return tuple(options)

    def command(self, serving: Serving, place: Place) -> tuple[str, ...]:
        """Return the command. Whom it believes it reads from FORWARDED_ALLOW_IPS."""
        listen = ("--host", place.host, "--port", place.port, "--workers", str(serving.workers), "--proxy-headers")
        return (*self.program, *serving.arguments, *listen, *serving.root_path_words, *self.options(serving))

    def check(self, choice: ServerChoice, lock: Locked) -> None:
        """See `Server.check`."""
        if lock.lacks("uvicorn"):
            raise lock.error(
                f"the dependencies in {lock.file} do not contain uvicorn", "add uvicorn[standard] and lock again"
            )
        if choice.worker_timeout_seconds is not None and (old := lock.older("uvicorn", FIRST_HEALTHCHECK)):
            problem = f"{lock.file} pins uvicorn {old}, which has no --timeout-worker-healthcheck (0.37 is the first)"
            raise lock.error(problem, "raise uvicorn and lock again, or unset it", key="worker_timeout_seconds")
