"""sshd's drop-in file: checked first, applied by a reload. Sessions, and the programs in them, go on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..services.staged_files import Stage
from ..services.units import is_active, run, run_checked, show
from ..system.output import HostError

FOLDER = Path("/etc/ssh")
DROP_INS = FOLDER / "sshd_config.d"
SSHD = "/usr/sbin/sshd"
SERVICE = "ssh.service"
SOCKET = "ssh.socket"
RELOAD_SECONDS = 10.0
POLL_SECONDS = 0.05
CONNECTION = "user=root,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"
NO_PASSWORDS = "passwordauthentication no"
# proc(5), /proc/PID/stat: where the stack begins; another place after each exec.
STACK_FIELD = 28
# net/tcp_states.h
LISTEN = "0A"


def is_ours(path: Path) -> bool:
    """Tell whether sshd reads this file."""
    return path.parent == DROP_INS


def check(stage: Path, changed: Mapping[Path, bytes | None]) -> None:
    """Raise HostError with what sshd says when it does not take its settings, `changed` (None: taken away)."""
    staged = Stage(stage / "ssh")
    staged.copy(FOLDER)
    ours = {path: content for path, content in changed.items() if is_ours(path)}
    for path, content in ours.items():
        staged.put(path, content)
    # It wants to be told of a connection, since there may be Match blocks.
    done = staged.run(SSHD, "-T", "-C", CONNECTION)
    if done.returncode:
        message = next(iter(done.stderr.strip().splitlines()[-1:]), f"status {done.returncode}")
        raise HostError(f"sshd does not accept its settings ({message}); nothing was changed")
    wanted = b"\n".join(filter(None, ours.values())).decode().lower().splitlines()
    if NO_PASSWORDS in wanted and NO_PASSWORDS not in done.stdout.splitlines():
        raise HostError(
            "sshd would still accept passwords: /etc/ssh/sshd_config says so before it includes "
            "/etc/ssh/sshd_config.d/*.conf, or does not include it; nothing was changed"
        )


def reload() -> None:
    """Make sshd read its settings again; return when new connections get them.

    Where systemd listens for it (ssh.socket), a reload would end it: the socket is not passed on to what it executes.
    There it is stopped, sessions apart (KillMode=process), and the next connection starts another one.
    """
    if is_active(SOCKET):
        run_checked("systemctl", "stop", SERVICE)
        return
    unit = show(SERVICE)
    if unit["ActiveState"] != "active":
        return
    process = Path("/proc") / unit["MainPID"]
    before = _image(process)
    done = run("systemctl", "reload", SERVICE)
    if done.returncode:
        raise HostError(f"sshd cannot be reloaded: {done.stderr.strip()}")
    _await(process, before)


def _await(process: Path, before: str) -> None:
    """Return when sshd has executed itself again and listens: one that is still the old one would let us in."""
    end = time.monotonic() + RELOAD_SECONDS
    while time.monotonic() < end:
        if not process.exists() and show(SERVICE)["ActiveState"] != "active":
            raise HostError(f"sshd ended when it was reloaded; see 'journalctl -u {SERVICE}'")
        if _image(process) != before and _listening(process):
            return
        time.sleep(POLL_SECONDS)
    raise HostError(f"sshd did not apply its settings within {RELOAD_SECONDS:.0f} s")


def _image(process: Path) -> str:
    """Return what tells one execution of a process from the next one: its stack's place, and where it listens."""
    with suppress(OSError, IndexError):
        stack = (process / "stat").read_text().rpartition(")")[2].split()[STACK_FIELD - 3]
        return " ".join([stack, *sorted(_listening(process))])
    return ""


def _listening(process: Path) -> set[str]:
    """Return the inodes of the sockets that a process listens on."""
    open_here, listening = set(), set()
    with suppress(OSError):
        for entry in (process / "fd").iterdir():
            with suppress(OSError):
                open_here.add(str(entry.readlink()))
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            rows = [row.split() for row in (process / "net" / table).read_text().splitlines()[1:]]
            listening |= {row[9] for row in rows if row[3] == LISTEN}
    return {inode for inode in listening if f"socket:[{inode}]" in open_here}
