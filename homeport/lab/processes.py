"""Starting, finding and ending the lab's own processes on the developer's machine.

Each is started with a mark in its environment (lab and purpose), and only a process that carries the lab's mark is
ever ended, through a file descriptor of that very process: a number that the system has given to somebody else since
does no harm, and nothing is lost when the lab's files are gone.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

MARK = "HOMEPORT_LAB_PROCESS"
GRACE_SECONDS = 5.0
EXEC_SECONDS, EXEC_LOOK_SECONDS = 10.0, 0.002
ENVIRONMENT_BYTES = 6 << 20  # the most that Linux passes to a program: three quarters of 8 MiB, execve(2)
KERNEL_THREAD, ENDING = 0x00200000, 0x00000004  # PF_KTHREAD, PF_EXITING


def start(lab: str, purpose: str, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> int:
    """Start a process that outlives us, with its output appended to `log`, and return its id."""
    log.parent.mkdir(parents=True, exist_ok=True)
    marked = {**(os.environ if env is None else env), MARK: f"{lab}/{purpose}"}
    with log.open("ab") as output:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=marked, cwd="/", start_new_session=True
        ).pid


def find(lab: str, purpose: str | None = None) -> list[int]:
    """Return the ids of the lab's living processes, or of those that serve one purpose."""
    wanted = f"{MARK}={lab}/{purpose or ''}".encode()
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [number for number in numbers if _carries(number, wanted, whole=purpose is not None)]


def end(lab: str, purpose: str | None = None, *, grace_seconds: float = GRACE_SECONDS) -> None:
    """End the lab's processes, or those of one purpose: politely first, and by SIGKILL after the grace."""
    wanted = f"{MARK}={lab}/{purpose or ''}".encode()
    handles = []
    for number in find(lab, purpose):
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(number)
            if _carries(number, wanted, whole=purpose is not None):
                handles.append(handle)
            else:
                os.close(handle)
    end_handles(handles, grace_seconds=grace_seconds)


def end_handles(handles: list[int], *, grace_seconds: float) -> None:
    """End the processes behind these pidfds (SIGTERM, then SIGKILL when the grace has passed) and close them."""
    waiting = set(handles)
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 10.0)):
        if number == signal.SIGTERM and grace_seconds <= 0:
            continue
        for handle in waiting:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
        waiting = _still_living(waiting, seconds)
    for handle in handles:
        os.close(handle)


def _still_living(handles: set[int], seconds: float) -> set[int]:
    """Wait at most so long for the processes to end, and return the handles of those that have not."""
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)
    living, until = set(handles), time.monotonic() + seconds
    while living and (left := until - time.monotonic()) > 0:
        for handle, _ in poll.poll(left * 1000):
            poll.unregister(handle)
            living.discard(handle)
    return living


def _carries(number: int, wanted: bytes, *, whole: bool) -> bool:
    """Tell whether a process has the mark; a zombie has no environment any more, so it does not."""
    entries = _environment(number).split(b"\0")
    return any(entry == wanted if whole else entry.startswith(wanted) for entry in entries)


def _environment(number: int) -> bytes:
    """Read a process's environment, which the kernel shows as empty while a program is being executed.

    On a busy computer that lasts as long as the process waits for a processor: half a second was seen.
    """
    until = time.monotonic() + EXEC_SECONDS
    while time.monotonic() < until:
        try:
            with Path(f"/proc/{number}/environ").open("rb", buffering=0) as file:
                found = file.read(ENVIRONMENT_BYTES)  # at once: a program executed between two reads cuts it off
            if found or _has_none(Path(f"/proc/{number}/stat").read_text()):
                return found
        except OSError:
            return b""
        time.sleep(EXEC_LOOK_SECONDS)
    return b""


def _has_none(stat: str) -> bool:
    """Tell from /proc/N/stat (see proc(5)) whether a process really has no environment, and not only for the moment.

    That is so for a thread of the kernel, for a process that has ended or is ending, and for one that was given none:
    start and end are the same. While a program is being executed they are too, or not set yet; where its code begins
    is set after them.
    """
    fields = stat.rpartition(")")[2].split()
    state, flags, code, start, end = fields[0], *(int(fields[at]) for at in (6, 23, 47, 48))
    return state in "ZX" or bool(flags & (KERNEL_THREAD | ENDING)) or (code != 0 and start == end != 0)
