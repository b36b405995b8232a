"""Which deployment this process belongs to, as its environment tells it.

homeport's units set `HOMEPORT_RELEASE` and `HOMEPORT_SLOT`; run by hand, there is neither. Read at each use and
never stored, since a value kept at import time would be the manager's.
"""

import os
from dataclasses import asdict, dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class Deployment:
    """The release's id and the slot (both empty outside a deployment), and the worker's process id."""

    release: str
    slot: str
    pid: int

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)


def current() -> Deployment:
    """Return the deployment of the process that asks."""
    return Deployment(os.environ.get("HOMEPORT_RELEASE", ""), os.environ.get("HOMEPORT_SLOT", ""), os.getpid())


class ServedBy:
    """Name the release, slot and process in the headers of every response.

    A test that counts lost requests during a switch needs to know which slot answered, on any route. Plain ASGI
    rather than `@app.middleware("http")`: that wraps each response in a task of its own, and does not see
    WebSockets.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                headers = MutableHeaders(scope=message)
                for name, value in current().as_dict().items():
                    headers[f"X-Notes-{name}"] = str(value)
            await send(message)

        await self.app(scope, receive, send_with_headers)
