"""Foreign files as texts, and what `homeport init` makes of them."""

from __future__ import annotations

from collections.abc import Mapping

from homeport.scaffold.foreign.model import Files, Place, Reading
from homeport.scaffold.foreign.reading import read_foreign
from homeport.scaffold.foreign.settling import Foreign, settle
from homeport.settings.server import Server

APPLICATION = {"app/__init__.py": "", "app/main.py": "from fastapi import FastAPI\napp = FastAPI()\n"}
EVERY: tuple[Server, ...] = ("fastapi", "uvicorn", "gunicorn", "granian", "hypercorn")


def read(given: Mapping[str, str], folder: str = "") -> tuple[tuple[str, ...], Reading]:
    files = {**APPLICATION, **given}
    return read_foreign(Files(frozenset(files), lambda path: files.get(path, ""), folder=folder))


def foreign(given: Mapping[str, str], servers: tuple[Server, ...] = EVERY, entrypoint: str = "") -> Foreign:
    """Return what these files come to, for an application whose dependencies bring these servers."""
    files = {**APPLICATION, **given}
    names, reading = read(given)
    return settle(names, reading, frozenset(files), lambda server: server in servers, entrypoint)


def proposed(given: Mapping[str, str], servers: tuple[Server, ...] = EVERY) -> dict[str, object]:
    return {one.name: one.value for one in foreign(given, servers).settings}


def place(file: str, line: int) -> str:
    return str(Place(file, line))
