"""The ssh command line for a lab host, running a command there, and waiting until its sshd answers."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable

from homeport.errors import LabError
from homeport.lab.model import LabDirectory, LabHost

RETRY_SECONDS = 0.02
LOOK_SECONDS = 0.5  # between looks at whether the machine lives
EMULATED_SECONDS = 60  # for the handshake: a machine whose processor is emulated on a busy computer needs several


def command_line(directory: LabDirectory, host: LabHost, *options: str) -> list[str]:
    """Return the ssh command for a host, complete but for the remote command: the lab's key and known_hosts, nothing
    of the user's.
    """
    settings = {
        "IdentityFile": directory.key_file,
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": directory.known_hosts_file,
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        # One that lasts takes a fifth of a second of the processor, and this line does not leave the computer.
        "KexAlgorithms": "^curve25519-sha256",
        "ConnectTimeout": 5 if host.backend == "nspawn" else EMULATED_SECONDS,
        "ServerAliveInterval": EMULATED_SECONDS,
        "LogLevel": "ERROR",
        "Port": host.port,
    }
    given = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
    return ["ssh", "-F", "none", *given, *options, f"{host.user}@{host.address}"]


def run(
    directory: LabDirectory,
    host: LabHost,
    command: str,
    *,
    stdin: str | None = None,
    timeout_seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a shell command on a host, as its user, and return status and output; 255 means that ssh itself failed."""
    argv = [*command_line(directory, host, "-o", "BatchMode=yes"), "--", command]
    return subprocess.run(
        argv, input=stdin or "", capture_output=True, text=True, errors="replace", timeout=timeout_seconds, check=False
    )


def wait(
    directory: LabDirectory,
    host: LabHost,
    *,
    timeout_seconds: float,
    alive: Callable[[], bool] = lambda: True,
    unlike_boot: str = "",
) -> str:
    """Wait until the host lets its user in, and return its boot id, which differs from `unlike_boot`.

    Raises LabError when the time is over or `alive` says that the machine has ended.
    """
    until = time.monotonic() + timeout_seconds
    problem, next_look = "no answer", time.monotonic() + LOOK_SECONDS
    while time.monotonic() < until:
        if greets(host):
            answer = run(directory, host, "cat /proc/sys/kernel/random/boot_id")
            if answer.returncode == 0 and answer.stdout.strip() != unlike_boot:
                return answer.stdout.strip()
            problem = (answer.stderr.strip() or "it has not restarted yet").splitlines()[-1]
        elif time.monotonic() > next_look:
            next_look = time.monotonic() + LOOK_SECONDS
            if not alive():
                raise LabError("the machine ended while it was starting", host=host.name)
        time.sleep(RETRY_SECONDS)
    raise LabError(f"no SSH login within {timeout_seconds:.0f} s: {problem}", host=host.name)


def greets(host: LabHost) -> bool:
    """Tell whether an SSH server answers; far cheaper than a login, and most attempts fail while a machine boots."""
    try:
        with socket.create_connection((host.address, host.port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
