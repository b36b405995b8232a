"""What stands before each process that supervisord runs: `homeport-host run-program UNIT`, which becomes that process.

supervisord starts a program, starts it again and stops it. What a unit of systemd has besides is here: a condition, a
migration once, a pause, an end of restarts, a health gate. Two parts: `run`, outside, and `enter`, in a scope of
systemd's that has the memory limit, with the journal for its output and then the rights of the application's user. The
process id stays the same from supervisord's fork to the application.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ..services import health, program_record, program_state, supervisord
from ..services.program_record import EXIT, GIVEN_UP, PAUSE, PRE, START, SUCCESS, TIMEOUT, UP, WAITING, Record
from ..services.release_description import Release, load
from ..system.layout import LAUNCHER, SLOTS, Layout
from ..system.output import tell_journal
from . import program_environment, slots

# As the units have them (templates/systemd/app@.service).
LIMIT_SECONDS, LIMIT_STARTS = 75.0, 5
SERVER_PAUSE, PROCESS_PAUSE = 0.5, 2.0
FILES = 65536
POLL_SECONDS = 0.2
# timeout(1): of a command that was stopped for its time.
TIMED_OUT = 124
# How long supervisord may take to write down the end of a process.
LOG_SECONDS = 5.0
UNIT = re.compile(
    r"(?P<app>[a-z][a-z0-9-]*?)(?P<migrate>-migrate)?(\.(?P<process>[^@.]+))?@(?P<slot>blue|green)\.service"
)


class Program(NamedTuple):
    """A program of a slot: `process` is its name, "" for the server and for a migration."""

    name: str
    layout: Layout
    slot: str
    process: str
    migrates: bool

    @property
    def is_server(self) -> bool:
        """Whether it is the slot's server."""
        return not self.process and not self.migrates

    @property
    def server(self) -> str:
        """The unit of the server of its slot."""
        return self.layout.unit(self.slot)

    @property
    def release(self) -> Release:
        """The release of its slot."""
        return load(self.layout, slots.linked_release(self.layout, self.slot) or "")

    @property
    def content(self) -> dict[str, Any]:
        """What the release says of it (programs.json)."""
        whole: dict[str, Any] = json.loads((self.layout.links(self.slot)[1] / "programs.json").read_text())
        own = whole["processes"][self.process] if self.process else whole["migrate" if self.migrates else "server"]
        return {**whole, **own, "environment": {**whole["environment"], **own.get("environment", {})}}


def program_of(name: str) -> Program:
    """Return the program of a unit's name; raise ValueError for other names."""
    found = UNIT.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is no unit of an application")
    return Program(name, Layout(found["app"]), found["slot"], found["process"] or "", bool(found["migrate"]))


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
    """Return once the server of the slot is up: it finds what the migration made."""
    program_record.change(program.name, phase=WAITING)
    while program_state.show_all([program.server])[0]["ActiveState"] != "active":
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
    supervisord.attempt("stopProcess", supervisord.program(name), False, passing=(supervisord.NOT_RUNNING,))
    while True:
        signal.pause()


def _become(program: Program) -> NoReturn:
    """Become `enter`, in a scope with the program's limits and with the journal for its output."""
    content = program.content
    limits = [f"--property={one}" for one in content["properties"]]
    # When the machine goes down, supervisord stops its programs, and systemd this scope after that.
    order = f"--property=Before={supervisord.SERVICE}"
    scope = ["systemd-run", "--scope", "--quiet", "--collect", f"--unit={supervisord.scope(program.name)}", order]
    journal = ["systemd-cat", f"--identifier={content['identifier']}"]
    words = [*scope, *limits, "--", *journal, LAUNCHER, "enter-program", program.name]
    os.execvp(words[0], words)  # noqa: S606 - no shell reads these words


