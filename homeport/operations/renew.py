"""A certificate renewed at once because a person asks for it: its key has leaked, or the authority revokes it."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import StringCommand, operation

from homeport.errors import HomeportError
from homeport.operations.outbound import fetching
from homeport.operations.releases_run import ReleasesRun
from homeport.state.changes import Change


class RenewRun(ReleasesRun):
    """Asks the authority for another certificate, although the one that there is may be good for months."""

    action = "renewal"

    def check(self) -> None:
        """Raise HomeportError for a certificate that is not ours to renew."""
        if self.settings.tls != "acme":
            fix = "put the new certificate and key in their place and deploy"
            raise HomeportError('you provide the certificate yourself (tls = "files")', key="tls", fix=fix)


@operation()
def renew(run: RenewRun) -> Generator[StringCommand, None, None]:
    """Renew the certificate, and have the proxy serve it."""
    change = Change("renew", f"certificate for {', '.join(run.settings.domains)}", "by hand")
    if run.announce(run.changes(lambda: (change,)), otherwise="never"):
        yield fetching(run.settings, "renew", run.settings.app_name)
