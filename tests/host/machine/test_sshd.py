"""When sshd counts as having taken its settings up; a small server that executes itself anew at SIGHUP stands in."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homeport.host.machine import sshd
from homeport.host.system.output import HostError
from tests.host.fake_programs import ServiceManager
from tests.pace import until

# It listens half a second after it has executed itself anew.
SERVER = """
import os, signal, socket, sys, time
signal.signal(signal.SIGHUP, lambda *_: os.execv(sys.executable, [sys.executable, *sys.argv[:2], "again"]))
if sys.argv[2:]:
    time.sleep(0.5)
listener = socket.create_server(("127.0.0.1", 0))
open(sys.argv[1], "w").write(" ".join(sys.argv[2:]) or "first")
while True:
    signal.pause()
"""
ANEW = 'os.execv(sys.executable, [sys.executable, *sys.argv[:2], "again"])'
DEAF, MORTAL = SERVER.replace(ANEW, "None"), SERVER.replace(ANEW, "os._exit(1)")


class Server:
    """A server, and the manager that reloads it."""

    def __init__(self, folder: Path, program: str) -> None:
        self.manager, self.note = ServiceManager(), folder / "note"
        (folder / "server.py").write_text(program)
        self.process = subprocess.Popen([sys.executable, folder / "server.py", self.note])
        # As systemd does with what it has started: what has ended is gone.
        threading.Thread(target=self.process.wait, daemon=True).start()
        assert until(lambda: self.said == "first", every=0.02)

    @property
    def said(self) -> str:
        """Return which of its executions listens."""
        return self.note.read_text() if self.note.exists() else ""

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        done = self.manager.run(*command)
        if command[:2] == ("systemctl", "reload") and not done.returncode:
            self.process.send_signal(signal.SIGHUP)
        return done

    def show(self, unit: str) -> dict[str, str]:
        up = unit in self.manager.active and self.process.poll() is None
        return {"ActiveState": "active" if up else "inactive", "MainPID": str(self.process.pid)}


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Server]]:
    """A function that starts a server from a program."""
    begun: list[Server] = []

    def begin(program: str) -> Server:
        server = Server(tmp_path, program)
        begun.append(server)
        monkeypatch.setattr(sshd, "run", server.run)
        monkeypatch.setattr(sshd, "run_checked", server.run)
        monkeypatch.setattr(sshd, "show", server.show)
        monkeypatch.setattr(sshd, "is_active", lambda unit: unit in server.manager.active)
        return server

    yield begin
    for server in begun:
        server.process.kill()
        server.process.wait()


def test_a_reload_is_over_when_the_new_one_listens(serving: Callable[[str], Server]) -> None:
    server = serving(SERVER)
    sshd.reload()
    assert server.said == "again"


def test_an_sshd_that_does_not_start_anew_has_not_read_its_settings(
    serving: Callable[[str], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    serving(DEAF)
    monkeypatch.setattr(sshd, "RELOAD_SECONDS", 0.3)
    with pytest.raises(HostError, match="sshd did not apply its settings"):
        sshd.reload()


def test_an_sshd_that_ends_is_an_error(serving: Callable[[str], Server]) -> None:
    serving(MORTAL)
    with pytest.raises(HostError, match="sshd ended when it was reloaded"):
        sshd.reload()


def test_a_reload_that_the_manager_refuses_is_told_with_its_words(serving: Callable[[str], Server]) -> None:
    server = serving(SERVER)
    server.manager.refusing["systemctl"] = "Job for ssh.service failed"
    with pytest.raises(HostError, match=r"sshd cannot be reloaded: Job for ssh\.service failed"):
        sshd.reload()


def test_where_systemd_listens_the_service_is_stopped_and_nothing_reloaded(serving: Callable[[str], Server]) -> None:
    server = serving(SERVER)
    server.manager.active.add("ssh.socket")
    sshd.reload()
    assert server.manager.was_asked("systemctl", "stop", "ssh.service")
    assert not server.manager.was_asked("systemctl", "reload")
    assert "ssh.socket" in server.manager.active


def test_a_stopped_sshd_needs_no_reload(serving: Callable[[str], Server]) -> None:
    server = serving(SERVER)
    server.manager.active.clear()
    sshd.reload()
    assert not server.manager.was_asked("systemctl", "reload")
