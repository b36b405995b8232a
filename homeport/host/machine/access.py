"""The dead man's switch: a change of who gets in (firewall, sshd) that the host takes back unless it is confirmed.

What was there is on the disk, and a timer is set, before anything changes. Only `confirm`, which the controller calls
over a connection that it has opened after the change, ends that; the timer, or the next boot, restores. The record on
the disk is the switch: where it is gone, the change stays.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..services.staged_files import check_targets
from ..services.units import run
from ..system import atomic, lock
from ..system.file_state import Saved, put_back, saved
from ..system.layout import LAUNCHER
from ..system.output import HostError, say
from . import firewall, sshd

PENDING = Path("/etc/homeport/.pending-access.json")
LOCK = Path("/run/homeport/access.lock")
BOOT = Path("/proc/sys/kernel/random/boot_id")
STAGES = "/run/homeport"
# A change is under the lock for seconds; what has its own time-out is at work then.
LOCK_SECONDS = 120.0
POLL_SECONDS = 0.5
MODE = 0o644


def apply(request: Mapping[str, Any]) -> None:
    """Put `files` (path, content) in place and take `absent` away, with a timer that restores what was there.

    `token` names the change, `timeout_seconds` is how long it waits for `confirm`. Raises HostError when nothing was
    changed, or when it was taken back at once.
    """
    wanted: dict[Path, bytes | None] = {Path(one["path"]): str(one["content"]).encode() for one in request["files"]}
    wanted |= {Path(path): None for path in request["absent"]}
    with _locked_and_settled():
        changed = {path: content for path, content in wanted.items() if not _is_as_recorded(path, content)}
        _check(changed)
        pending = _record(request, changed)
        try:
            _put(changed)
            _take_over_pending(changed)
        except (HostError, OSError) as error:
            _restore(pending)
            raise HostError(f"{error}; the change was taken back") from error


def confirm(token: str) -> None:
    """Keep the change: somebody has come in by a new connection. Raises HostError when it is too late."""
    with _locked():
        pending = _pending()
        if pending is None or pending["token"] != token:
            raise HostError("the change was taken back before it was confirmed")
        atomic.remove(PENDING)
        run("systemctl", "stop", f"{pending['timer']}.timer")


def restore(token: str | None, *, at_boot: bool = False) -> None:
    """Restore what was there before the change `token` (None: whichever) unless it was confirmed.

    `at_boot` restores files only, which nobody has read yet, and only for a change of an earlier boot.
    """
    with _locked():
        pending = _pending()
        if pending is None or token not in (None, pending["token"]):
            return
        if at_boot:
            if pending["boot"] != BOOT.read_text():
                _put_back(pending["files"])
                atomic.remove(PENDING)
                say(
                    "nobody confirmed a change of SSH or the firewall before the reboot: the previous state is restored"
                )
            return
        _restore(pending)
        say("no new connection confirmed a change of SSH or the firewall: the previous state is restored")


@contextmanager
def _locked() -> Iterator[None]:
    with lock.held(LOCK, {"action": "a change of who gets in", "release": ""}, LOCK_SECONDS):
        yield


@contextmanager
def _locked_and_settled() -> Iterator[None]:
    """Wait until no change of another run, maybe a killed one, waits for its confirmation or its timer."""
    announced = False
    while True:
        with _locked():
            pending = _pending()
            if pending and not _timer_runs(pending):
                _restore(pending)
                pending = None
            if pending is None:
                yield
                return
        if not announced:
            say("waiting for an earlier change of SSH or the firewall to be confirmed or taken back")
            announced = True
        time.sleep(POLL_SECONDS)


def _pending() -> dict[str, Any] | None:
    try:
        return dict(json.loads(PENDING.read_text()))
    except FileNotFoundError:
        return None


def _timer_runs(pending: Mapping[str, Any]) -> bool:
    states = run("systemctl", "is-active", f"{pending['timer']}.timer", f"{pending['timer']}.service").stdout.split()
    return any(state in ("active", "activating", "deactivating") for state in states)


def _is_as_recorded(path: Path, content: bytes | None) -> bool:
    """Tell whether a file is as wanted (None: absent), including mode and owner."""
    try:
        status = path.lstat()
        right = (status.st_mode, status.st_uid, status.st_gid) == (stat.S_IFREG | MODE, 0, 0)
        return right and path.read_bytes() == content
    except FileNotFoundError:
        return content is None


def _check(changed: Mapping[Path, bytes | None]) -> None:
    """Have nft and sshd look at the change before it is made; raise HostError with what they say.

    It is also raised for a file that could not be replaced.
    """
    check_targets(changed)
    Path(STAGES).mkdir(mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=STAGES, prefix=".access.") as stage:
        if any(map(firewall.is_ours, changed)):
            firewall.check(Path(stage), changed)
        if any(map(sshd.is_ours, changed)):
            sshd.check(Path(stage), changed)


def _record(request: Mapping[str, Any], changed: Iterable[Path]) -> dict[str, Any]:
    """Write down what is there and set the timer: from now on the host restores it by itself."""
    token, seconds = str(request["token"]), int(request["timeout_seconds"])
    timer = f"homeport-lockout-{token}"
    pending = {
        "token": token,
        "timer": timer,
        "boot": BOOT.read_text(),
        "files": {str(path): saved(path) for path in changed},
        "firewall": firewall.saved(),
    }
    atomic.write(PENDING, json.dumps(pending).encode(), 0o600)
    service = ("--property=Restart=on-failure", "--property=RestartSec=5", "--property=StartLimitIntervalSec=0")
    when = (f"--on-active={seconds}", "--timer-property=AccuracySec=100ms")
    # Not collected: a service that failed must be tried again.
    about = "--description=homeport: restore SSH and firewall unless a new connection confirms their change"
    command = ("systemd-run", "--quiet", f"--unit={timer}", about, *when, *service, LAUNCHER, "restore-access")
    done = run(*command, "--token", token)
    if done.returncode:
        atomic.remove(PENDING)
        raise HostError(f"the timer that would restore the present state cannot be set: {done.stderr.strip()}")
    return pending


def _put(files: Mapping[Path, bytes | None]) -> None:
    for path, content in files.items():
        if content is None:
            atomic.remove(path)
        else:
            atomic.write(path, content, MODE)
            os.chown(path, 0, 0)


def _put_back(files: Mapping[str, Saved | str | None]) -> None:
    for path, what in files.items():
        put_back(Path(path), what)


def _take_over_pending(changed: Iterable[Path]) -> None:
    firewall.load()
    if any(map(sshd.is_ours, changed)):
        sshd.reload()


def _restore(pending: Mapping[str, Any]) -> None:
    """Put everything back; what fails keeps nothing else from being restored, and leaves the record for another try."""
    problems = []
    files: Mapping[str, Saved | str | None] = pending["files"]
    steps: tuple[Callable[[], None], ...] = (
        lambda: _put_back(files),
        lambda: firewall.put_back(pending["firewall"]),
        lambda: sshd.reload() if any(map(sshd.is_ours, map(Path, files))) else None,
    )
    for step in steps:
        try:
            step()
        except (HostError, OSError) as error:
            problems.append(str(error))
    if problems:
        raise HostError(f"the previous state cannot be restored: {'; '.join(problems)}")
    atomic.remove(PENDING)
    # The timer itself may be what runs this: then it has nothing left to do.
    run("systemctl", "stop", f"{pending['timer']}.timer")


def from_standard_input() -> dict[str, Any]:
    """Return the request that stands on standard input, as JSON."""
    request: dict[str, Any] = json.loads(sys.stdin.read())
    return request
