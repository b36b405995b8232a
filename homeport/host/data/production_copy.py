"""A copy of production's data for a preview that asks for one (`preview_data`), before its first migration."""

from __future__ import annotations

import pwd
from pathlib import Path

from ..services import units
from ..system.layout import Layout
from ..system.output import say
from . import rehearsal


def fill(layout: Layout, owner: str) -> None:
    """Have the state folder of a preview that has nothing in it be a copy of its owner's; raise HostError if it can't.

    It is taken as a rehearsal takes one: whole databases of SQLite while production writes to them. A copy that was cut
    is removed by the next start.
    """
    if any(layout.state.iterdir()):
        return
    source, copy = Layout(owner, layout.root).state.resolve(), rehearsal.places(layout)[0]
    say(f"{layout.app}: copying {source} ({rehearsal.room(source, copy)} MB)")
    rehearsal.copy_as_owner(pwd.getpwnam(owner), source, copy)
    give(copy, layout.app)
    copy.rename(layout.state)


def give(copy: Path, app: str) -> None:
    """Make a copy its new user's; until it is, nobody can enter it."""
    units.run_checked("chown", "root:root", str(copy))
    units.run_checked("chown", "-hR", f"{app}:{app}", "--", str(copy))
    copy.chmod(0o750)
