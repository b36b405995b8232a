"""What keeps deploys from going, and how the last one ended. None of it harms what serves."""

from __future__ import annotations

import json
from collections.abc import Iterator

from homeport.diagnosis.application import cause, shortened
from homeport.diagnosis.case import Case
from homeport.diagnosis.finding import NOTICE, Finding
from homeport.probe.facts import DeployFacts
from homeport.state.holder import held_by_hand, held_by_run

MIGRATION = ("the migration failed", "the migration took too long")


def deployed(case: Case) -> Iterator[Finding]:
    """Yield that there is nothing here yet."""
    if case.found.get("deployed") is False:
        fix = "homeport deploy TARGET"
        yield Finding("not_deployed", f"{case.settings.app_name} was never deployed here", "no folders of it", fix)
    elif "slot" in case.found and case.found["slot"] is None:
        fix = "homeport deploy TARGET"
        yield Finding("not_deployed", "no release has ever gone live here", "the log of releases has none", fix)


def held(case: Case) -> Iterator[Finding]:
    """Yield who deploys, and who holds deploys."""
    deploys = case.found.get("deploys")
    if deploys is None:
        return
    if deploys["held"] is not None:
        fix = "when that is over: homeport unlock TARGET"
        yield Finding("deploys_held", "deploys are held", held_by_hand(json.dumps(deploys["held"])), fix, NOTICE)
    if deploys["running"]:
        fix = "wait for it (--lock-wait); its lock ends with it"
        yield Finding("deploy_running", "somebody deploys now", held_by_run(deploys["running"]), fix, NOTICE)


def closed(case: Case) -> Iterator[Finding]:
    """Yield that visitors are kept out on purpose: the health path, which we ask for, answers all the same."""
    deploys = case.found.get("deploys")
    note = deploys["closed"] if deploys else None
    if note is not None:
        since, message = note.get("since"), note.get("message")
        about = f"{f' since {since}' if since else ''}{f': {message}' if message else ''}"
        evidence = f"by {note.get('by') or 'somebody'}{about}"
        fix = "when that is over: homeport maintenance TARGET off"
        yield Finding("maintenance_on", "visitors get the maintenance page", evidence, fix)


def last(case: Case) -> Iterator[Finding]:
    """Yield a last deploy that failed."""
    deploys = case.found.get("deploys")
    events = deploys["events"] if deploys else []
    if deploys is None or not events or events[-1]["event"] != "failed":
        return
    event = events[-1]
    migrated = event["reason"].startswith(MIGRATION)
    who = f" by {event['by']}" if event["by"] else ""
    yield Finding(
        "migration_failed" if migrated else "release_failed",
        f"the last deploy failed: {event['reason']}",
        shortened(f"release {event['release']}{who} at {event['at']}{_words(deploys, migrated)}"),
        "mend it and deploy again; what was live before still is",
        NOTICE,
    )


def _words(deploys: DeployFacts, migrated: bool) -> str:
    return cause(deploys["migration_log"]) if migrated else ""


def secrets(case: Case) -> Iterator[Finding]:
    """Yield a secrets file that the settings name and that is not there: no deploy goes without it."""
    if case.secrets_missing:
        fix = "restore it (it belongs into your repository, encrypted; see homeport secrets)"
        yield Finding("secrets_file_missing", "the secrets file is missing here", case.secrets_missing, fix, NOTICE)
