"""The real `pyinfra` in a project of its own: what is wrong ends it before a connection is opened.

Every host of the project is an address on loopback where the test listens and counts who comes.
"""

from __future__ import annotations

import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from homeport.errors import EXIT_INTERRUPTED
from tests.pace import until

REPOSITORY = Path(__file__).parents[1]
PYINFRA = Path(sys.executable).with_name("pyinfra")
GROUP_DATA = """
app_name = "notes"
app_source = "app"
app_entrypoint = "main.py"
"""
INVENTORY = """
production = [
    (name, {{"ssh_hostname": "127.0.0.1", "ssh_port": {port}, "ssh_user": "debian", "domain": f"{{name}}.example.com"}})
    for name in ("web1", "web2")
]
"""


class Listener:
    """Accepts connections on loopback, closes them at once and counts them."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


@dataclass
class Project:
    folder: Path
    listener: Listener

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """Start pyinfra as a user does, without a terminal."""
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([str(PYINFRA), *arguments], **self._surroundings, **pipes, text=True)

    def started_on(self, terminal: int, *arguments: str) -> subprocess.Popen[str]:
        """Start pyinfra on a terminal, whose keys it gets."""
        words = ["setsid", "--ctty", str(PYINFRA), *arguments]
        return subprocess.Popen(words, **self._surroundings, stdin=terminal, stdout=terminal, stderr=terminal)

    @property
    def _surroundings(self) -> dict[str, Any]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        path = f"{self.folder}/bin:{os.environ['PATH']}"
        environment = {**os.environ, "HOME": str(home), "PATH": path, "PYTHONPATH": str(REPOSITORY)}
        return {"cwd": self.folder, "env": environment}

    def pyinfra(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run pyinfra to its end."""
        with self.started(*arguments) as process:
            try:
                output, errors = process.communicate(timeout=120)
            finally:
                process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def refusal(self, *arguments: str) -> list[str]:
        """Deploy with these arguments and have it refused before anything is connected to; return the errors."""
        done = self.pyinfra(*arguments)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert self.listener.connections == 0
        return [line for line in done.stderr.splitlines() if line.startswith("error: ")]


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.socket.close()


@pytest.fixture
def project(tmp_path: Path, listener: Listener) -> Project:
    for name in ("deploy.py", "config.py"):
        shutil.copy(REPOSITORY / name, tmp_path)
    (tmp_path / "group_data").mkdir()
    shutil.copy(REPOSITORY / "group_data" / "all.py", tmp_path / "group_data")
    (tmp_path / "group_data" / "production.py").write_text(GROUP_DATA)
    (tmp_path / "inventories").mkdir()
    (tmp_path / "inventories" / "production.py").write_text(INVENTORY.format(port=listener.port))
    app = tmp_path / "app"
    app.mkdir()
    (app / "main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    (app / "requirements.txt").write_text("fastapi[standard]==0.115.0\n")
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "first")):
        subprocess.run(["git", *identity, *command], cwd=app, check=True, capture_output=True)
    return Project(tmp_path, listener)


DEPLOY = ("inventories/production.py", "deploy.py", "-y")


def test_a_project_that_is_right_connects(project: Project) -> None:
    done = project.pyinfra(*DEPLOY)
    assert project.listener.connections > 0, f"{done.returncode}\n{done.stdout}{done.stderr}"
    assert done.returncode == 1
    assert "error: " not in done.stderr.splitlines()


def test_everything_that_is_wrong_with_the_settings_of_all_hosts_is_said_at_once(project: Project) -> None:
    lines = project.refusal(*DEPLOY, "--data", "workers=0", "--data", "domian=x", "--data", "health_path=health")
    assert sorted(line.split(": ")[1:3] for line in lines) == sorted(
        [host, key] for host in ("web1", "web2") for key in ("workers", "domian", "health_path")
    )
    assert len(lines) == 6
    assert any("did you mean 'domain'?" in line for line in lines)


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("group_data/production.py", "x = \n", "1: SyntaxError: invalid syntax"),
        (
            "inventories/production.py",
            'import os\n\nx = os.environ["HOMEPORT_NOPE"]\n',
            "3: KeyError: 'HOMEPORT_NOPE'; set that variable in the environment",
        ),
    ],
)
def test_a_python_error_in_inventory_or_group_data_is_one_line(
    project: Project, file: str, text: str, problem: str
) -> None:
    (project.folder / file).write_text(text)
    assert project.refusal(*DEPLOY) == [f"error: {file}:{problem}"]
    assert not (project.folder / "pyinfra-debug.log").exists()


def test_a_dry_run_checks_the_same(project: Project) -> None:
    [line] = project.refusal(
        "inventories/production.py", "deploy.py", "--dry", "--limit", "web1", "--data", "workers=0"
    )
    assert line.startswith("error: web1: workers: ")


