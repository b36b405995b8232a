"""From a branch to a preview beside the application that it is of, and what takes it away again when its time is up.

Who gets in and the machine's upkeep are no concern of a preview; of what it shares with others it changes nothing
(`preflight/previews.py`).
"""

from __future__ import annotations

from homeport.machine.access import access
from homeport.machine.upkeep import upkeep
from homeport.operations.remove import removal_program
from homeport.plans import provision
from homeport.plans.places import places
from homeport.state.paths import UNITS
from homeport.state.wanted import File, Part, Unit
from homeport.steps.context import Context

# How long the removal waits for what is at work on the preview.
WAIT_SECONDS = 900
BY = "its time, which was up"


def end(context: Context) -> Part:
    """Return the timer that removes the preview by itself, without the controller, and the program that does it."""
    settings, paths = context.settings, context.paths
    if settings.preview is None:
        raise ValueError("only a preview ends by itself")
    app, program, until = settings.app_name, f"{paths.etc}/remove.py", settings.preview.until
    text = removal_program(
        settings,
        places(provision.STEPS, settings),
        do="application",
        data=True,
        by=BY,
        wait_seconds=WAIT_SECONDS,
    )
    values = {"app": app, "program": program, "until": until}
    units = {kind: context.render(f"systemd/homeport-preview@.{kind}", **values) for kind in ("service", "timer")}
    return Part(
        files=(
            File(program, text, mode=0o600),
            *(File(f"{UNITS}/homeport-preview@{app}.{kind}", one, file_set="systemd") for kind, one in units.items()),
        ),
        units=(Unit(f"homeport-preview@{app}.timer"),),
    )


STEPS = (*(step for step in provision.STEPS if step not in (access, upkeep)), end)
PHASES = tuple(phase for phase in provision.PHASES if phase[0] != "Access")
