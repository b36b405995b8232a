"""`homeport doctor`: looks at a site from outside and on its host, and says what is wrong. Reads only."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from homeport.delivery.in_memory import program
from homeport.diagnosis import Case, checked, diagnose
from homeport.diagnosis.case import SshAccess
from homeport.errors import HomeportError
from homeport.host.system.site_names import askable
from homeport.probe.observations import Observations
from homeport.pyinfra_support.answers import document, explain_failure, marked
from homeport.pyinfra_support.connection import peer_address
from homeport.queries import outside
from homeport.queries.target import Target
from homeport.report.findings import of_doctor

# The probe is a program for the host's Python; where that is missing, homeport was never there.
COMMAND = "cd / && exec python3 -IB -"


def read(target: Target) -> Iterator[dict[str, Any]]:
    """Yield the diagnosis of the host, once."""
    settings = target.settings
    ssh_access = _ssh_access(target)
    observed, unread_reason, now = (None, "", datetime.now(UTC)) if ssh_access.problem else _observations(target)
    names = {name: outside.addresses(askable(name)) for name in settings.domains}
    address = _address(target, ssh_access, observed)
    case = Case(
        settings=settings,
        now=now,
        address=address,
        names=names,
        visits=(),
        ssh_access=ssh_access,
        observed=observed,
        unread_reason=unread_reason,
        secrets_missing=_secrets_missing(target),
    )
    places = dict.fromkeys([*(one for name in settings.domains for one in case.addresses(name)), address])
    # While the application is down, an answer takes that long.
    patience = outside.WAIT_SECONDS + settings.hold_seconds
    visits = tuple(
        outside.visit(place, settings.domain, settings.public_health_path, patience) for place in places if place
    )
    yield report(replace(case, visits=visits), str(target.options["called"]))


def report(case: Case, target: str) -> dict[str, Any]:
    """Return what `--json` shows of a case; `target` is what the user calls the inventory."""
    done, unchecked = checked(case)
    return {
        "app": case.settings.app_name,
        "findings": [of_doctor(finding, target) for finding in diagnose(case)],
        "checked": done,
        "unchecked": unchecked,
    }


def _ssh_access(target: Target) -> SshAccess:
    """Return whether we come in by SSH, and if not, what its port says."""
    # It has a word of its own for a connection that fails; ours is the finding.
    logging.getLogger("pyinfra").setLevel(logging.CRITICAL)
    try:
        target.connect()
    except HomeportError as error:
        name, port = target.host.data.get("ssh_hostname") or target.host.name, target.host.data.get("ssh_port") or 22
        found = outside.addresses(name)
        state = outside.port_state(found[0], int(port)) if found else None
        return SshAccess(error.problem, found[0] if found else "", int(port), state)
    return SshAccess()


def _observations(target: Target) -> tuple[Observations | None, str, datetime]:
    """Return what the host tells, else why it does not, and the time in the middle between question and answer."""
    settings = target.settings
    authority = urlsplit(settings.acme_directory_url).hostname if settings.tls == "acme" else None
    given = {
        "app": settings.app_name,
        "names": [*map(askable, settings.domains), *([authority] if authority else [])],
        "health": {"path": settings.health_path, "status": settings.health_status},
    }
    text = program("homeport.probe.main", ("homeport.host", "homeport.probe"), given)
    try:
        answer = target.shell(marked(COMMAND), stdin=text)
    except HomeportError as error:
        return None, error.problem, datetime.now(UTC)
    now = datetime.now(UTC)
    try:
        return cast(Observations, document(answer.lines)), "", now
    except ValueError as error:
        return None, str(error) if answer.good else explain_failure(answer.status, answer.errors, answer.lines)[0], now


def _address(target: Target, ssh_access: SshAccess, observed: Observations | None) -> str:
    """Return the machine's own address as we reach it; one of those that it has where the connection does not say."""
    if ssh_access.problem:
        return ssh_access.address
    own = observed.get("addresses", []) if observed else []
    return peer_address(target.host) or next(iter(own), "")


def _secrets_missing(target: Target) -> str:
    path = target.settings.secrets_file
    return path if path and not Path(path).is_file() else ""
