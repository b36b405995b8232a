"""The certificate's phase. It comes last: an authority that is down, or a name that is not there yet, harms nothing."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime

from pyinfra.api import StringCommand, operation

from homeport.operations.command import script
from homeport.operations.run import Run
from homeport.paths import ACME_WEBROOT, AppPaths
from homeport.state import certificates
from homeport.state.wanted import CertificateWanted


@operation()
def certificate(run: Run) -> Generator[StringCommand, None, None]:
    """Obtain the certificate when there is none for these names from this authority, and serve it."""
    now = datetime.now(UTC)
    changes = run.changes(lambda: certificates.certificate_changes(run.wanted, run.found, now))
    if not run.announce(changes, otherwise="the certificate is the wanted one"):
        return
    wanted = run.wanted.certificate
    if wanted.folder:
        yield script("brought", run.wanted.app, wanted.folder)
    else:
        yield script(
            "certificate",
            run.wanted.app,
            wanted.directory_url,
            wanted.email or "",
            certificates.certificate_mode(wanted, run.found, now),
            ",".join(wanted.domains),
            *certbot_options(run.wanted.app, wanted),
        )


def certbot_options(app: str, wanted: CertificateWanted) -> tuple[str, ...]:
    """Return Certbot's options for the key, the authority's profile, and the way in which the names are proven.

    A profile is required and not preferred: an authority without it would give another certificate in silence.
    """
    profile = ("--required-profile", wanted.profile) if wanted.profile else ()
    key = ("--key-type", "ecdsa", "--elliptic-curve", wanted.curve)
    if wanted.authenticator == "webroot":
        return (*key, *profile, "--webroot", "--webroot-path", ACME_WEBROOT)
    plugin = f"--{wanted.authenticator}"
    return (
        *(*key, *profile, "--authenticator", wanted.authenticator),
        *(f"{plugin}-credentials", AppPaths(app).dns_credentials),
        *(f"{plugin}-propagation-seconds", str(wanted.propagation_seconds)),
    )
