"""The second half of a start by supervisord, in the scope of the program: `homeport-host enter-program UNIT`.

It has the rights, the folder and the variables of the application's user, and then becomes the application. A process
beside it watches a server's start, as the health gate of a unit does.
"""

from __future__ import annotations

import os
import pwd
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from ..services import health, program_record, supervisord
from ..services.program_record import GIVEN_UP, PRE, START, UP, Record
from ..system import journal_stream
from ..system.layout import Layout
from . import program_environment, slots
from .supervised_program import Program, program_of

FILES = 65536
POLL_SECONDS = 0.2
# How long supervisord may take to write down the end of a process.
LOG_SECONDS = 5.0


def enter(name: str) -> NoReturn:
    """Become the process of a program, as the application's user, in its folder and with its variables."""
    program = program_of(name)
    content, user = program.content, pwd.getpwnam(program.layout.app)
    journal_stream.take_output(content["identifier"], supervisord.scope(name))
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
        step = [*as_user, script, program.process or "server"]
        with journal_stream.opened("before-start", supervisord.scope(name)) as stream:
            output = stream.fileno()
            if subprocess.run(step, env=variables, stdout=output, stderr=output, check=False).returncode:
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
