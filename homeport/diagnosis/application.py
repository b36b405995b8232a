"""The application: its unit, its files, its migration, its database, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homeport.diagnosis.case import Case
from homeport.diagnosis.finding import WARNING, Finding
from homeport.diagnosis.limits import LOOP
from homeport.host.services.cause_line import cause_line
from homeport.host.services.failures import STEP
from homeport.host.services.hints import hint, of_health
from homeport.probe.observations import RetryObservation, SlotObservation, UnitObservation
from homeport.state.paths import AppPaths

NEEDED = {"read": "read", "write": "write to", "execute": "execute", "enter": "enter"}
BEFORE_START = "a command of before_start fails, and the application does not start without it"
LONGEST_EVIDENCE = 240
# Results of a unit whose own process has ended badly; with others it was never begun.
DYING = ("start-limit-hit", "exit-code", "signal", "core-dump", "oom-kill", "timeout")


def files(case: Case) -> Iterator[Finding]:
    """Yield files that are missing, and those that somebody may not use who must, or may who must not."""
    slot = case.found.get("slot")
    missing = slot["missing"] if slot else []
    secrets = [path for path in missing if path.endswith("/env")]
    if secrets and len(missing) == 1:
        fix = "deploy, which writes it from your secrets; a rollback works too"
        yield Finding("secrets_missing", "the release's variables and secrets are missing", secrets[0], fix)
    elif missing:
        fix = "homeport rollback TARGET, or deploy another commit"
        yield Finding(
            "release_incomplete", "files of the live release are missing", f"missing: {', '.join(missing)}", fix
        )
    if real := case.found.get("state_link"):
        state = AppPaths(case.settings.app_name).state
        problem = f"{state} is a link, and systemd starts no unit whose state folder is a link"
        yield Finding(
            "state_link", problem, f"it leads to {real}", f"mount it there instead: {mount_instead(state, real)}"
        )
    for one in case.found.get("denied", [])[:1]:
        to = "" if one["place"] == one["path"] else f", because of {one['place']}"
        yield Finding(
            "permissions",
            f"{one['user']} may not {NEEDED[one['need']]} {one['path']}{to}",
            f"{one['place']} is {one['mode']}",
            "deploy, which sets what is homeport's own; the application's own files belong to its user",
        )
    if exposed := case.found.get("exposed"):
        fix = f"chmod 640 {exposed[0]}; somebody may have read them: change the secrets"
        yield Finding("secrets_exposed", "everybody on the machine may read secrets", ", ".join(exposed), fix)


def python(case: Case) -> Iterator[Finding]:
    """Yield that the Python of the live release is gone, or that the system will not keep it."""
    found = case.found.get("python")
    if not found or (found["there"] and found["lasting"]):
        return
    name, at = found["name"], found["path"].rpartition("/")[2]
    if not found["there"]:
        problem = f"{name}, which the live release runs on, is not on the machine any more"
        if at != name:
            problem = f"the live release's environment is for {name}, and {at} is in its place now"
        evidence = "what runs goes on, and no process of it can be started again"
        yield Finding(
            "python_gone",
            problem,
            evidence,
            "deploy, which makes its environment anew and restarts it in the other slot",
        )
    else:
        problem = f"the live release runs on {name}, which is not the system's Python any more"
        evidence = f"{found['path']} goes with the next apt autoremove"
        fix = "deploy before that, which makes its environment anew and restarts it in the other slot"
        yield Finding("python_old", problem, evidence, fix, WARNING)


def mount_instead(path: str, real: str) -> str:
    """Return what puts a mount of `real` in the place of the link `path`."""
    return f"rm {path} && mkdir {path} && mount --bind {real} {path}, and the same in /etc/fstab"


def migration(case: Case) -> Iterator[Finding]:
    """Yield a migration that has failed and keeps the live slot from starting."""
    slot = case.found.get("slot")
    unit = case.unit(f"{case.settings.app_name}-migrate@{slot['name']}.service") if slot else None
    again = case.retried("migration")
    if unit is None or (unit["active"] != "failed" and again is None):
        return
    last = again["last"] if again else unit["last"]
    evidence = cause(unit["last"])
    start = "it is started again by itself" if again else f"then: {told(unit, 'start', case.live_unit)} (on the host)"
    yield Finding(
        "migration_failed",
        "the migration fails, and the application does not start without it",
        shortened(retry_text(again) if again else f"{unit['ending']}{evidence}"),
        hint(last, case.settings.app_name) or f"repair the database; {start}; all of it: homeport logs TARGET",
    )


def cause(lines: Sequence[str]) -> str:
    """Return the line that names the cause, as it follows what failed; "" where there are no lines."""
    return f": {cause_line(lines)}" if lines else ""


def retry_text(again: RetryObservation) -> str:
    """Return why something was started again, and how often."""
    times = "once" if again["tries"] == 1 else f"{again['tries']} times"
    return f"{again['reason']}; tried again {times} since {again['since']}"


def databases(case: Case) -> Iterator[Finding]:
    """Yield databases that are locked, or that nobody serves."""
    for lock in case.found.get("locks", [])[:1]:
        yield Finding(
            "database_locked",
            f"the database {lock['path']} is locked",
            f"{lock['holder']} has held its write lock for at least {lock['seconds']:.0f} s",
            "end that process or its transaction; nothing can be written meanwhile",
        )
    for server in case.found.get("servers", ()):
        if server["problem"]:
            yield Finding(
                "database_unreachable",
                f"the server that {server['variable']} names does not answer",
                f"{server['place']}: {server['problem']}",
                "check that it runs there, and that its firewall lets this machine in",
            )
            return


def unit(case: Case) -> Iterator[Finding]:
    """Yield why the live slot does not serve: it loops, is down, hangs, or says that it is not healthy."""
    slot, unit = case.found.get("slot"), case.unit(case.live_unit)
    if slot is None or unit is None:
        return
    if unit["active"] != "active":
        yield _not_running(case, unit)
        return
    if not slot["good"]:
        yield _unhealthy(case, slot, unit)
    if unit["enabled"] != "enabled":
        fix = "deploy" if is_supervised(unit) else f"systemctl enable {case.live_unit}"
        evidence = f"{case.live_unit} is {unit['enabled']}"
        yield Finding("app_disabled", "the application would not start at boot", evidence, fix, WARNING)


def _not_running(case: Case, unit: UnitObservation) -> Finding:
    """Return what is wrong with a unit that is not up: it dies, is starting, or somebody or something stopped it."""
    name = case.live_unit
    words = cause(unit["last"])
    retried = case.retried("application")
    if unit["last"] and unit["last"][-1].startswith(STEP):
        evidence = shortened(
            retry_text(retried) if retried else f"{unit['restarts']} restarts, {unit['active']}{words}"
        )
        fix = f"it is tried again automatically; to try at once: {told(unit, 'restart', name)} (on the host)"
        advice = hint(unit["last"], case.settings.app_name)
        return Finding("before_start_failed", BEFORE_START, evidence, f"{advice}, and deploy" if advice else fix)
    # While it is started again the result of its last end is forgotten; a stopped unit keeps its count of restarts.
    if retried or unit["result"] in DYING or (unit["restarts"] and unit["active"] == "activating"):
        evidence = f"{unit['ending']}, {unit['restarts']} restarts, {unit['active']}{words}"
        evidence = shortened(retry_text(retried) if retried else evidence)
        advice = hint(unit["last"], case.settings.app_name)
        restart = told(unit, "restart", name)
        fix = f"if a release caused it: homeport rollback TARGET; once the cause is fixed: {restart}"
        fix = f"{advice}, and deploy" if advice else fix
        again = retried or unit["restarts"] != 1 or unit["active"] != "activating"
        problem = "the application dies again and again" if again else "the application died, and is being restarted"
        return Finding("app_crash_loop", problem, evidence, fix)
    if unit["active"] == "activating":
        evidence = f"{name} has been {unit['sub']} since {unit['since']}"
        return Finding(
            "app_down", "the application is still starting", evidence, "wait; to see what it does: homeport logs TARGET"
        )
    evidence = shortened(f"{name} is {unit['active']} ({unit['sub']}, {unit['result']}) since {unit['since']}{words}")
    return Finding("app_down", "the application does not run", evidence, f"{told(unit, 'start', name)} (on the host)")


def _unhealthy(case: Case, slot: SlotObservation, unit: UnitObservation) -> Finding:
    """Return what is wrong with an application that runs."""
    if slot["status"] is None and "no answer" in slot["answer"]:
        fix = "homeport restart TARGET; to see what it was doing: homeport logs TARGET"
        return Finding("app_hung", "the application runs but does not answer", slot["answer"], fix)
    words = slot["body"] or cause_line(unit["last"])
    evidence = shortened(f"{slot['answer']}{f': {words}' if words else ''}")
    advice = hint(unit["last"], case.settings.app_name) or of_health(slot["answer"])
    fix = f"{advice}, and deploy" if advice else "see: homeport logs TARGET"
    return Finding("app_unhealthy", "the application says that it is not healthy", evidence, fix)


def processes(case: Case) -> Iterator[Finding]:
    """Yield the processes and timers beside the live server that have failed."""
    slot = case.found.get("slot")
    ending = f"@{slot['name']}." if slot else "@"
    for name, unit in case.found.get("units", {}).items():
        is_retried = (again := case.retried("process")) is not None and again["unit"] == name
        is_beside = name.startswith(f"{case.settings.app_name}.") and ending in name
        if is_beside and (is_retried or fails(unit["active"], unit["sub"], unit["restarts"])):
            kind, what = ("timer", name.rsplit(".", 1)[0]) if name.endswith(".timer") else ("process", name)
            evidence = f"{unit['active']} ({unit['sub']}), {unit['restarts']} restarts"
            words = cause(unit["last"])
            advice = hint(unit["last"], case.settings.app_name)
            fix = f"journalctl -u {name}; once the cause is fixed: {told(unit, 'restart', name)}"
            fix = f"{advice}, and deploy" if advice else fix
            yield Finding("process_failed", f"the {kind} {what} does not run", shortened(f"{evidence}{words}"), fix)
            return


def fails(active: str, sub: str, restarts: int) -> bool:
    """Tell whether a process or timer beside the server does not run: it has failed, or dies again and again.

    The first two are systemd's ActiveState and SubState; "" for the second where nobody has read it.
    """
    return active == "failed" or sub == "auto-restart" or restarts >= LOOP


def is_supervised(unit: UnitObservation) -> bool:
    """Tell whether supervisord runs the unit, and not systemd."""
    return unit["manager"] == "supervisord"


def told(unit: UnitObservation, verb: str, name: str) -> str:
    """Return the command by which a person has a unit's manager start or restart it."""
    return (
        f"supervisorctl {verb} {name.removesuffix('.service')}" if is_supervised(unit) else f"systemctl {verb} {name}"
    )


def supervisord(case: Case) -> Iterator[Finding]:
    """Yield that supervisord is down, though it runs the application: what it ran may run on, with nobody beside it."""
    unit = case.unit("supervisor.service")
    if unit is not None and unit["active"] != "active":
        evidence = f"supervisor.service is {unit['active']} ({unit['sub']}, {unit['result']}){cause(unit['last'])}"
        problem = "supervisord does not run, and nothing starts the application again"
        fix = "systemctl start supervisor; why it ended: journalctl -u supervisor (on the host)"
        yield Finding("supervisord_down", problem, shortened(evidence), fix)


def shortened(text: str) -> str:
    """Return the text on one line, cut where it is longer than a person reads."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_EVIDENCE else f"{text[: LONGEST_EVIDENCE - 1]}…"
