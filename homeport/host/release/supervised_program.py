"""A program that supervisord runs for a slot: which one, and what its release says of it (programs.json)."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from ..services.release_description import Release, load
from ..system.layout import Layout
from . import slots

UNIT = re.compile(
    r"(?P<app>[a-z][a-z0-9-]*?)(?P<migrate>-migrate)?(\.(?P<process>[^@.]+))?@(?P<slot>blue|green)\.service"
)


class Program(NamedTuple):
    """A program of a slot: `process` is its name, "" for the server and for a migration."""

    name: str
    layout: Layout
    slot: str
    process: str
    migrates: bool

    @property
    def is_server(self) -> bool:
        """Whether it is the slot's server."""
        return not self.process and not self.migrates

    @property
    def server(self) -> str:
        """The unit of the server of its slot."""
        return self.layout.unit(self.slot)

    @property
    def release(self) -> Release:
        """The release of its slot."""
        return load(self.layout, slots.linked_release(self.layout, self.slot) or "")

    @property
    def content(self) -> dict[str, Any]:
        """What the release says of it (programs.json)."""
        whole: dict[str, Any] = json.loads((self.layout.links(self.slot)[1] / "programs.json").read_text())
        own = whole["processes"][self.process] if self.process else whole["migrate" if self.migrates else "server"]
        return {**whole, **own, "environment": {**whole["environment"], **own.get("environment", {})}}


def program_of(name: str) -> Program:
    """Return the program of a unit's name; raise ValueError for other names."""
    found = UNIT.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is no unit of an application")
    return Program(name, Layout(found["app"]), found["slot"], found["process"] or "", bool(found["migrate"]))
