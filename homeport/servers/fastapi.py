"""`fastapi run`, which starts uvicorn, and which the deployment guide names.

Each version here was run (fastapi-cli 0.0.2 to 0.0.34, with pydantic 1 and 2), or is from FastAPI's release notes.
"""

from __future__ import annotations

from packaging.version import Version

from homeport.servers.interface import Locked, Place, Server, ServerChoice, Serving, Target

# FastAPI's release notes: 0.111.0 always brings fastapi-cli, from 0.112.0 on the extra `standard` does.
FIRST_FASTAPI = Version("0.111.0")
# fastapi-cli: `--workers` is new in 0.0.3; 0.0.17 calls pydantic's model_validate, which pydantic 1 has not.
FIRST_WORKERS = Version("0.0.3")
FIRST_PYDANTIC_2 = Version("0.0.17")


class FastAPI(Server):
    """The command of fastapi-cli: it is told a file, and has no option beside where it listens and how many workers."""

    name = "fastapi"
    program = ("fastapi", "run")
    makes_application = False

    def arguments(self, target: Target) -> tuple[str, ...]:
        """Return what it is told: a file (`homeport.source.entrypoint` finds it), and the variable's name."""
        return (target.module, "--app", target.variable) if target.variable else (target.module,)

    def options(self, serving: Serving) -> tuple[str, ...]:
        """Return none: there are none."""
        return ()

    def command(self, serving: Serving, place: Place) -> tuple[str, ...]:
        """Return the command that the guide names. Whom it believes it reads from FORWARDED_ALLOW_IPS."""
        listen = ("--host", place.host, "--port", place.port)
        how = ("--workers", str(serving.workers), "--proxy-headers", *serving.root_path_words)
        return (*self.program, *serving.arguments, *listen, *how)

    def check(self, choice: ServerChoice, lock: Locked) -> None:
        """See `Server.check`."""
        fastapi, cli, pydantic = (lock.versions.get(name) for name in ("fastapi", "fastapi-cli", "pydantic"))
        lacking = lock.lacks("fastapi-cli") if lock.names is not None else cli is None
        if lacking and fastapi and fastapi < FIRST_FASTAPI:
            raise lock.error(
                f"{lock.file} pins fastapi {fastapi}, which has no fastapi command (0.111 is the first that has)",
                'set server = "uvicorn", or raise fastapi and lock again',
            )
        if lacking and lock.names is not None:
            raise lock.error(
                f"the dependencies in {lock.file} do not install the fastapi command",
                'add fastapi[standard] and lock again, or set server = "uvicorn"',
            )
        if cli and cli < FIRST_WORKERS:
            raise lock.error(
                f"{lock.file} pins fastapi-cli {cli}, which has no --workers (0.0.3 is the first that has)",
                'raise fastapi-cli and lock again, or set server = "uvicorn"',
            )
        if cli and cli >= FIRST_PYDANTIC_2 and pydantic and pydantic.major < 2:
            raise lock.error(
                f"{lock.file} pins fastapi-cli {cli}, which does not run with pydantic {pydantic}",
                'set server = "uvicorn", or pin fastapi-cli==0.0.16 and lock again',
            )
