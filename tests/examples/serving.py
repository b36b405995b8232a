"""Run a sample application as its users do: its own virtual environment, the real server, real HTTP.

The environment is made from the application's lock, with hashes checked, and kept in the user's cache under the lock's
digest. Each server works on a copy of the application, so that a test can look at what was written beside the code.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.pace import patience, until

EXAMPLES = Path(__file__).parents[2] / "examples"

# Generous: importing the application takes a second here and ten on a machine that is busy with virtual hosts.
START_SECONDS = 60
STOP_SECONDS = 20


def environment(application: Path) -> Path:
    """Return the application's virtual environment, made once per lock and Python version."""
    lock = application / "requirements.txt"
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    venv = _cache() / f"{application.name}-{key}"
    complete = venv / "complete"
    with _locked(venv.with_suffix(".lock")):
        if not complete.exists():
            shutil.rmtree(venv, ignore_errors=True)
            for command in _install_commands(venv, lock):
                subprocess.run(command, check=True, timeout=300)
            complete.touch()
    return venv


def _cache() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "homeport" / "example-venvs"
    root.mkdir(parents=True, exist_ok=True)
    return root


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep two test runs from filling the same environment at the same time."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install_commands(venv: Path, lock: Path) -> list[list[str]]:
    """Return what makes the environment: by uv where there is one, since it takes a second and not half a minute."""
    python = str(venv / "bin" / "python")
    beside = Path(sys.executable).with_name("uv")
    if uv := shutil.which("uv") or (str(beside) if beside.exists() else None):
        # Compiled at installation: the server is kept from writing bytecode, and would compile at every start.
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(venv)]
        return [make, [*install, "--require-hashes", "-r", str(lock)]]
    install = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)]
    return [[sys.executable, "-m", "venv", str(venv)], install]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        value: dict[str, object] = json.loads(self.body)
        return value


class Application:
    """A copy of a sample application with its state beside it, and the commands that its units would run."""

    def __init__(self, name: str, directory: Path) -> None:
        self.code = directory / "code"
        self.state = directory / "state"
        self.log = directory / "log"
        self.venv = environment(EXAMPLES / name)
        self.state.mkdir()
        shutil.copytree(EXAMPLES / name, self.code, ignore=shutil.ignore_patterns(".*", "__pycache__"))

    @property
    def database(self) -> Path:
        return self.state / "notes.sqlite3"

    def run(self, *command: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's programs in the application's directory."""
        return subprocess.run(
            [str(self.venv / "bin" / command[0]), *command[1:]],
            cwd=self.code,
            env=self._variables(variables),
            check=check,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )

    def files(self) -> set[Path]:
        """Return every file beside the code."""
        return {path.relative_to(self.code) for path in self.code.rglob("*")}

    @contextlib.contextmanager
    def server(self, *arguments: str, workers: int = 2, **variables: str) -> Iterator[Server]:
        """Serve it with `fastapi run` until the block ends, started as the unit starts it."""
        port = _free_port()
        command = [str(self.venv / "bin" / "fastapi"), "run", "main.py", "--host", "127.0.0.1", "--port", str(port)]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [*command, "--workers", str(workers), *arguments],
                cwd=self.code,
                env=self._variables(variables),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        server = Server(process, port, self.log, workers)
        try:
            server.wait_for_workers()
            yield server
        finally:
            server.stop()

    def _variables(self, more: dict[str, str]) -> dict[str, str]:
        """Return the bare environment of a unit: no home, nothing of the test's own."""
        bare = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
        return bare | {"STATE_DIRECTORY": str(self.state)} | more


@dataclass
class Server:
    """A running server, and a client that opens a new connection for every request."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    workers: int

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience(30))
        payload = None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(connection):
            connection.request(method, path, payload, kind | sent)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def pids(self) -> set[int]:
        """Return the live workers: the log names every process that was started."""
        return {pid for pid in self._started() if Path(f"/proc/{pid}").exists()}

    def answered_by(self, path: str = "/health", tries: int = 60) -> set[int]:
        """Return the workers that answered; the kernel spreads connections over them as it likes."""
        return {int(str(self.get(path).json["pid"])) for _ in range(tries)}

    def wait_for_workers(self) -> None:
        """Wait until all workers are ready; a server of one worker listens only after it has said so."""
        self.wait_until(lambda: self._logged("startup complete") >= self.workers and self._listening())

    def wait_until(self, reached: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        done = until(lambda: self.process.poll() is not None or reached(), seconds, every=0.05)
        assert self.process.poll() is None, f"the server has ended:\n{self.output()}"
        assert done, f"not reached in {patience(seconds):.0f} s:\n{self.output()}"

    def stop(self) -> int:
        """Stop it as systemd does, by SIGTERM to the main process, and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def _started(self) -> list[int]:
        marker = "Started server process ["
        return [int(line.split(marker)[1].split("]")[0]) for line in self.output().splitlines() if marker in line]

    def _listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _logged(self, text: str) -> int:
        return self.output().count(text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
