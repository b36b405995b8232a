"""The floor: `floor.sh` with the files of a host that homeport has provisioned, sent over one SSH connection.

Taking the files from there makes the work the same by construction; making them is not part of the floor's time.
"""

from __future__ import annotations

import shlex
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import BenchmarkError, Finished
from benchmarks.stage import Stage
from homeport.controller.folders import TEMPLATES
from homeport.lab import LabHost
from homeport.machine.packages import PACKAGES

SCRIPT = Path(__file__).with_name("floor.sh")
APP = "notes"
# What the default settings want on a machine besides PACKAGES.
FURTHER_PACKAGES = ("nftables", "unattended-upgrades", "logrotate")
# What homeport writes; shell patterns.
MANAGED = (
    "etc/apt/apt.conf.d/52homeport",
    "etc/homeport",
    "etc/letsencrypt/renewal-hooks",
    "etc/logrotate.d/nginx",
    "etc/modprobe.d/homeport.conf",
    "etc/nginx/homeport",
    "etc/nginx/nginx.conf",
    "etc/security/limits.d/homeport.conf",
    "etc/ssh/sshd_config.d/00-homeport.conf",
    "etc/sysctl.d/60-homeport.conf",
    "etc/systemd/journald.conf.d",
    "etc/systemd/system/homeport-*",
    "etc/systemd/system/logrotate.timer.d",
    "etc/systemd/system/multi-user.target.wants/homeport-upkeep@*",
    "etc/systemd/system/nftables.service.d",
    "etc/systemd/system/nginx.service.d",
    f"etc/systemd/system/{APP}*.service",
    f"srv/{APP}",
    "usr/local/bin/certbot",
    "usr/local/lib/homeport",
    f"var/cache/homeport/{APP}",
    f"var/lib/{APP}",
    "var/www/homeport-acme",
)
# What the machine makes: the floor makes it, too.
MADE_THERE = (
    f"etc/homeport/{APP}/placeholder",
    f"etc/homeport/{APP}/tls",
    f"srv/{APP}/releases.jsonl",
    f"srv/{APP}/venvs/*",
    "usr/local/lib/homeport/tools-*",
    "*/__pycache__",
    f"var/cache/homeport/{APP}/*",
    f"var/lib/{APP}/*",
    f"var/lib/{APP}/.*",
)


@dataclass(frozen=True)
class Floor:
    """The payload (script, files, lock of the tools) and the release in it."""

    payload: Path
    release: str


def prepare(stage: Stage, host: LabHost) -> Floor:
    """Make the floor from the files of a host that homeport has provisioned."""
    excluded = [f"--exclude={pattern}" for pattern in MADE_THERE]
    tar = shlex.join(["tar", "-cf", "-", "--wildcards", *excluded]) + f" {' '.join(MANAGED)}"
    files, payload = stage.folder / "files.tar", stage.folder / "floor.tar.gz"
    save(stage, host, f"sudo sh -c {shlex.quote(f'cd / && {tar}')}", files)
    with tarfile.open(payload, "w:gz") as archive:
        archive.add(files, "files.tar")
        archive.add(SCRIPT, SCRIPT.name)
        archive.add(TEMPLATES / "tools" / "requirements.txt", "tools.txt")
    release = stage.ssh(host, f"sudo readlink /srv/{APP}/slots/blue").output.strip().rpartition("/")[2]
    return Floor(payload, release)


def provision(stage: Stage, host: LabHost, floor: Floor) -> Finished:
    """Provision a fresh host in one go: one connection, one command."""
    authority = stage.lab.directory.load().acme_directory
    words = shlex.join(["sh", "./floor.sh", APP, floor.release, host.domain, authority, *PACKAGES, *FURTHER_PACKAGES])
    inner = f"cd $(mktemp -d) && tar -xzf - && exec {words} </dev/null"
    return stage.ssh(host, f"sudo sh -c {shlex.quote(inner)}", stdin=floor.payload)


def save(stage: Stage, host: LabHost, command: str, target: Path) -> None:
    """Write what a command on the host prints to a file; raise BenchmarkError when it fails."""
    argv = [*stage.connect(host), "--", command]
    with target.open("wb") as file:
        done = subprocess.run(argv, stdout=file, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"the files of {host.name} cannot be read: {done.stderr.decode(errors='replace')}")
