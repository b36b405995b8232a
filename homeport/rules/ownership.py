"""What on a host is somebody else's, and would be taken from them by a deploy."""

from __future__ import annotations

from homeport.errors import HomeportError
from homeport.paths import ORIGINALS
from homeport.settings import Settings
from homeport.state.compare import file_changes
from homeport.state.ownership import is_somebodys
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Wanted

# What can be done instead, where there is something.
INSTEAD = {
    "/etc/nginx/nginx.conf": "move what it needs to /etc/nginx/conf.d/ or to overrides/nginx/nginx.conf of the project",
    "/etc/logrotate.d/nginx": "set log_rotation = False",
    "/usr/local/bin/certbot": "move it away",
}


def ownership(settings: Settings, wanted: Wanted, found: Snapshot) -> tuple[HomeportError, ...]:
    """Return what keeps this host from being provisioned because it is somebody else's."""
    return tuple(_files(settings, wanted, found))


def _files(settings: Settings, wanted: Wanted, found: Snapshot) -> list[HomeportError]:
    problems = []
    for file in file_changes(wanted, found).files:
        path = file.path
        if path in settings.take_over or not is_somebodys(file, found, wanted.app):
            continue
        instead = f"{INSTEAD[path]}, or " if path in INSTEAD else ""
        problems.append(
            HomeportError(
                f"{path} would be replaced, and is neither homeport's nor as its Debian package has it",
                key="take_over",
                fix=f'{instead}allow it with take_over = ["{path}"]: a copy is kept in {ORIGINALS}',
            )
        )
    return problems
