"""The servers that can serve an application, each in a module of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from homeport.servers.fastapi import FastAPI
from homeport.servers.granian import Granian
from homeport.servers.gunicorn import Gunicorn
from homeport.servers.hypercorn import Hypercorn
from homeport.servers.interface import (
    OPTIONAL,
    Locked,
    Place,
    Server,
    ServerChoice,
    ServerName,
    Serving,
    Target,
)
from homeport.servers.uvicorn import Uvicorn

__all__ = ["SERVERS", "Locked", "Place", "Server", "ServerChoice", "ServerName", "Serving", "Target", "problems"]

SERVERS: Mapping[ServerName, Server] = MappingProxyType(
    {one.name: one for one in (FastAPI(), Uvicorn(), Gunicorn(), Granian(), Hypercorn())}
)


def listed(names: Sequence[str], word: str) -> str:
    """Return names as a sentence has them: `a`, `a and b`, `a, b and c`."""
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def problems(choice: ServerChoice, workers: int | str) -> Iterator[str]:
    """Yield why the server cannot be run as it was chosen, a line each: settings that it does not have."""
    server = SERVERS[choice.name]
    for name in OPTIONAL:
        if getattr(choice, name) in (None, False) or name in server.optional:
            continue
        having = [one.name for one in SERVERS.values() if name in one.optional]
        alone = " alone" if len(having) == 1 else ""
        quoted = [f'"{one}"' for one in having]
        yield f"{name} is an option of {listed(having, 'and')}{alone}; set server = {listed(quoted, 'or')}, or unset it"
    if choice.max_requests is not None and workers == 1 and not server.always_manages:
        yield "max_requests needs workers = 2 or more: when a single worker ends, the server ends"