def test_only_the_selected_hosts_are_checked(project: Project) -> None:
    lines = project.refusal(*DEPLOY, "--limit", "web2", "--data", "workers=0")
    assert [line.split(": ")[1] for line in lines] == ["web2"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("inventories/prodution.py", ()),
        ("inventories/prodution.py", ("--data", "ssh_hostname=127.0.0.1")),
        ("prodution", ("--limit", "web1")),
    ],
)
def test_an_inventory_that_does_not_exist_is_refused(project: Project, name: str, options: tuple[str, ...]) -> None:
    assert project.refusal(name, "deploy.py", "-y", *options) == [
        f"error: {name}: there is no such inventory; see the folder inventories/"
    ]


def test_an_inventory_without_hosts_is_refused(project: Project) -> None:
    (project.folder / "inventories" / "empty.py").write_text("empty = []\n")
    assert project.refusal("inventories/empty.py", "deploy.py", "-y") == [
        "error: inventories/empty.py: the inventory has no hosts; see the folder inventories/"
    ]


def test_a_limit_that_matches_nothing_is_refused(project: Project) -> None:
    assert project.refusal(*DEPLOY, "--limit", "web9") == [
        "error: --limit: no host is selected; see the names in the inventory"
    ]


def test_a_project_without_group_data_is_refused_with_the_cause(project: Project) -> None:
    shutil.rmtree(project.folder / "group_data")
    lines = project.refusal(*DEPLOY, "--limit", "web1")
    assert len(lines) >= 1
    assert all(line.startswith("error: web1: ") for line in lines)


def test_a_selection_without_the_machine_that_migrates_is_refused_with_what_to_do(project: Project) -> None:
    # One site on two machines: they share a database.
    migration = ("--data", "migrate_command=alembic upgrade head", "--data", "domain=notes.example.com")
    assert project.refusal(*DEPLOY, *migration, "--limit", "web2") == [
        "error: web2: --limit: the release has a migration, which runs on web1, and that host is not selected; "
        "add web1 to --limit, or set migrate_on to web2"
    ]
    done = project.pyinfra(*DEPLOY, *migration, "--limit", "web2", "--data", "migrate_on=web2")
    assert done.returncode == 1
    assert project.listener.connections > 0


def test_a_machine_that_the_inventory_does_not_have_cannot_migrate(project: Project) -> None:
    assert project.refusal(*DEPLOY, "--limit", "web1", "--data", "migrate_on=web3") == [
        "error: web1: migrate_on: the inventory has no host web3 with the application notes; choose one of: web1, web2"
    ]


def test_a_ref_that_does_not_exist_is_refused(project: Project) -> None:
    lines = project.refusal(*DEPLOY, "--limit", "web1", "--data", "app_ref=no-such-branch")
    assert len(lines) == 1
    assert lines[0].startswith("error: web1: app_ref: no commit 'no-such-branch' in ")


PREVIEW = (str(REPOSITORY / "homeport" / "entries" / "preview.py"), "-y", "--limit", "web1")
BRANCH = 'preview={"branch": "main", "until": "2030-01-01T00:00:00Z"}'


def test_a_preview_is_checked_with_its_source_and_needs_none_of_productions_secrets(project: Project) -> None:
    inventory, secrets = "inventories/production.py", ("--data", "secrets_file=no-such-file")
    done = project.pyinfra(inventory, *PREVIEW, "--data", BRANCH, *secrets)
    assert project.listener.connections > 0, done.stdout + done.stderr
    assert "secrets_file" not in done.stdout + done.stderr
    project.listener.connections = 0
    [line] = project.refusal(inventory, *PREVIEW, "--data", BRANCH, "--data", "app_ref=no-such-branch")
    assert "app_ref: no commit 'no-such-branch'" in line


def test_a_variable_that_only_productions_secrets_give_is_named_before_a_preview_begins(project: Project) -> None:
    settings = "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n    database_url: str\n"
    (project.folder / "app" / "main.py").write_text(f"from fastapi import FastAPI\n{settings}app = FastAPI()\n")
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    subprocess.run(["git", *identity, "commit", "-qam", "x"], cwd=project.folder / "app", check=True)
    words = ("inventories/production.py", *PREVIEW, "--data", BRANCH)
    assert project.refusal(*words) == [
        "error: web1: preview_environment: main.py has no default for DATABASE_URL, and a preview gets none of "
        "production's secrets; set it there, or in preview_secrets_file"
    ]
    project.pyinfra(*words, "--data", 'preview_environment={"DATABASE_URL": "sqlite://"}')
    assert project.listener.connections > 0


def test_a_secrets_file_that_is_wrong_is_refused_without_its_content(project: Project) -> None:
    (project.folder / "x.secrets.env").write_text("hunter2\n")
    done = project.pyinfra(*DEPLOY, "--limit", "web1", "--data", "secrets_file=x.secrets.env")
    assert done.returncode == 2
    assert "hunter2" not in done.stdout + done.stderr
    assert "error: web1: secrets_file: line 1 is not NAME=value" in done.stderr
    assert project.listener.connections == 0


