"""The units of a release, which systemd's renderer makes of its `Service`, and the slice that they share."""

from __future__ import annotations

from homeport.service.describe import describe, limits
from homeport.service.renderers import systemd
from homeport.state.paths import UNITS
from homeport.state.wanted import File, Part
from homeport.steps.context import Context


def release_units(context: Context, release: str, workers: int) -> dict[str, str]:
    """Render the release's units, and the scripts and files that these name, by file name."""
    return systemd.units(describe(context, release, workers), context.render)


def processors(context: Context) -> Part:
    """Return the slice with the application's part of the processors, which no release changes."""
    app, wanted = context.settings.app_name, limits(context)
    path = f"{UNITS}/{systemd.slice_file(app)}"
    if systemd.slice_name(app, wanted) is None:
        return Part(absent=(path,))
    return Part(files=(File(path, systemd.slice_text(app, wanted, context.render), file_set="systemd"),))
