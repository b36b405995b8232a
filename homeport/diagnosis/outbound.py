"""What a host without internet access lacks between deploys (`outbound = "controller"`)."""

from __future__ import annotations

from collections.abc import Iterator

from homeport.certificates import lifetime
from homeport.diagnosis.case import Case
from homeport.diagnosis.finding import WARNING, Finding
from homeport.diagnosis.reachability import looked_at


def outbound(case: Case) -> Iterator[Finding]:
    """Yield that the host gets no security upgrades, and that a certificate is due which the host cannot renew."""
    if case.settings.outbound == "host":
        return
    if case.settings.security_upgrades:
        yield Finding(
            "upgrades_missing",
            "the machine gets no security upgrades by itself",
            'outbound = "controller": between deploys it cannot reach the internet',
            "run homeport upgrade TARGET every day or week (a pipeline can), or give it a mirror that it reaches",
            WARNING,
        )
    served = next((visit.certificate for visit in looked_at(case) if visit.certificate), None)
    if served is None:
        return
    life = served.life(lifetime.source(provided=case.settings.tls == "files", self_signed=served.self_signed))
    if life.source == "acme" and life.stage(case.now) in ("due", "late"):
        yield Finding(
            "renewal_waits",
            "the certificate is due, and the machine cannot reach the authority to renew it",
            f"due since {life.due:%Y-%m-%d %H:%M} UTC, good until {life.not_after:%Y-%m-%d %H:%M} UTC",
            "deploy, or: homeport cert TARGET --renew",
            WARNING,
        )
