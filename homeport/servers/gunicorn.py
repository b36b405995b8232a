"""gunicorn with uvicorn's workers: for its time-out of workers, its recycling, and code that is loaded once.

Run with gunicorn 20.1.0 (uvicorn-worker 0.3, uvicorn 0.35) and 27.0.1 (0.4, 0.54). The class that uvicorn itself has
(`uvicorn.workers`) is deprecated, so the package uvicorn-worker has to be there.
"""

from __future__ import annotations

from packaging.version import Version

from homeport.servers.interface import Locked, Place, Server, ServerChoice, Serving, Target

# The gunicorn that the oldest uvicorn-worker requires.
FIRST_GUNICORN = Version("20.1.0")
# uvicorn 0.36.0 has replaced `setup_event_loop`, which uvicorn-worker calls before 0.4.0.
FIRST_UVICORN_OTHERWISE, FIRST_WORKER_FOR_IT = Version("0.36.0"), Version("0.4.0")
WORKER_CLASS = "uvicorn_worker.UvicornWorker"
# gunicorn's own 2 s are less than the 4 s for which Nginx keeps a connection to a slot: a request would meet one that
# has just been closed. 5 s is what uvicorn has by itself.
KEEP_ALIVE_SECONDS = 5
# So that workers which began together do not end together, each is given up to a tenth more.
JITTER = 10
CONFIGURATION = "gunicorn.py"


class Gunicorn(Server):
    """A manager, which holds the socket, and forks of it, which are its workers; also where there is one alone."""

    name = "gunicorn"
    program = ("gunicorn",)
    optional = frozenset({"worker_timeout_seconds", "max_requests", "server_preload"})
    always_manages = True

    def arguments(self, target: Target) -> tuple[str, ...]:
        """Return `module:variable` or `module:function()`, and the folder to import it from."""
        folder = ("--pythonpath", target.folder) if target.folder else ()
        return (f"{target.module}:{target.variable}{'()' if target.factory else ''}", *folder)

    def options(self, serving: Serving) -> tuple[str, ...]:
        """Return time-out, recycling, whether the manager loads the code, and where requests are logged."""
        choice, options = serving.choice, list[str]()
        if choice.worker_timeout_seconds is not None:
            options += ["--timeout", str(choice.worker_timeout_seconds)]
        if choice.max_requests is not None:
            most = choice.max_requests
            options += ["--max-requests", str(most), "--max-requests-jitter", str(most // JITTER)]
        if choice.server_preload:
            options += ["--preload"]
        if serving.access_log:
            options += ["--access-logfile", "-"]
        return tuple(options)

    def command(self, serving: Serving, place: Place) -> tuple[str, ...]:
        """Return the command. It reads the trusted proxies from FORWARDED_ALLOW_IPS.

        A worker shows that it lives by a file, which must not wait for a disk (gunicorn's FAQ): it is in memory.
        """
        listen = ("--bind", f"{place.host}:{place.port}", "--workers", str(serving.workers))
        how = ("--config", f"{place.files}/{CONFIGURATION}", "--worker-class", WORKER_CLASS)
        times = ("--keep-alive", str(KEEP_ALIVE_SECONDS), "--graceful-timeout", str(serving.stop_timeout_seconds))
        words = (*serving.arguments, *listen, *how, *times, "--worker-tmp-dir", "/dev/shm")  # noqa: S108
        return (*self.program, *words, *self.options(serving))

    def check(self, choice: ServerChoice, lock: Locked) -> None:
        """See `Server.check`."""
        for name in ("gunicorn", "uvicorn-worker"):
            if lock.lacks(name):
                problem = f"the dependencies in {lock.file} do not contain {name}"
                raise lock.error(problem, "add gunicorn, uvicorn-worker and uvicorn[standard], and lock again")
        if old := lock.older("gunicorn", FIRST_GUNICORN):
            problem = f"{lock.file} pins gunicorn {old}, which uvicorn-worker does not work with (20.1 is the first)"
            raise lock.error(problem, "raise gunicorn and lock again")
        uvicorn, old = lock.versions.get("uvicorn"), lock.older("uvicorn-worker", FIRST_WORKER_FOR_IT)
        if old and uvicorn and uvicorn >= FIRST_UVICORN_OTHERWISE:
            problem = f"{lock.file} pins uvicorn-worker {old}, which does not work with uvicorn {uvicorn}"
            raise lock.error(problem, "raise uvicorn-worker to 0.4 and gunicorn to 21 and lock again")

    def files(self, serving: Serving) -> dict[str, tuple[str, dict[str, object]]]:
        """Return its configuration: what has no option in every version, and how a worker ends that is replaced."""
        return {CONFIGURATION: ("servers/gunicorn", {"recycles": serving.choice.max_requests is not None})}
