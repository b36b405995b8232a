"""The units of a release, which systemd's renderer makes of its `Service`, and the slice that they share."""

from __future__ import annotations

from homeport.service.describe import describe, limits
from homeport.service.renderers import supervisor, systemd
from homeport.state.paths import UNITS
from homeport.state.wanted import Directory, File, Part, Unit
from homeport.steps.context import Context


def release_units(context: Context, release: str, workers: int) -> dict[str, str]:
    """Render the release's units, and the scripts and files that these name, by file name.

    One that supervisord runs has its programs besides; by its units commands by hand and rehearsals run.
    """
    service = describe(context, release, workers)
    units = systemd.units(service, context.render)
    return units | (supervisor.programs(service, context.render) if context.settings.supervisor == "supervisor" else {})


def supervision(context: Context) -> Part:
    """Return supervisord, where it runs the application, and how it comes back when it dies."""
    if context.settings.supervisor == "systemd":
        return Part()
    folder = f"{UNITS}/supervisor.service.d"
    text = context.render("supervisor/supervisor.service.d-homeport.conf")
    return Part(
        packages=("supervisor",),
        directories=(Directory(folder),),
        files=(File(f"{folder}/homeport.conf", text, file_set="systemd"),),
        units=(Unit("supervisor.service"),),
    )


def processors(context: Context) -> Part:
    """Return the slice with the application's part of the processors, which no release changes."""
    app, wanted = context.settings.app_name, limits(context)
    path = f"{UNITS}/{systemd.slice_file(app)}"
    if systemd.slice_name(app, wanted) is None:
        return Part(absent=(path,))
    return Part(files=(File(path, systemd.slice_text(app, wanted, context.render), file_set="systemd"),))
