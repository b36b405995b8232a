"""Compares the wanted certificate with the present one: which to request, to point to, or to delete.

Pure, as all of the comparison.
"""

from __future__ import annotations

from datetime import datetime

from homeport.certificates.lifetime import CertificateLife
from homeport.errors import UsageError
from homeport.state.certificate_pair import CERTIFICATE
from homeport.state.changes import Change
from homeport.state.paths import AppPaths
from homeport.state.snapshot import CertificateFound, Snapshot
from homeport.state.wanted import CertificateWanted, Wanted


def needs_placeholder(wanted: Wanted, found: Snapshot) -> bool:
    """Tell whether the site has nothing to serve TLS with: no link, or one that leads to a certificate that is gone."""
    if wanted.certificate is None:
        return False
    places, provided = AppPaths(wanted.app), wanted.certificate.folder
    tls = found.paths.get(places.tls)
    if tls is not None and tls.target == places.certificate:
        return found.certificate is None
    if tls is not None and provided and tls.target == provided:
        return f"{provided}/fullchain.pem" not in found.paths
    return tls is None or f"{places.placeholder}/fullchain.pem" not in found.paths


def lacks_any(wanted: CertificateWanted, found: Snapshot) -> bool:
    """Tell whether an authority is to be asked, and no certificate of its is there yet, for whatever names."""
    return not wanted.folder and found.certificate is None


def certificate_changes(wanted: Wanted, found: Snapshot, now: datetime) -> tuple[Change, ...]:
    """Return why a certificate has to be asked for, whether the site points to another one, and what nobody wants."""
    places, certificate = AppPaths(wanted.app), wanted.certificate
    if certificate is None:
        return ()
    folder, changes = certificate.folder or places.certificate, []
    if reason := certificate_reason(certificate, found, now):
        changes.append(Change("obtain", f"certificate for {', '.join(certificate.domains)}", reason))
    tls = found.paths.get(places.tls)
    if tls is None or tls.target != folder:
        served = "another one" if tls and tls.target != places.placeholder else "the placeholder"
        changes.append(Change("point", f"{places.tls} to {folder}", f"{served} is served"))
    if certificate.folder and found.certificate and not found.foreign_lineage:
        changes.append(Change("delete", f"Certbot's certificate {wanted.app}", "it must not be renewed any more"))
    return tuple(changes)


def certificate_reason(wanted: CertificateWanted, found: Snapshot, now: datetime) -> str:
    """Return why the certificate on disk does not do, or "" when it does, and when none is to be asked for."""
    have = found.certificate
    if wanted.folder:
        return ""
    if have is None:
        return "none yet"
    if have.domains != set(wanted.domains):
        return f"it is for {', '.join(sorted(have.domains))}"
    is_over = _life(have).stage(now) == "over"
    return _other_ways(wanted, have) or ("it has expired" if is_over else _due(wanted, have, now))


def _due(wanted: CertificateWanted, have: CertificateFound, now: datetime) -> str:
    """Return that a certificate is due which the host cannot renew by itself."""
    life = _life(have)
    if not wanted.renews or not life.is_due(now):
        return ""
    return f"its renewal has been due since {life.due:%Y-%m-%d}, and the host cannot reach the authority by itself"


def warnings(wanted: CertificateWanted | None, now: datetime) -> tuple[str, ...]:
    """Return a line for a provided certificate whose successor is late, as status and doctor call it too."""
    if wanted is None or wanted.valid is None:
        return ()
    life = CertificateLife(*wanted.valid, "provided")
    if not life.is_short(now):
        return ()
    problem = f"it expires in {life.days_left(now):.0f} days, on {life.not_after:%Y-%m-%d}"
    return (UsageError(problem, key=CERTIFICATE, fix="provide the next one").line(),)


def _life(have: CertificateFound) -> CertificateLife:
    return CertificateLife(have.not_before, have.not_after, "acme")


def _other_ways(wanted: CertificateWanted, have: CertificateFound) -> str:
    """Return in which way the certificate was asked for otherwise than it is to be, renewals included; "" in none."""
    if have.directory_url != wanted.directory_url:
        return f"it is from {have.directory_url or 'another authority'}"
    if have.profile != wanted.profile:
        return f"it has the profile {have.profile or 'that the authority chose'}"
    if have.curve != wanted.curve:
        return f"its key is {have.curve}"
    return f"it is renewed by {have.authenticator}" if have.authenticator != wanted.authenticator else ""


def certificate_mode(wanted: CertificateWanted, found: Snapshot, now: datetime) -> str:
    """Return how to ask for it: "have" (not at all), "force" (one that is still valid will not do), "" (as needed)."""
    if not certificate_reason(wanted, found, now):
        return "have"
    have = found.certificate
    return "force" if have and (_other_ways(wanted, have) or _due(wanted, have, now)) else ""


def lineage_conflict(wanted: Wanted, found: Snapshot) -> str | None:
    """Return what keeps Certbot from being asked: its certificate of this name is somebody else's; None: nothing does.

    One that the site serves already was taken over by an earlier version, and stays the site's.
    """
    tls = found.paths.get(AppPaths(wanted.app).tls)
    is_served = tls is not None and tls.target == AppPaths(wanted.app).certificate
    by_certbot = wanted.certificate is not None and not wanted.certificate.folder
    if not by_certbot or not found.foreign_lineage or is_served:
        return None
    return f"Certbot has a certificate {wanted.app} on this host that is not homeport's, and would be overwritten"