def test_a_mistake_in_an_override_is_refused_with_file_and_line(project: Project) -> None:
    path = project.folder / "overrides" / "nginx" / "site.conf"
    path.parent.mkdir(parents=True)
    path.write_text("# mine\n{{ domian }}\n")
    [line] = project.refusal(*DEPLOY, "--limit", "web1")
    assert line.endswith(f"{path}:2: template cannot be rendered: 'domian' is undefined")


def test_a_value_of_the_command_line_is_never_shown(project: Project) -> None:
    done = project.pyinfra(*DEPLOY, "--data", "workers=hunter2", "--data", 'environment={"A B": "hunter2"}')
    assert done.returncode == 2
    assert "hunter2" not in done.stdout + done.stderr


def test_other_uses_of_pyinfra_in_the_project_are_left_alone(project: Project) -> None:
    done = project.pyinfra("@local", "exec", "--", "echo", "hello from a shell")
    assert done.returncode == 0, done.stderr
    assert "hello from a shell" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("deploy.py", "--data", "release=previous"),
        (str(REPOSITORY / "homeport" / "entries" / "restart.py"),),
        (str(REPOSITORY / "homeport" / "entries" / "rollback.py"),),
    ],
)
def test_what_needs_only_the_hosts_needs_neither_source_nor_secrets(
    project: Project, arguments: tuple[str, ...]
) -> None:
    shutil.rmtree(project.folder / "app")
    done = project.pyinfra("inventories/production.py", *arguments, "-y", "--data", "secrets_file=no-such-file")
    assert project.listener.connections > 0
    assert "app_source" not in done.stdout + done.stderr
    assert "secrets_file" not in done.stdout + done.stderr


@pytest.mark.parametrize("value", ["../x", "-x", "", "1.5"])
def test_a_release_that_is_no_id_is_refused(project: Project, value: str) -> None:
    [line] = project.refusal(*DEPLOY, "--limit", "web1", "--data", f"release={value}")
    assert line.startswith("error: web1: release: ")


# Sends the interrupt where only that thread would end by it.
OWN_THREAD = """
import os, pathlib, signal, threading, time

def interrupt():
    while not pathlib.Path("begun").exists():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
"""


@pytest.fixture
def command(project: Project) -> Iterator[str]:
    """A command that is at work, once `begun` is there, until the test has ended."""
    end = project.folder / "end"
    os.mkfifo(end)
    # Held open, or whoever opens it would wait, and the command with it.
    handle = os.open(end, os.O_RDWR)
    yield f"touch {project.folder}/begun; read line <{end}"
    os.write(handle, b"now\n")
    os.close(handle)


def at_work(project: Project, process: subprocess.Popen[str]) -> None:
    """Return when the command is at work."""
    assert until(lambda: process.poll() is not None or (project.folder / "begun").exists(), every=0.01)
    assert process.poll() is None


@pytest.mark.parametrize("from_thread", [False, True])
def test_an_interrupt_ends_the_run_while_a_host_is_still_at_work(
    project: Project, command: str, *, from_thread: bool
) -> None:
    if from_thread:
        with (project.folder / "config.py").open("a") as config:
            config.write(OWN_THREAD)
    with project.started("@local", "exec", "--", command) as process:
        try:
            at_work(project, process)
            if not from_thread:
                process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == EXIT_INTERRUPTED
        finally:
            process.kill()
        assert process.stdout
        assert process.stderr
        # The command has them too, so there is no end to wait for.
        output, errors = (os.read(pipe.fileno(), 65536).decode() for pipe in (process.stdout, process.stderr))
    assert "Traceback" not in output + errors
    assert errors.count("interrupted; a host finishes the phase that it is in") == 1


def test_an_interrupt_ends_the_run_although_whoever_read_its_output_has_ended_first(
    project: Project, command: str
) -> None:
    with project.started("@local", "exec", "--", command) as process:
        try:
            at_work(project, process)
            assert process.stdout
            assert process.stderr
            process.stdout.close()
            process.stderr.close()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == EXIT_INTERRUPTED
        finally:
            process.kill()


def test_an_interrupt_ends_a_run_that_asks_for_a_password(project: Project) -> None:
    sudo = project.folder / "bin" / "sudo"
    sudo.parent.mkdir()
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(0o755)
    keyboard, terminal = pty.openpty()
    with project.started_on(terminal, "@local", "exec", "--sudo", "--", "true") as process:
        os.close(terminal)
        try:
            shown = b""
            while b"sudo password: " not in shown:
                shown += os.read(keyboard, 1024)
            os.write(keyboard, b"\x03")
            assert process.wait(timeout=60) == EXIT_INTERRUPTED, shown
        finally:
            process.kill()
    os.close(keyboard)
