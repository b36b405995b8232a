"""The certificate's phase. It comes last: an authority that is down, or a name that is not there yet, harms nothing."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime

from pyinfra.api import StringCommand, operation

from homeport.operations.command import script
from homeport.operations.run import Run
from homeport.paths import ACME_WEBROOT
from homeport.state import compare


@operation()
def certificate(run: Run) -> Generator[StringCommand, None, None]:
    """Obtain the certificate when there is none for these names from this authority, and serve it."""
    now = datetime.now(UTC)
    changes = run.changes(lambda: compare.certificate_changes(run.wanted, run.found, now))
    if run.announce(changes, otherwise="the certificate is the wanted one"):
        wanted = run.wanted.certificate
        yield script(
            "certificate",
            run.wanted.app,
            wanted.directory_url,
            wanted.email or "",
            ACME_WEBROOT,
            compare.certificate_mode(wanted, run.found, now),
            *wanted.domains,
        )