def enter(name: str) -> NoReturn:
    """Become the process of a program, as the application's user, in its folder and with its variables."""
    program = program_of(name)
    content, user = program.content, pwd.getpwnam(program.layout.app)
    variables = program_environment.variables(program.layout, program.slot, content["environment"], user)
    _prepare_state(program.layout.state, user)
    os.umask(0o077)
    os.chdir(program.layout.links(program.slot)[0])
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    as_user = ["setpriv", f"--reuid={user.pw_name}", f"--regid={user.pw_gid}", "--init-groups"]
    as_user += ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]
    if content.get("before_start"):
        program_record.change(name, phase=PRE)
        script = str(program.layout.links(program.slot)[1] / "before-start")
        step = ["systemd-cat", "--identifier=before-start", *as_user, script, program.process or "server"]
        if subprocess.run(step, env=variables, check=False).returncode:
            sys.exit(1)
    if program.is_server:
        program_record.change(name, phase=START)
        _guard(program, content["stop_timeout_seconds"], user)
    else:
        program_record.change(name, phase=START if program.migrates else UP)
    places = {"@SLOT@": program.slot, "@PORT@": variables.get("HOMEPORT_PORT", "")}
    words = [*as_user, *(program_environment.placed(word, places) for word in content["command"])]
    os.execvpe(words[0], words, variables)  # noqa: S606 - no shell reads these words


def _prepare_state(folder: Path, user: pwd.struct_passwd) -> None:
    """Make the state folder, as StateDirectory= does, where it is not there."""
    if not folder.exists():
        folder.mkdir(mode=0o750)
        os.chown(folder, user.pw_uid, user.pw_gid)


def _guard(program: Program, stop_seconds: float, user: pwd.struct_passwd) -> None:
    """Have a process of its own watch this start, which is nobody's child: the server knows nothing of it."""
    pid = os.getpid()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    try:
        _watch(program, pid, stop_seconds, user)
    finally:
        os._exit(0)


def _watch(program: Program, pid: int, stop_seconds: float, user: pwd.struct_passwd) -> None:
    """Wait until the server is healthy; end it when it takes too long, as a unit's ExecStartPost= does."""
    release = program.release
    name, port = health.site_name(program.layout), release.ports[program.slot]
    # Asks as the application's user, whose own process it is that may answer.
    os.setresuid(user.pw_uid, user.pw_uid, 0)
    result = health.wait(port, release.health, name, pid)
    os.setresuid(0, 0, 0)
    ended = _ending(program.name, pid) if result == health.PROCESS_GONE else None
    record = program_record.read(program.name)
    if record is None or record.pid != pid:
        return
    code, status = ended or ("", "")
    phase = UP if result == health.HEALTHY else START
    program_record.write(program.name, record._replace(gate=result, phase=phase, code=code, status=status))
    if result == health.HEALTHY and slots.is_live(program.layout, program.slot):
        start_beside(program.layout, program.slot)
    if result == health.TOO_LATE:
        _end(pid, stop_seconds)


def _ending(name: str, pid: int) -> tuple[str, str] | None:
    """Return how the process ended, as soon as supervisord has written that down."""
    late = time.monotonic() + LOG_SECONDS
    while not (found := supervisord.ending(name, pid)) and time.monotonic() < late:
        time.sleep(POLL_SECONDS)
    return found


def _end(pid: int, stop_seconds: float) -> None:
    """End the server; supervisord starts it again."""
    group, late = os.getpgid(pid), time.monotonic() + stop_seconds
    os.kill(pid, signal.SIGTERM)
    while supervisord.is_alive(pid) and time.monotonic() < late:
        time.sleep(POLL_SECONDS)
    if supervisord.is_alive(pid):
        os.killpg(group, signal.SIGKILL)


def start_beside(layout: Layout, slot: str) -> None:
    """Have the processes of a live slot run, but for those that homeport has given up for a while."""
    for name in supervisord.names(layout.app, slot):
        given_up = (program_record.read(name) or Record()).result == GIVEN_UP
        if name.startswith(f"{layout.app}.") and not given_up:
            supervisord.begin(name)


def start_all(layout: Layout) -> None:
    """Start the servers of the slots that run when supervisord does: at boot, or after its own end."""
    for slot in SLOTS:
        name = layout.unit(slot)
        if supervisord.has(name) and supervisord.enabled(name) and slots.may_run(layout, slot):
            supervisord.begin(name)
