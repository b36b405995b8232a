"""All rules together, from the outside in, and what was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from homeport.diagnosis import (
    application,
    certificate,
    deploys,
    machine,
    outbound,
    proxy,
    reachability,
    requests,
    static_files,
)
from homeport.diagnosis.case import AWAY, Case
from homeport.diagnosis.finding import Finding, arranged

RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    reachability.names,
    reachability.ssh_access,
    reachability.ports,
    reachability.site,
    deploys.closed,
    certificate.certificate,
    certificate.renewal,
    outbound.outbound,
    proxy.proxy,
    proxy.handshakes,
    application.supervisord,
    application.unit,
    application.processes,
    application.migration,
    application.files,
    application.python,
    application.databases,
    static_files.static_files,
    requests.requests,
    machine.disks,
    machine.memory,
    machine.clock,
    machine.failed_units,
    machine.reboot,
    machine.replaced,
    deploys.deployed,
    deploys.last,
    deploys.held,
    deploys.secrets,
)


def diagnose(case: Case) -> tuple[Finding, ...]:
    """Return what is wrong, the cause first and its consequences after it."""
    return arranged(finding for rule in RULES for finding in rule(case))


def checked(case: Case) -> tuple[list[str], dict[str, str]]:
    """Return what was looked at, with a figure where it tells something, and what could not be, with the reason."""
    done = ["DNS"]
    unchecked = dict(case.found.get("unread", {}))
    if any(AWAY not in (visit.http, visit.https) for visit in case.visits):
        done.append("ports 80 and 443")
    else:
        unchecked["ports 80 and 443"] = "this computer has no route to it"
    if case.days_left is not None:
        done.append(f"certificate ({case.days_left:.0f} days left)")
    if case.observed is None:
        unchecked["what is on the host"] = case.unread_reason or case.ssh_access.problem
        return done, unchecked
    slot = case.found.get("slot")
    app = [f"application (release {slot['release']} {slot['answer'].partition(' ')[2]})"] if slot else []
    inside = (
        "SSH",
        "renewal",
        "proxy",
        *app,
        "migration",
        "requests of the last hour",
        "database",
        "secrets",
        "permissions",
        "disk",
        "memory",
        "clock",
    )
    return [*done, *inside, "deploys"], unchecked
