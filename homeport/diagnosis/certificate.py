"""The certificate that visitors get, and whether it will be renewed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from homeport.certificates import lifetime
from homeport.certificates.lifetime import Certificate, CertificateLife
from homeport.diagnosis.case import Case
from homeport.diagnosis.finding import Finding
from homeport.diagnosis.machine import duration
from homeport.diagnosis.reachability import looked_at

# Authorities whose roots browsers have: of these alone must our own list of roots know the certificate.
PUBLIC = ("letsencrypt.org", "zerossl.com", "pki.goog", "buypass.com", "ssl.com", "digicert.com", "sectigo.com")
STAGING = "staging"
TIMER, SERVICE = "homeport-renew.timer", "homeport-renew.service"
# How to get the next certificate, by who provides it.
RENEW: dict[lifetime.Source, str] = {
    "acme": "homeport cert TARGET --renew; to see why it was not renewed: journalctl -u homeport-renew (on the host)",
    "provided": "provide a new one (tls_certificate_file, tls_key_file) and deploy",
}


def certificate(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with the certificate that visitors get; of a mounted application it is the owner's."""
    if case.settings.mounted_on:
        return
    served = next((visit.certificate for visit in looked_at(case) if visit.certificate), None)
    folder = case.found["certificate"]["folder"] if "certificate" in case.found else ""
    source = lifetime.source(
        provided=case.settings.tls == "files", self_signed=served is not None and served.self_signed, folder=folder
    )
    if source == "placeholder":
        yield placeholder()
    elif served:
        yield from of_life(served.life(source), case.now, served.issuer)
        yield from _names(case, served)
        yield from _trust(case, served)


def placeholder() -> Finding:
    """Return that no authority has given a certificate yet."""
    return Finding(
        "certificate_placeholder",
        "the site has no certificate yet, and serves a placeholder",
        "no browser trusts it",
        "deploy, which asks the authority again and says why there is none",
    )


def of_life(life: CertificateLife, now: datetime, issuer: str) -> Iterator[Finding]:
    """Yield that a certificate is not valid yet, has run out, will soon, or is none."""
    stage, left = life.stage(now), life.not_after - now
    ends = f"{life.not_after:%Y-%m-%d %H:%M} UTC, from {issuer}"
    if stage == "placeholder":
        yield placeholder()
    elif stage == "to come":
        evidence = f"valid from {life.not_before:%Y-%m-%d %H:%M} UTC, from {issuer}"
        yield Finding(
            "certificate_not_yet_valid",
            "the certificate is not valid yet",
            evidence,
            "check the clocks of the host and of this computer",
        )
    elif stage == "over":
        problem = f"the certificate expired {duration(-left.total_seconds())} ago"
        yield Finding("certificate_expired", problem, f"on {ends}", RENEW[life.source])
    elif stage == "late":
        late = f"; its renewal has been due since {life.due:%Y-%m-%d}"
        evidence = f"it expires on {ends}{late if life.source == 'acme' else ''}"
        problem = f"the certificate expires in {duration(left.total_seconds())}"
        yield Finding("certificate_expiring", problem, evidence, RENEW[life.source])


def _names(case: Case, served: Certificate) -> Iterator[Finding]:
    if missing := served.lacks(case.settings.domains):
        yield Finding(
            "certificate_names",
            f"the certificate is not for {', '.join(missing)}",
            f"it is for {', '.join(served.names) or 'no name'}, from {served.issuer}",
            "provide one for all names" if case.settings.tls == "files" else "deploy, which asks for all names",
        )


def _trust(case: Case, served: Certificate) -> Iterator[Finding]:
    """Yield a certificate that browsers do not trust, where it is meant for them: not for a company's own authority."""
    distrust = next((visit.distrust for visit in looked_at(case) if visit.distrust), "")
    host = urlsplit(case.settings.acme_directory_url).hostname or ""
    public = host.endswith(PUBLIC) and STAGING not in host
    if case.settings.tls == "files":
        public = served.self_signed
    source: lifetime.Source = "provided" if case.settings.tls == "files" else "acme"
    if distrust and public and served.life(source).is_valid(case.now):
        evidence = f"{distrust}; issued by {served.issuer}"
        yield Finding("certificate_untrusted", "browsers do not trust the certificate", evidence, RENEW[source])


def renewal(case: Case) -> Iterator[Finding]:
    """Yield what keeps the certificate from being renewed; likewise."""
    if case.settings.mounted_on:
        return
    timer, service = case.unit(TIMER), case.unit(SERVICE)
    if case.settings.tls == "files" or timer is None or service is None:
        return
    is_on = timer["active"] == "active" and timer["enabled"] == "enabled"
    yield from of_timer(is_on=is_on, evidence=f"{timer['active']} and {timer['enabled'] or 'missing'}")
    found = case.found.get("certificate")
    if service["active"] == "failed":
        words = next((line for line in reversed(service["last"]) if line.strip()), "")
        yield failed_renewal(f"{service['ending']} on {service['since']}{f': {words}' if words else ''}")
    elif found and "/letsencrypt/" in found["folder"] and not found["renewal_configured"]:
        evidence = f"/etc/letsencrypt/renewal/{case.settings.app_name}.conf is missing"
        fix = "deploy, which asks for a new certificate"
        yield Finding("renewal_failed", "Certbot does not know the certificate, and will not renew it", evidence, fix)


def of_timer(*, is_on: bool, evidence: str) -> Iterator[Finding]:
    """Yield that nothing renews certificates; `said` is what systemd says of the timer."""
    if not is_on:
        problem, fix = "certificates are not renewed: the timer is off", f"systemctl enable --now {TIMER} (on the host)"
        yield Finding("renewal_off", problem, f"{TIMER} is {evidence}", f"{fix}, or deploy")


def failed_renewal(evidence: str) -> Finding:
    """Return that the last renewal failed; `said` is how it ended."""
    return Finding(
        "renewal_failed", "the last renewal of certificates failed", evidence, "homeport cert TARGET --renew"
    )
