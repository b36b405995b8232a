"""Which program serves the application, what it is given, and what a lock has to bring for it. Pure.

The interfaces are not taken for the newest: each version here was run (fastapi-cli 0.0.2 to 0.0.34, with pydantic 1
and 2) or is from its changelog (uvicorn).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Literal

from packaging.version import InvalidVersion, Version

from homeport.errors import UsageError

Server = Literal["fastapi", "uvicorn"]
# FastAPI's release notes: 0.111.0 always brings fastapi-cli, from 0.112.0 on the extra `standard` does.
FIRST_FASTAPI = Version("0.111.0")
# fastapi-cli: `--workers` is new in 0.0.3; 0.0.17 calls pydantic's model_validate, which pydantic 1 has not.
FIRST_WORKERS = Version("0.0.3")
FIRST_PYDANTIC_2 = Version("0.0.17")
# uvicorn's changelog: `--timeout-worker-healthcheck`.
FIRST_HEALTHCHECK = Version("0.37.0")


@dataclass(frozen=True)
class ServerChoice:
    """The server and its options: `worker_timeout_seconds` and `max_requests` are uvicorn's alone; None: its own."""

    name: Server = "fastapi"
    worker_timeout_seconds: int | None = None
    max_requests: int | None = None

    def options(self) -> tuple[str, ...]:
        """Return the options that follow from the settings."""
        options: list[str] = []
        if self.worker_timeout_seconds is not None:
            options += ["--timeout-worker-healthcheck", str(self.worker_timeout_seconds)]
        if self.max_requests is not None:
            options += ["--limit-max-requests", str(self.max_requests)]
        return tuple(options)


def check_pins(choice: ServerChoice, names: Set[str] | None, versions: Mapping[str, str], file: str) -> None:
    """Raise UsageError when the dependencies that `file` pins cannot run the server.

    `names` are all distributions that are installed, None when only some are known; `versions` has those that are
    pinned to one version.
    """
    pinned = {name: found for name, text in versions.items() if (found := _version(text))}
    if choice.name == "uvicorn":
        _check_uvicorn(choice, names, pinned, file)
    else:
        _check_fastapi(names, pinned, file)


def _check_fastapi(names: Set[str] | None, pinned: Mapping[str, Version], file: str) -> None:
    fastapi, cli, pydantic = (pinned.get(name) for name in ("fastapi", "fastapi-cli", "pydantic"))
    lacking = "fastapi-cli" not in names if names is not None else cli is None
    if lacking and fastapi and fastapi < FIRST_FASTAPI:
        raise _error(
            f"{file} pins fastapi {fastapi}, which has no fastapi command (0.111 is the first that has)",
            'set server = "uvicorn", or raise fastapi and lock again',
        )
    if lacking and names is not None:
        raise _error(
            f"the dependencies in {file} do not bring the fastapi command",
            'add fastapi[standard] and lock again, or set server = "uvicorn"',
        )
    if cli and cli < FIRST_WORKERS:
        raise _error(
            f"{file} pins fastapi-cli {cli}, which has no --workers (0.0.3 is the first that has)",
            'raise fastapi-cli and lock again, or set server = "uvicorn"',
        )
    if cli and cli >= FIRST_PYDANTIC_2 and pydantic and pydantic.major < 2:
        raise _error(
            f"{file} pins fastapi-cli {cli}, which does not run with pydantic {pydantic}",
            'set server = "uvicorn", or pin fastapi-cli==0.0.16 and lock again',
        )


def _check_uvicorn(choice: ServerChoice, names: Set[str] | None, pinned: Mapping[str, Version], file: str) -> None:
    if names is not None and "uvicorn" not in names:
        raise _error(f"the dependencies in {file} do not bring uvicorn", "add uvicorn[standard] and lock again")
    uvicorn = pinned.get("uvicorn")
    if choice.worker_timeout_seconds is not None and uvicorn and uvicorn < FIRST_HEALTHCHECK:
        problem = f"{file} pins uvicorn {uvicorn}, which has no --timeout-worker-healthcheck (0.37 is the first)"
        raise UsageError(problem, key="worker_timeout_seconds", fix="raise uvicorn and lock again, or unset it")


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _error(problem: str, fix: str) -> UsageError:
    return UsageError(problem, key="app_source", fix=fix)
