"""Paths of a release that the application writes to: each is in the state directory, and has there what came with it.

The release's own is at `.homeport/state/PATH` in the release, and is copied once, when the state directory has nothing
of that name. All of it is done by the application's user, whose folder it is: links that it has made lead root nowhere.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ..services.release_description import Release, load
from ..system.layout import Layout
from ..system.output import HostError, say
from . import slots

# Words: where it is to be, what the release brought, and whether it is a folder. A copy that was cut off is begun anew.
MAKE = """
umask 027
[ ! -e "$1" ] || exit 0
mkdir -p -- "$(dirname -- "$1")"
rm -rf -- "$1.homeport-new"
if [ -e "$2" ]; then
    cp -R -- "$2" "$1.homeport-new"
    chmod -R u+w -- "$1.homeport-new"
    mv -T -- "$1.homeport-new" "$1"
elif [ "$3" = folder ]; then
    mkdir -- "$1"
fi
"""


def ensure(layout: Layout, release: Release) -> None:
    """Have all paths of the release in the state directory; raise HostError when one cannot be made."""
    if (release.state_folders or release.state_files) and not layout.state.exists():
        # As systemd makes it when the first unit starts.
        layout.state.mkdir(mode=0o750)
        shutil.chown(layout.state, layout.app, layout.app)
    for path in (*release.state_folders, *release.state_files):
        place = layout.state / path
        _no_link_of_the_application(layout, place)
        if place.exists():
            continue
        own = layout.code_releases / release.id / ".homeport/state" / path
        kind = "folder" if path in release.state_folders else "file"
        done = subprocess.run(
            ["/bin/sh", "-euc", MAKE, "sh", str(place), str(own), kind],
            user=layout.app,
            group=layout.app,
            extra_groups=[],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise HostError(f"{place} cannot be made for {path} (state_paths): {said}")


class LinkError(HostError):
    """A path that the application's user has made a link of: what it leads to would be mounted by root."""


def _no_link_of_the_application(layout: Layout, place: Path) -> None:
    """Raise LinkError for a link by the application's user; root's, to another disk, say, are followed.

    Else who has broken into the application could have the next start show it what its sandbox hides.
    """
    for one in (place, *place.parents):
        if one == layout.state:
            return
        if one.is_symlink() and one.lstat().st_uid != 0:
            raise LinkError(
                f"{one} (state_paths) is a link, and not root's: remove it, or make it as root, where it leads to "
                "another disk"
            )


def ensure_again(layout: Layout, slot: str) -> None:
    """Have the paths of the slot's release in place at a start that no deploy is part of.

    Somebody may have cleared the state directory. Raises LinkError, and nothing for what cannot be made: the
    application says that itself, if it needs it.
    """
    release_id = slots.linked_release(layout, slot)
    try:
        if release_id:
            ensure(layout, load(layout, release_id))
    except LinkError:
        raise
    except (HostError, OSError) as problem:
        say(f"{layout.app}: {problem}")
