"""The routes that show how the application is being served: health, proxy headers, slow requests, WebSockets, a crash.

A deployment is judged by these; an application of your own needs only the first.
"""

import asyncio
import logging
import os
import signal
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Query, Request, Response, WebSocket, WebSocketDisconnect

from notes import deployment
from notes.database import DatabaseSession
from notes.models import Note

router = APIRouter()
log = logging.getLogger("uvicorn.notes")

# Under the proxy's usual 60 s time-out: a longer answer would be a test of the proxy's error page.
SLOWEST_SECONDS = 55.0


@router.api_route("/health", methods=["GET", "HEAD"])
def health(session: DatabaseSession, response: Response) -> dict[str, str | int]:
    """Say whether this worker can do its work: 200 with "ok", or 503 with the reason."""
    if reason := _unfit(session):
        log.error("notes: unhealthy: %s", reason)
        response.status_code = 503
        return {"status": "unavailable", "reason": reason} | deployment.current().as_dict()
    return {"status": "ok"} | deployment.current().as_dict()


def _unfit(session: DatabaseSession) -> str:
    """Return why the database cannot serve this release, or nothing.

    It asks for the table with the columns that this release maps, not for Alembic's head: after a rollback the
    schema is ahead of the code, which is fine, and a revision that this release does not know must not make it
    unhealthy.
    """
    try:
        session.execute(sa.select(1))
    except sa.exc.SQLAlchemyError as error:
        return f"the database cannot be reached: {_first_line(error)}"
    try:
        session.execute(sa.select(Note).limit(1))
    except sa.exc.SQLAlchemyError as error:
        return f"the schema is not this release's (alembic upgrade head): {_first_line(error)}"
    return ""


def _first_line(error: sa.exc.SQLAlchemyError) -> str:
    """Return what the driver said, without the statement and the link to the manual."""
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return lines[0] if lines else type(error).__name__


@router.get("/whoami")
def whoami(request: Request) -> dict[str, str | None]:
    """What the application sees of its client: behind a proxy, it must be the client's own address and https."""
    return {
        "client": request.client.host if request.client else None,
        "scheme": request.url.scheme,
        "host": request.headers.get("host"),
        "url": str(request.url),
        "request_id": request.headers.get("x-request-id"),
        "forwarded_for": request.headers.get("x-forwarded-for"),
        "forwarded_proto": request.headers.get("x-forwarded-proto"),
    }


@router.get("/slow")
async def slow(seconds: Annotated[float, Query(ge=0, le=SLOWEST_SECONDS)] = 1.0) -> dict[str, str | int | float]:
    """Answer after some seconds: what a drain has to wait for."""
    await asyncio.sleep(seconds)
    return {"slept_seconds": seconds} | deployment.current().as_dict()


@router.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    """Send every text back."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass


@router.post("/crash", status_code=204)
def crash() -> None:
    """Kill the worker that answers, as the kernel does when memory runs out; only where `NOTES_ALLOW_CRASH=1`."""
    if os.environ.get("NOTES_ALLOW_CRASH") != "1":
        raise HTTPException(404)
    os.kill(os.getpid(), signal.SIGKILL)
