"""The developer's machine: running commands on it, telling the user what takes time, and installing what is missing.

It decides nothing about the lab.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from homeport.errors import LabError

PACKAGE_OF = {
    "dnsmasq": "dnsmasq-base",
    "fakeroot": "fakeroot",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "newuidmap": "uidmap",
    "nft": "nftables",
    "openssl": "openssl",
    "pebble": "pebble",
    "qemu-img": "qemu-utils",
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-system-x86_64": "qemu-system-x86",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "systemd-nspawn": "systemd-container",
}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def cache_directory() -> Path:
    """Return where images and downloads are kept: HOMEPORT_CACHE, or homeport/ in the user's cache directory."""
    if named := os.environ.get("HOMEPORT_CACHE"):
        return Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "homeport"


def progress(line: str) -> None:
    """Tell the user, on stderr, what takes time just now."""
    click.echo(f"lab: {line}", err=True)


def run(
    argv: Sequence[str], *, stdin: str | None = None, check: bool = True, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of the machine and return its output; with `check`, a failure is a LabError with its last line."""
    try:
        done = subprocess.run(argv, input=stdin or "", capture_output=True, text=True, env=env, check=False)
    except FileNotFoundError:
        raise LabError(f"the command '{argv[0]}' is missing on this machine") from None
    if check and done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise LabError(f"'{' '.join(argv[:4])} …' failed with status {done.returncode}: {last}")
    return done


def find_command(name: str) -> str | None:
    """Return a command's path; the sbin directories are searched even when the user's PATH lacks them."""
    return shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)


def require_root(what: str) -> None:
    """Raise LabError unless we are root on Linux."""
    if sys.platform != "linux":
        raise LabError(f"{what} needs Linux", fix="run it in a Debian or Ubuntu machine")
    if os.geteuid() != 0:
        raise LabError(f"{what} needs root", fix="use sudo, or take '--backend qemu', which does not")


def require_commands(*commands: str) -> None:
    """Install the Debian packages of those commands that are missing; raise LabError where that is not possible."""
    missing = sorted({PACKAGE_OF[command] for command in commands if find_command(command) is None})
    if not missing:
        return
    if find_command("apt-get") is None:
        raise LabError(f"this machine lacks {', '.join(missing)}", fix="install them with the system's package manager")
    if os.geteuid() != 0:
        raise LabError(
            f"this machine lacks {', '.join(missing)}", fix=f"run 'apt-get install {' '.join(missing)}' as root"
        )
    progress(f"installing {', '.join(missing)} on this machine …")
    install(missing)


def install(packages: Sequence[str]) -> None:
    """Install Debian packages on the machine, refreshing apt's lists only when it does not work without."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    lock = ("-o", "DPkg::Lock::Timeout=600")
    command = ["apt-get", "install", "-qy", "--no-install-recommends", *lock, *packages]
    if run(command, env=env, check=False).returncode != 0:
        run(["apt-get", "update", "-q", *lock], env=env)
        run(command, env=env)


def hand_over(*paths: Path) -> None:
    """Give files that we made under sudo to the user who called it, who is to use them without."""
    if os.geteuid() == 0 and (user := os.environ.get("SUDO_UID")):
        for path in paths:
            os.chown(path, int(user), int(os.environ.get("SUDO_GID", "-1")))
