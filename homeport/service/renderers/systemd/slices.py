"""The slice whose processors and memory all units of an application share, where it has a part of its own."""

from __future__ import annotations

from collections.abc import Callable

from homeport.host.system.layout import Layout
from homeport.service.model import Limits


def slice_file(app: str) -> str:
    """Return the name of the application's slice."""
    return Layout(app).slice_unit()


def slice_name(app: str, limits: Limits) -> str | None:
    """Return the slice of the application's units; None: no part of its own is wanted."""
    parts = (limits.cpu_weight, limits.cpu_max, limits.memory_together_megabytes)
    return None if all(part is None for part in parts) else slice_file(app)


def slice_text(app: str, limits: Limits, render: Callable[..., str]) -> str:
    """Return the slice's unit."""
    values = {"app": app, "cpu_weight": limits.cpu_weight, "cpu_max": limits.cpu_max}
    return render("systemd/app.slice", **values, memory_together_megabytes=limits.memory_together_megabytes)
