"""Servers that cannot be told of a proxy: what they serve is a module of ours, which wraps the application. Pure."""

from __future__ import annotations

from typing import ClassVar

from homeport.servers.interface import Server, Serving, Target

# A name that no application has: the module is imported beside it.
MODULE = "homeport_asgi.py"


class WrappingServer(Server):
    """A server with a module of ours, which `template` is rendered to."""

    template: ClassVar[str]

    def arguments(self, target: Target) -> tuple[str, ...]:
        """Return what the server would be told; `files` reads it."""
        folder = ("--working-dir", target.folder) if target.folder else ()
        return (f"{target.module}:{target.variable}", *folder, *(("--factory",) if target.factory else ()))

    def files(self, serving: Serving) -> dict[str, tuple[str, dict[str, object]]]:
        """Return the module that it serves."""
        target, *rest = serving.arguments
        module, _, variable = target.partition(":")
        folder = rest[rest.index("--working-dir") + 1] if "--working-dir" in rest else ""
        values = {"module": module, "variable": variable, "folder": folder, "factory": "--factory" in rest}
        return {MODULE: (self.template, values)}
