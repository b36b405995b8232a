"""Settings of the server that serves the application, and of its workers; a part of `homeport.settings.model`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from homeport.settings.server import Server


class ServingSettings(BaseModel):
    """Which server runs, how many workers it has, and when it replaces one."""

    # --- the server ------------------------------------------------------------------------------------------------
    server: Server = Field(
        "fastapi",
        description='The server program: "fastapi" (`fastapi run`), "uvicorn", "gunicorn", "granian" or "hypercorn". '
        "The last four are for a lock without the fastapi command, for an application that a function creates, "
        "and for the settings below.",
    )
    worker_timeout_seconds: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description='With `server = "uvicorn"` (0.37 or newer; unset: 5) or "gunicorn" (unset: 30): a worker '
        "that does not answer its manager for so long is replaced. Raise it for work that holds Python's global "
        "lock (such as a model).",
    )
    max_requests: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description='With `server = "uvicorn"` and two or more workers, or with "gunicorn" or "hypercorn": replace a '
        "worker after this number of requests, for an application that leaks memory; a request that arrives at that "
        "moment may be lost.",
    )
    worker_lifetime_seconds: Annotated[int, Field(ge=60)] | None = Field(
        None,
        description='With `server = "granian"`: replace a worker at this age, for an application that leaks '
        "memory; the new worker starts before the old one ends.",
    )
    server_preload: bool = Field(
        False,
        description='With `server = "gunicorn"`: the manager loads the code once, and the workers share its '
        "memory (such as a model) while they only read it. They also share what the code opens during its import.",
    )
    workers: int | Literal["auto"] = Field(
        "auto",
        description='Number of worker processes of the server; "auto" chooses it by the host\'s cores and memory.',
    )
    access_log: bool = Field(
        False,
        description="Write each request to the journal as well. The proxy's access log has them already, and with "
        "this the server answers up to a third fewer requests.",
    )
    worker_memory_megabytes: int = Field(
        200, ge=16, description="Memory to plan for one worker until a running worker has been measured."
    )
