"""Whether deploys are blocked, and how the last one ended. None of this harms the live release."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from homeport.diagnosis.application import cause, shortened
from homeport.diagnosis.case import Case
from homeport.diagnosis.finding import HINT, WARNING, Finding
from homeport.state.holder import held_by_hand, held_by_run

MIGRATION = ("the migration failed", "the migration took too long")


def deployed(case: Case) -> Iterator[Finding]:
    """Yield that there is nothing here yet."""
    if case.found.get("deployed") is False:
        fix = "homeport deploy TARGET"
        yield Finding(
            "not_deployed", f"{case.settings.app_name} was never deployed here", "its folders do not exist", fix
        )
    elif "slot" in case.found and case.found["slot"] is None:
        yield never_live()


def never_live() -> Finding:
    """Return that no release has gone live on a host."""
    fix = "homeport deploy TARGET"
    return Finding("not_deployed", "no release has ever gone live here", "the log of releases has none", fix)


def held(case: Case) -> Iterator[Finding]:
    """Yield who deploys, and who holds deploys."""
    deploys = case.found.get("deploys")
    if deploys is None:
        return
    yield from of_hold(deploys["held"])
    if deploys["running"]:
        fix = "wait for that deploy (--lock-wait); its lock ends with it"
        yield Finding("deploy_running", "somebody is deploying now", held_by_run(deploys["running"]), fix, HINT)


def of_hold(note: Mapping[str, str] | None) -> Iterator[Finding]:
    """Yield who holds deploys by hand, of the note that says it (None: nobody does)."""
    if note is not None:
        fix = "when that is over: homeport unlock TARGET"
        evidence = held_by_hand(json.dumps(dict(note))).removeprefix("held ")
        yield Finding("deploys_held", "deploys are held", evidence, fix, HINT)


def closed(case: Case) -> Iterator[Finding]:
    """Yield that visitors are kept out on purpose: the health path, which we ask for, answers all the same."""
    deploys = case.found.get("deploys")
    yield from of_maintenance(deploys["closed"] if deploys else None)


def of_maintenance(note: Mapping[str, str] | None) -> Iterator[Finding]:
    """Yield who shows visitors the page for maintenance, of the note that says it (None: nobody does)."""
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
    yield of_failed(events[-1], deploys["migration_log"])


def of_failed(event: Mapping[str, Any], migration_log: Sequence[str] = ()) -> Finding:
    """Return that a deploy failed, of its entry in the log of releases and the end of its migration's own log."""
    reason = event["reason"] or "no reason was recorded"
    migrated = reason.startswith(MIGRATION)
    who = f" by {event['by']}" if event["by"] else ""
    words = cause(migration_log) if migrated else ""
    return Finding(
        "migration_failed" if migrated else "release_failed",
        f"the last deploy failed: {reason}",
        shortened(f"release {event['release']}{who} at {event['at']}{words}"),
        "fix the cause and deploy again; the release that was live before still is; "
        "more: homeport logs TARGET --source deploys",
        WARNING,
    )


def secrets(case: Case) -> Iterator[Finding]:
    """Yield a secrets file that the settings name and that is not there: no deploy goes without it."""
    if case.secrets_missing:
        fix = "restore it (it belongs in your repository, encrypted; see homeport secrets)"
        yield Finding("secrets_file_missing", "the secrets file is missing here", case.secrets_missing, fix, WARNING)
