"""Why a release did not start: from the states of its units and from what they wrote to the journal."""

from __future__ import annotations

import json
import re
import signal

from ..system.layout import Layout
from ..system.output import HostError
from . import hints, supervisord
from .cause_line import MANAGER_ENDS, cause_line
from .health import EXITED, GIVING_UP, PREFIX, PROCESS_GONE, TOO_LATE
from .units import command_status, run

TAIL_LINES = 20
# After our mark, what the script of `before_start` says of the command that failed.
STEP = "before_start: "
# si_code values of waitpid's signal, as systemd's ExecMainCode gives them.
CLD_KILLED = ("2", "3")
# Whose lines about a unit are not the application's own.
MANAGERS = ("systemd", "supervisord")
# A manager's line about a unit's main process.
MAIN_PROCESS = re.compile(r": Main process exited, code=(exited|killed|dumped), status=(\d+)/")


def failure(
    layout: Layout, slot: str, app: dict[str, str], migration: dict[str, str], position: str, health_path: str
) -> HostError:
    """Return the error for a slot whose start failed: the cause, and the last lines since the cursor `position`.

    `app` and `migration` are the properties of the slot's two units, read right after the start ended.
    """
    migration_failed = migration["ActiveState"] == "failed"
    unit = layout.migrate_unit(slot) if migration_failed else layout.unit(slot)
    entries = since(unit, position)
    if not migration_failed and (cause := before_start(entries)):
        return error(cause, tail(entries, health_path), layout.app)
    word, lines = last_word(entries), tail(before_the_stop(entries), health_path)
    cause = explain_migration(migration, entries) if migration_failed else explain(app, word, last_ending(entries))
    advice = hints.hint(lines, layout.app) or ("" if migration_failed else hints.of_health(word))
    return HostError(f"{cause}; {advice}" if advice else cause, lines)


def error(cause: str, lines: tuple[str, ...], app: str) -> HostError:
    """Return the error for something of the application `app` that failed by `cause`, with what to do about it."""
    advice = hints.hint(lines, app)
    return HostError(f"{cause}; {advice}" if advice else cause, lines)


def process_failure(name: str, kind: str, state: dict[str, str], position: str, app: str) -> HostError:
    """Return the error for the process unit `name`, called `kind`, of `app` that did not come up."""
    entries = since(name, position)
    why = before_start(entries) or last_ending(entries) or ending(state)
    return error(f"{kind} does not come up ({why})", tail(entries), app)


def before_start(entries: list[tuple[str, str]]) -> str:
    """Return which command of `before_start` failed, how, and its line with the cause; "" when none did."""
    mark, found = f"{PREFIX}{STEP}", ""
    own: list[str] = []
    for source, line in entries:
        if source == "before-start" and line.startswith(mark):
            words = cause_line(own)
            found, own = f"{line.removeprefix(PREFIX)}{f': {words}' if words else ''}", []
        elif source == "before-start" and line.strip():
            own.append(line)
    return found


def explain_migration(migration: dict[str, str], entries: list[tuple[str, str]]) -> str:
    """Return why the migration unit failed; `entries` are what it wrote."""
    if migration["Result"] == "timeout":
        return "the migration took too long and was stopped (migrate_timeout_seconds)"
    # This program's own line there (`check-revisions`), which says more than a status.
    own = [line.partition(": release ")[2].partition(": ")[2] for _, line in entries if line.startswith("error: ")]
    if said := [line for line in own if line.startswith("the database is at ")]:
        return said[-1]
    return f"the migration failed ({ending(migration)})"


def explain(app: dict[str, str], word: str, ended: str = "") -> str:
    """Return why the app's unit did not come up; `word` is what the health gate said last.

    `ended` is how its process ended by the journal, if it did: on a slow machine the automatic restart has begun before
    we looked, and has wiped the status of the gate and of the process.
    """
    gate = command_status(app["ExecStartPost"])
    if gate == TOO_LATE and word:
        return f"it did not become healthy: {word}"
    if app["Result"] == "timeout":
        return "it did not start within its time-out"
    is_gone = gate == PROCESS_GONE or app["Result"] in ("exit-code", "signal", "core-dump")
    if is_gone or (ended and word.startswith(EXITED)):
        how = ended or ending(app)
        return f"the process exited before it was healthy ({how}{_for_memory(app, how)})"
    if word:
        return f"it did not become healthy: {word}"
    return f"systemd did not start it (result {app['Result']}, state {app['ActiveState']})"


def _for_memory(app: dict[str, str], how: str) -> str:
    """Return what a SIGKILL of nobody's means while an application starts, where its memory is limited."""
    limit = app.get("MemoryMax", "")
    if how != "killed by SIGKILL" or not limit.isdigit():
        return ""
    return f", as the kernel does for lack of memory: the limit is {int(limit) // 2**20} MB, memory_max_megabytes"


