"""The certificate's phase. It comes last: an authority that is down, or a name that is not there yet, harms nothing."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime

from pyinfra.api import StringCommand, operation

from homeport.certificates import comparison
from homeport.operations.command import command_line, script
from homeport.operations.deploy_run import Run
from homeport.operations.outbound import fetching
from homeport.preflight import outbound
from homeport.proxies.chosen import proxy_of
from homeport.state.changes import Change
from homeport.state.paths import ACME_WEBROOT, CERTBOT, AppPaths
from homeport.state.wanted import CertificateWanted

NO_SITE = "this machine does not serve the site"


@operation()
def request(run: Run) -> Generator[StringCommand, None, None]:
    """Request the first certificate while the next phases run; a request that replaces a certificate waits.

    So does one whose names only the site can answer for, which is put in place with the release, and one for which the
    way out is the controller's, which is open for one command at a time.
    """
    wanted, proxy = run.wanted.certificate, proxy_of(run.wanted.proxy)
    if wanted is None:
        run.host.noop(NO_SITE)
        return
    lacking = run.changes(lambda: comparison.lacks_any(wanted, run.found))
    waits = wanted.authenticator == "webroot" and not proxy.answers_every_name(run.found, run.wanted.take_over)
    waits = waits or run.settings.outbound == "controller"
    change = Change("request", f"certificate for {', '.join(wanted.domains)}", "none yet")
    otherwise = "homeport requests it once the site is in place" if lacking else "there is a certificate already"
    if run.announce([change] if lacking and not waits else [], otherwise=otherwise):
        yield script("request", run.wanted.app, command_line(certbot_command(run.wanted.app, wanted)))


@operation()
def certificate(run: Run) -> Generator[StringCommand, None, None]:
    """Obtain the certificate when there is none for these names from this authority, and serve it."""
    wanted, now = run.wanted.certificate, datetime.now(UTC)
    if wanted is None:
        run.host.noop(NO_SITE)
        return
    for line in proxy_of(run.wanted.proxy).warnings(run.settings, run.wanted, run.found):
        run.host.log(f"  warning: {line}")
    for name in run.found.unrenewed:
        run.host.log(
            f"  warning: nobody renews Certbot's certificate {name}, which is not homeport's: put 'certbot renew "
            f"--cert-name {name}' into a timer, or delete it (certbot delete --cert-name {name})"
        )
    for line in (*comparison.warnings(wanted, now), *outbound.warnings(run.settings)):
        run.host.log(f"  warning: {line}")
    changes = run.changes(lambda: comparison.certificate_changes(run.wanted, run.found, now))
    if not run.announce(changes, otherwise="the certificate is the wanted one"):
        return
    if wanted.folder:
        yield script("provided", run.wanted.app, wanted.folder)
        return
    mode = comparison.certificate_mode(wanted, run.found, now)
    words = ("certificate", run.wanted.app, wanted.directory_url, ",".join(wanted.domains))
    if mode == "have":
        yield script(*words, "")
        return
    command = command_line(certbot_command(run.wanted.app, wanted, force=mode == "force"))
    yield fetching(run.settings, *words, command)


def certbot_command(app: str, wanted: CertificateWanted, *, force: bool = False) -> tuple[str, ...]:
    """Return the command that asks for the certificate; `force`: even if the one that there is has long to go."""
    return (
        *(CERTBOT, "certonly", "--non-interactive", "--no-directory-hooks", "--agree-tos", "--cert-name", app),
        *("-d", ",".join(wanted.domains), "--server", wanted.directory_url),
        *("--renew-with-new-domains", "--keep-until-expiring"),
        *_options(app, wanted),
        *(("--email", wanted.email) if wanted.email else ("--register-unsafely-without-email",)),
        *(("--force-renewal",) if force else ()),
    )


def _options(app: str, wanted: CertificateWanted) -> tuple[str, ...]:
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
