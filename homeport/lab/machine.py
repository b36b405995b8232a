"""The developer's machine: running commands on it, telling the user what takes time, and installing what is missing.

It decides nothing about the lab.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from homeport.errors import LabError

PACKAGE_OF = {
    "curl": "curl",
    "dnsmasq": "dnsmasq-base",
    "fakechroot": "fakechroot",
    "fakeroot": "fakeroot",
    "git": "git",
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
DPKG_LOCK = Path("/var/lib/dpkg/lock-frontend")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def cache_directory() -> Path:
    """Return where images and downloads are kept: HOMEPORT_CACHE, or homeport/ in the user's cache directory."""
    if named := os.environ.get("HOMEPORT_CACHE"):
        return Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "homeport"


def progress(line: str) -> None:
    """Tell the user, on stderr, what takes time just now."""
    print(f"lab: {line}", file=sys.stderr, flush=True)


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


def require_commands(*commands: str, packages: Iterable[str] = ()) -> None:
    """Install the Debian packages of those commands that are missing, and these (known to be missing), all in one go.

    Raises LabError where that is not possible, with everything that is missing and the command that installs it.
    """
    missing = sorted({PACKAGE_OF[command] for command in commands if find_command(command) is None} | set(packages))
    if not missing:
        return
    lacks = f"this computer lacks {', '.join(missing)}"
    if find_command("apt-get") is None:
        raise LabError(
            lacks, fix="install the packages that have these names in Debian with the system's package manager"
        )
    if may_not_install():
        command = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(missing)}"
        raise LabError(lacks, fix=f"run as root: {command}")
    progress(f"installing {', '.join(missing)} on this computer …")
    install(missing)


def may_not_install() -> str:
    """Return why packages cannot be installed, an empty string where they can: opens dpkg's lock, as apt does first."""
    try:
        DPKG_LOCK.open("a").close()
    except OSError as error:
        return f"{DPKG_LOCK}: {error.strerror}"
    return ""


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