def ending(unit: dict[str, str]) -> str:
    """Return how the unit's main process ended."""
    return _ending(unit["ExecMainStatus"], killed=unit["ExecMainCode"] in CLD_KILLED)


def last_ending(entries: list[tuple[str, str]]) -> str:
    """Return how the unit's main process ended last by these entries; "" where its manager says of none."""
    found = [words for source, line in entries if source in MANAGERS and (words := MAIN_PROCESS.search(line))]
    return _ending(found[-1][2], killed=found[-1][1] != "exited") if found else ""


def _ending(status: str, *, killed: bool) -> str:
    if not killed:
        return f"status {status}"
    try:
        return f"killed by {signal.Signals(int(status)).name}"
    except ValueError:
        return f"killed by signal {status}"


def cursor() -> str:
    """Return the journal's present end; "" while the journal is empty."""
    done = run("journalctl", "--quiet", "--no-pager", "--lines=1", "--output=json")
    try:
        return str(json.loads(done.stdout.splitlines()[-1])["__CURSOR"])
    except (ValueError, KeyError, IndexError):
        return ""


def since(unit: str, position: str) -> list[tuple[str, str]]:
    """Return (source, line) for all that the journal has of `unit` after the cursor `position`, oldest first."""
    # Lines of a process that has just ended may still be under way to the journal.
    run("journalctl", "--sync")
    after = [f"--after-cursor={position}"] if position else []
    return parse(run("journalctl", "--quiet", "--no-pager", "--output=json", *of_unit(unit), *after).stdout)


def of_unit(unit: str) -> list[str]:
    """Return the options by which the journal selects the entries of a unit."""
    return [f"--unit={unit}", *([f"--unit={supervisord.scope(unit)}"] if supervisord.has(unit) else [])]


def last(unit: str) -> list[tuple[str, str]]:
    """Return (source, line) for the newest entries that the journal has of `unit`, oldest first."""
    run("journalctl", "--sync")
    command = ("journalctl", "--quiet", "--no-pager", "--output=json", f"--lines={5 * TAIL_LINES}", *of_unit(unit))
    return parse(run(*command).stdout)


def parse(text: str) -> list[tuple[str, str]]:
    """Return (source, line) of each entry of `journalctl --output=json`."""
    found = []
    for entry in text.splitlines():
        try:
            raw = json.loads(entry)
        except ValueError:
            continue
        message = raw.get("MESSAGE")
        if isinstance(message, list):  # a message that is not UTF-8 comes as numbers
            message = bytes(message).decode("utf-8", "replace")
        if isinstance(message, str):
            found += [(str(raw.get("SYSLOG_IDENTIFIER", "")), line) for line in message.splitlines()]
    return found


def tail(entries: list[tuple[str, str]], health_path: str = "") -> tuple[str, ...]:
    """Return the last lines that the application itself wrote; its manager's own where it wrote none.

    Lines about requests to `health_path` are ours to blame for, and are left out. The line that names the cause is
    first where Gunicorn's manager wrote so much after it that it would not be among them.
    """
    request = f'"GET {health_path} HTTP/' if health_path else PREFIX
    own = [
        line
        for source, line in entries
        if source not in MANAGERS and not line.startswith(PREFIX) and request not in line and line.strip()
    ]
    lines = own or [line for _, line in entries]
    chosen = lines[-TAIL_LINES:]
    if any(line.startswith(MANAGER_ENDS) for line in chosen) and (cause := cause_line(lines)) not in chosen:
        chosen[0] = cause
    return tuple(chosen)


def before_the_stop(entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what was written before the health gate gave a running application up: the rest tells of its shutdown."""
    words = [number for number, (_, line) in enumerate(entries) if line.startswith(f"{PREFIX}{GIVING_UP}")]
    return entries[: words[-1] + 1] if words else entries


def before_the_start(entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what was written before the newest start: a start that is under way tells nothing of the end before it."""
    starts = [
        number for number, (source, line) in enumerate(entries) if source in MANAGERS and line.startswith("Starting ")
    ]
    return entries[: starts[-1]] if starts else entries


def newest_start(entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what was written since the newest start: all, where the journal does not say when that was."""
    return entries[len(before_the_start(entries)) :] or entries


def last_word(entries: list[tuple[str, str]]) -> str:
    """Return what the health gate said last, without its mark; "" when it said nothing."""
    words = [line[len(PREFIX) :] for _, line in entries if line.startswith(PREFIX)]
    return words[-1].replace(GIVING_UP, "") if words else ""
