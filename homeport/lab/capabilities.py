"""The rights of the user on this computer, found by trying each once in a harmless form.

Neither a user's id nor a list of capabilities tells: root in a container may not mount, and a plain user may often make
namespaces of his own. Nothing that is tried stays. Standard library only, since it runs before there is an environment.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeport.lab import kernel

ADD_BRIDGE, REMOVE_BRIDGE = 0x89A0, 0x89A1  # SIOCBRADDBR and SIOCBRDELBR of linux/sockios.h
NAME_BYTES = 16  # IFNAMSIZ
OVERLAY = (
    'mkdir "$1/lower" "$1/upper" "$1/work" "$1/root" && mount -t overlay overlay '
    '-o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/root"'
)
SUBORDINATE_IDS = Path("/etc/subuid")
SECONDS = 20


@dataclass(frozen=True)
class Capabilities:
    """For each thing that the lab may need: an empty string where it works here, else why it does not."""

    linux: str = ""
    mount: str = ""
    overlay: str = ""
    bridge: str = ""
    kernel_settings: str = ""
    chroot: str = ""
    user_namespaces: str = ""


def try_capabilities(folder: Path) -> Capabilities:
    """Try everything; `folder` is where the lab's disks are to lie, or will be made in (overlays depend on it)."""
    if sys.platform != "linux":
        return Capabilities(linux=f"this is {sys.platform}")
    mount = _fails("unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /")
    return Capabilities(
        mount=mount,
        overlay=mount or _overlay(_existing(folder)),
        bridge=_bridge(),
        kernel_settings=_kernel_settings(),
        chroot=_chroot(),
        user_namespaces=_user_namespaces(),
    )


def _overlay(folder: Path) -> str:
    try:
        with tempfile.TemporaryDirectory(prefix=".homeport-try-", dir=folder) as name:
            return _fails("unshare", "--mount", "--propagation", "slave", "sh", "-c", OVERLAY, "sh", name)
    except OSError as error:
        return f"{folder}: {error.strerror}"


def _bridge() -> str:
    """Make a bridge and remove it, without the programs that may still be missing."""
    name = f"hptry{os.getpid() % 10**8}".encode().ljust(NAME_BYTES, b"\0")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
            fcntl.ioctl(anything, ADD_BRIDGE, name)
            fcntl.ioctl(anything, REMOVE_BRIDGE, name)
    except OSError as error:
        return f"creating a bridge: {error.strerror}"
    return ""


def _kernel_settings() -> str:
    """Open those settings for writing that `kernel.raise_settings` would have to raise."""
    for name, least in kernel.LEAST.items():
        file = kernel.KERNEL / name
        try:
            if int(file.read_text()) < least:
                file.open("r+").close()
        except OSError as error:
            return f"{file}: {error.strerror}"
    return ""


def _chroot() -> str:
    """Do what building an image as root takes besides mounts: another root directory, and files of other users."""
    with tempfile.NamedTemporaryFile(prefix="homeport-try-") as file:
        try:
            os.chown(file.name, 1, 1)
        except OSError as error:
            return f"chown: {error.strerror}"
    return _fails("chroot", "/", "true")


def _user_namespaces() -> str:
    if refused := _fails("unshare", "--user", "--map-root-user", "--mount", "true"):
        return refused
    lines = SUBORDINATE_IDS.read_text().splitlines() if SUBORDINATE_IDS.exists() else []
    user = _user()
    if not any(line.split(":")[0] in (user, str(os.geteuid())) for line in lines):
        return f"{SUBORDINATE_IDS} gives '{user}' no ids"
    return ""


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # an id that /etc/passwd does not know
        return str(os.geteuid())


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _fails(*argv: str) -> str:
    """Run a command; return an empty string when it succeeds, else the last line that it said."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    given: dict[str, Any] = {"env": {**os.environ, "LC_ALL": "C", "PATH": path}, "stdin": subprocess.DEVNULL}
    try:
        done = subprocess.run(argv, **given, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        return f"{argv[0]} is missing"
    except subprocess.TimeoutExpired:
        return f"{argv[0]} does not end"
    if done.returncode == 0:
        return ""
    return (done.stderr.strip() or f"{argv[0]}: status {done.returncode}").splitlines()[-1].strip()
