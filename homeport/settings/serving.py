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
        description='What serves the application: "fastapi" (`fastapi run`), or, for a lock without that command, a '
        'function that makes the application and the settings below, "uvicorn", "gunicorn" or "granian".',
    )
    worker_timeout_seconds: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description='With `server = "uvicorn"` (0.37 or newer; unset: 5) or "gunicorn" (unset: 30): how long a worker '
        "may not answer its manager before it is replaced. Raise it for work that holds Python's lock (a model, say).",
    )
    max_requests: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description='With `server = "uvicorn"` and two workers or more, or with "gunicorn": a worker is replaced after '
        "that many requests, for an application that leaks memory; one that comes just then may be lost.",
    )
    worker_lifetime_seconds: Annotated[int, Field(ge=60)] | None = Field(
        None,
        description='With `server = "granian"`: a worker is replaced at that age, for an application that leaks '
        "memory; its successor starts before it ends.",
    )
    server_preload: bool = Field(
        False,
        description='With `server = "gunicorn"`: the manager loads the code once, and the workers share its memory '
        "(a model, say) as long as they only read it. What the code opens as it is imported, they share, too.",
    )
    workers: int | Literal["auto"] = Field(
        "auto", description='Worker processes of the server; "auto" sizes them to the host\'s cores and memory.'
    )
    access_log: bool = Field(
        False,
        description="Have the server log each request to the journal as well. Nginx's access log has them already, "
        "and the server answers up to a third fewer requests meanwhile.",
    )
    worker_memory_megabytes: int = Field(
        200, ge=16, description="Memory that one worker is reckoned with while none is live to be measured."
    )
