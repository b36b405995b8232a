"""The lab's SSH keys: one client key that opens all hosts, and a host key per host, made before it boots and known from
the start.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from homeport.lab.machine import run
from homeport.lab.model import LabDirectory

HOST_KEY = "ssh_host_ed25519_key"


def client_public_key(directory: LabDirectory) -> str:
    """Return the line for `authorized_keys`; the key is made when there is none yet."""
    if not directory.key_file.exists():
        directory.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _generate(directory.key_file, "homeport-lab")
    return directory.key_file.with_suffix(".pub").read_text()


def host_key(host_directory: Path, name: str) -> Path:
    """Return the file with a host's private key (the public one is beside it, `.pub`); made when there is none yet."""
    key = host_directory / HOST_KEY
    if not key.exists():
        host_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _generate(key, name)
    return key


def public_host_key(host_directory: Path, name: str) -> str:
    """Return a host's public key, as one line."""
    key = host_key(host_directory, name)
    return key.with_name(f"{key.name}.pub").read_text()


def remember(directory: LabDirectory, address: str, port: int, public_key: str) -> None:
    """Put a host's key into the lab's known_hosts, in the place of any earlier one for this address."""
    kind, key = public_key.split()[:2]
    _rewrite(directory, _pattern(address, port), f"{_pattern(address, port)} {kind} {key}\n")


def forget(directory: LabDirectory, address: str, port: int) -> None:
    """Take a host's key out of the lab's known_hosts."""
    _rewrite(directory, _pattern(address, port), "")


def _pattern(address: str, port: int) -> str:
    return address if port == 22 else f"[{address}]:{port}"


def _rewrite(directory: LabDirectory, pattern: str, line: str) -> None:
    with (directory.path / "known_hosts.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = directory.known_hosts_file
        old = file.read_text().splitlines(keepends=True) if file.exists() else []
        new = file.with_suffix(".new")
        new.write_text("".join(one for one in old if one.split()[0] != pattern) + line)
        new.replace(file)


def _generate(key: Path, comment: str) -> None:
    """Make an ed25519 key by rename, so that an interrupted run leaves no half of a pair behind."""
    temporary = key.with_name(f"{key.name}.{os.getpid()}")
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(temporary)])
    temporary.with_name(f"{temporary.name}.pub").replace(key.with_name(f"{key.name}.pub"))
    temporary.replace(key)
