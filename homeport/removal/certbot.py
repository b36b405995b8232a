"""Deletes a lineage with Certbot, which then renews it no longer. It is not revoked, since its key has not leaked."""

from __future__ import annotations

import fcntl
import os
import time

from ..host.services import units
from ..host.system.layout import PROGRAM_DIRECTORY, Layout
from ..host.system.output import HostError, say
from . import belongings, safe_removal

PROGRAM = f"{PROGRAM_DIRECTORY}/tools/bin/certbot"
BUSY = "Another instance of Certbot"
# As scripts/certbot.sh waits.
WAIT_SECONDS, POLL_SECONDS = 300.0, 2.0


def delete(layout: Layout) -> None:
    """Delete the application's lineage; raise HostError with what Certbot says when it does not."""
    _let_end(layout)
    words = (PROGRAM, "delete", "--non-interactive", "--cert-name", layout.app)
    end = time.monotonic() + WAIT_SECONDS
    renewal = belongings.lineage(layout)[:1]
    while renewal and renewal[0].suffix == ".conf" and os.access(PROGRAM, os.X_OK):
        done = units.run(*words)
        if done.returncode == 0:
            break
        said = f"{done.stderr}\n{done.stdout}"
        if BUSY not in said or time.monotonic() > end:
            lines = [line for line in said.splitlines() if line.strip() and "Saving debug log" not in line]
            raise HostError(
                f"Certbot does not delete the certificate {layout.app}: {next(iter(lines), '')}", tuple(lines)
            )
        time.sleep(POLL_SECONDS)
    # The rest of a lineage whose deletion was killed, or that is gone already.
    for path in belongings.lineage(layout):
        safe_removal.remove(path)


def _let_end(layout: Layout) -> None:
    """Wait until the Certbot that a killed deploy has left asking (scripts/request.sh) has ended."""
    asked = layout.machine.runtime / f"asked-{layout.app}" / "lock"
    if not asked.exists():
        return
    handle = os.open(asked, os.O_RDWR)
    try:
        say("waiting for the authority's answer")
        fcntl.flock(handle, fcntl.LOCK_EX)
    finally:
        os.close(handle)
