"""What stands before each process that supervisord runs: `homeport-host run-program UNIT`, which becomes that process.

supervisord starts a program, starts it again and stops it. What a unit of systemd has besides is here: a condition, a
migration once, a pause, an end of restarts. Then `supervised_process` goes on in a scope of systemd's with the memory
limit. The process id stays the same from supervisord's fork to the application.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any, NoReturn

from ..services import program_record, program_state, supervisord
from ..services.program_record import EXIT, GIVEN_UP, PAUSE, START, SUCCESS, TIMEOUT, WAITING, Record
from ..system.layout import LAUNCHER, SLOTS, Layout
from ..system.output import tell_journal
from . import slots
from .supervised_program import Program, program_of

# As the units have them (templates/systemd/app@.service).
LIMIT_SECONDS, LIMIT_STARTS = 75.0, 5
SERVER_PAUSE, PROCESS_PAUSE = 0.5, 2.0
POLL_SECONDS = 0.2
# The version of systemd.
OOM_POLICY_SINCE = 253
# timeout(1): of a command that was stopped for its time.
TIMED_OUT = 124


def run(name: str) -> NoReturn:
    """Do what comes before the process of a program, and become it."""
    program = program_of(name)
    before = program_record.read(name) or Record()
    again = before.pid != 0
    if again:
        _note_ending(name, before)
    tell_journal(f"Starting {name}", name)
    if not program.migrates and not _may_run(program):
        tell_journal(f"{name} is skipped: slot {program.slot} is not live", name)
        _leave(name, "")
    now = time.monotonic()
    recent = tuple(one for one in before.attempts if now - one < LIMIT_SECONDS)
    if len(recent) >= LIMIT_STARTS:
        _give_up(program, GIVEN_UP, f"{name}: died again and again, and is started again after a pause")
    record = program_record.write(
        name,
        Record(
            pid=os.getpid(),
            phase=PAUSE if again else START,
            attempts=(*recent, now),
            restarts=before.restarts + again,
            migrated=before.migrated,
            began=now,
        ),
    )
    if again:
        time.sleep(PROCESS_PAUSE if program.process else SERVER_PAUSE)
    supervisord.end_leftovers(name)
    if program.is_server and not record.migrated:
        _migrate(program)
    if program.process:
        _wait_for_server(program)
    program_record.change(name, phase=START, migrated=True)
    _become(program)


def _may_run(program: Program) -> bool:
    question = slots.is_live if program.process else slots.may_run
    return question(program.layout, program.slot)


def _note_ending(name: str, before: Record) -> None:
    """Tell the journal how the process before this one ended, in systemd's words."""
    code, status = (before.code, before.status) if before.code else supervisord.ending(name, before.pid) or ("", "")
    if code:
        how = "exited" if code == "1" else "killed"
        tell_journal(f"{name}: Main process exited, code={how}, status={status}/n/a", name)


def _migrate(program: Program) -> None:
    """Have supervisord run the slot's migration once; give the start up when it fails."""
    name = program.layout.migrate_unit(program.slot)
    if not supervisord.has(name) or program.layout.migrated(program.slot).exists():
        return
    program_record.write(name, Record(began=time.monotonic()))
    supervisord.begin(name)
    while (info := _info(name)).get("statename") in ("STARTING", "RUNNING", "STOPPING"):
        time.sleep(POLL_SECONDS)
    status = int(info.get("exitstatus") or 0) if info.get("statename") == "EXITED" else -1
    result = SUCCESS if status == 0 else TIMEOUT if status == TIMED_OUT else EXIT
    code, number = ("1", str(status)) if status >= 0 else ("2", str(int(signal.SIGKILL)))
    program_record.change(name, result=result, ended=time.monotonic(), code=code, status=number)
    if result != SUCCESS:
        _give_up(program, "", f"{program.name}: its migration has failed")


def _info(name: str) -> dict[str, Any]:
    return (supervisord.processes() or {}).get(supervisord.program(name), {})


def _wait_for_server(program: Program) -> None:
    """Return when the server of the slot is not being started: a process finds what the migration made."""
    program_record.change(program.name, phase=WAITING)
    while program_state.show_all([program.server])[0]["ActiveState"] == "activating":
        time.sleep(POLL_SECONDS)


def _give_up(program: Program, result: str, why: str) -> NoReturn:
    """End this start for good: of a live slot, homeport-retry@.service tries again after a pause."""
    tell_journal(why, program.name)
    retry = program.layout.retry_unit(program.slot)
    subprocess.run(["systemctl", "start", "--no-block", "--", retry], check=False)
    _leave(program.name, result)


def _leave(name: str, result: str) -> NoReturn:
    """Have supervisord stop this program: one that merely ended would be started again."""
    program_record.change(name, result=result, pid=0)
    # Its answer comes after its signal.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    supervisord.attempt("stopProcess", supervisord.program(name), False, passing=(supervisord.NOT_RUNNING,))
    sys.exit(0)


def _of_newer_systemds() -> list[str]:
    """Return what a scope needs where systemd would end all of it for one process that was killed for its memory.

    Scopes have had OOMPolicy= since systemd 253 ("stop" unless told); before that they go on, and do not know the name.
    """
    said = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=False).stdout.split()
    return ["OOMPolicy=continue"] if len(said) > 1 and said[1].isdigit() and int(said[1]) >= OOM_POLICY_SINCE else []


def _become(program: Program) -> NoReturn:
    """Become `enter`, in a scope with the program's limits."""
    limits = [f"--property={one}" for one in (*program.content["properties"], *_of_newer_systemds())]
    # When the machine goes down, supervisord stops its programs, and systemd this scope after that.
    order = f"--property=Before={supervisord.SERVICE}"
    scope = ["systemd-run", "--scope", "--quiet", "--collect", f"--unit={supervisord.scope(program.name)}", order]
    words = [*scope, *limits, "--", LAUNCHER, "enter-program", program.name]
    os.execvp(words[0], words)  # noqa: S606 - no shell reads these words


def start_all(layout: Layout) -> None:
    """Start the servers of the slots that run when supervisord does: at boot, or after its own end."""
    for slot in SLOTS:
        name = layout.unit(slot)
        if supervisord.has(name) and supervisord.enabled(name) and slots.may_run(layout, slot):
            supervisord.begin(name)
