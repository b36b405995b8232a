"""The certificate that visitors get, and whether it will be renewed."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from homeport.certificates.lifetime import CertificateLife
from homeport.diagnosis.case import Case, Certificate
from homeport.diagnosis.finding import Finding
from homeport.diagnosis.machine import duration
from homeport.diagnosis.reachability import looked_at

# Authorities whose roots browsers have: of these alone must our own list of roots know the certificate.
PUBLIC = ("letsencrypt.org", "zerossl.com", "pki.goog", "buypass.com", "ssl.com", "digicert.com", "sectigo.com")
STAGING = "staging"
TIMER, SERVICE = "homeport-renew.timer", "homeport-renew.service"


def certificate(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with the certificate that visitors get."""
    served = [visit.certificate for visit in looked_at(case) if visit.certificate]
    placeholder = case.found["certificate"]["folder"].endswith("/placeholder") if "certificate" in case.found else False
    if placeholder:
        yield Finding(
            "certificate_placeholder",
            "the site has no certificate yet, and serves a placeholder",
            "the authority has given none",
            "deploy, which asks again and says why there is none",
        )
    elif served:
        yield from _dates(case, served[0])
        yield from _names(case, served[0])
        yield from _trust(case, served[0])


def _dates(case: Case, served: Certificate) -> Iterator[Finding]:
    provided = case.settings.tls == "files"
    left, stage = served.ends - case.now, CertificateLife(served.begins, served.ends, not provided).stage(case.now)
    ends = f"{served.ends:%Y-%m-%d %H:%M} UTC, from {served.issuer}"
    if stage == "to come":
        evidence = f"valid from {served.begins:%Y-%m-%d %H:%M} UTC, from {served.issuer}"
        yield Finding("certificate_not_yet_valid", "the certificate is not valid yet", evidence, "see the clocks")
    elif stage == "over":
        ago = duration(-left.total_seconds())
        yield Finding("certificate_expired", f"the certificate expired {ago} ago", f"on {ends}", _renew(case))
    elif stage == "late":
        evidence = f"it ends on {ends}{'' if provided else '; it should have been renewed by now'}"
        problem = f"the certificate ends in {duration(left.total_seconds())}"
        yield Finding("certificate_expiring", problem, evidence, _renew(case))


def _renew(case: Case) -> str:
    if case.settings.tls == "files":
        return "bring a new one (tls_certificate_file, tls_key_file) and deploy"
    return "homeport cert TARGET --renew; why it was not renewed: journalctl -u homeport-renew"


def _names(case: Case, served: Certificate) -> Iterator[Finding]:
    missing = [name for name in case.settings.domains if not any(covers(one, name) for one in served.names)]
    if missing:
        yield Finding(
            "certificate_names",
            f"the certificate is not for {', '.join(missing)}",
            f"it is for {', '.join(served.names) or 'no name'}, from {served.issuer}",
            "bring one with all names" if case.settings.tls == "files" else "deploy, which asks for all names",
        )


def covers(pattern: str, name: str) -> bool:
    """Tell whether a name on a certificate stands for `name`; a star is for one label: RFC 6125, 6.4.3."""
    pattern, name = pattern.lower(), name.lower()
    return pattern == name or (pattern.startswith("*.") and pattern[2:] == name.partition(".")[2])


def _trust(case: Case, served: Certificate) -> Iterator[Finding]:
    """Yield a certificate that browsers do not trust, where it is meant for them: not for a company's own authority."""
    distrust = next((visit.distrust for visit in looked_at(case) if visit.distrust), "")
    host = urlsplit(case.settings.acme_directory_url).hostname or ""
    public = host.endswith(PUBLIC) and STAGING not in host
    if case.settings.tls == "files":
        public = served.self_signed
    if distrust and public and served.begins <= case.now <= served.ends:
        evidence = f"{distrust}; issued by {served.issuer}"
        yield Finding("certificate_untrusted", "browsers do not trust the certificate", evidence, _renew(case))


def renewal(case: Case) -> Iterator[Finding]:
    """Yield what keeps the certificate from being renewed."""
    timer, service = case.unit(TIMER), case.unit(SERVICE)
    if case.settings.tls == "files" or timer is None or service is None:
        return
    if timer["active"] != "active" or timer["enabled"] != "enabled":
        yield Finding(
            "renewal_off",
            "certificates are not renewed: the timer is off",
            f"{TIMER} is {timer['active']} and {timer['enabled'] or 'missing'}",
            f"systemctl enable --now {TIMER} (on the host), or deploy",
        )
    found = case.found.get("certificate")
    if service["active"] == "failed":
        words = next((line for line in reversed(service["last"]) if line.strip()), "")
        yield Finding(
            "renewal_failed",
            "the last renewal of certificates failed",
            f"{service['ending']} on {service['since']}{f': {words}' if words else ''}",
            "homeport cert TARGET --renew",
        )
    elif found and "/letsencrypt/" in found["folder"] and not found["renewal_configured"]:
        evidence = f"/etc/letsencrypt/renewal/{case.settings.app_name}.conf is missing"
        fix = "deploy, which asks for a certificate anew"
        yield Finding("renewal_failed", "Certbot does not know the certificate, and will not renew it", evidence, fix)
