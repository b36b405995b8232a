"""The control groups of a host on a machine without a running systemd (containers, CI runners), as cgroup v1 or hybrid
mounts.

A host's wrapper enters a group of its own under every controller before systemd-nspawn starts; otherwise hosts share
groups and act on each other's units of the same name. As only our hosts are ever in these groups, they also tell
which processes to end.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from homeport.lab import names, processes

ROOT = Path("/sys/fs/cgroup")
WRITABLE_IN_HOST = ("memory", "cpu", "cpuacct", "pids", "blkio")


def enter_script(lab: str, host: str) -> str:
    """Return the shell lines that put the running shell into the host's own group under every controller."""
    return f"""\
for tree in {ROOT} {ROOT}/*/; do
    [ -e "$tree/cgroup.procs" ] || continue
    group="$tree/{names.control_group(lab)}/{host}"
    mkdir -p "$group"
    for part in cpus mems; do
        for level in "${{group%/*}}" "$group"; do
            [ ! -e "$level/cpuset.$part" ] || cat "$tree/cpuset.$part" > "$level/cpuset.$part"
        done
    done
    echo $$ > "$group/cgroup.procs"
done
"""


def init_script() -> str:
    """Return what runs as the host's PID 1: nspawn mounts the controllers read-only, and systemd must be able to set
    limits.
    """
    controllers = " ".join(WRITABLE_IN_HOST)
    return (
        f"for one in {controllers}; do "
        '[ ! -d "/sys/fs/cgroup/$one" ] || mount -o remount,bind,rw "/sys/fs/cgroup/$one"; done; exec /sbin/init'
    )


def members(lab: str, host: str = "") -> set[int]:
    """Return the ids of the processes in a host's groups, or in those of all hosts of the lab."""
    found: set[int] = set()
    for group in _groups(lab, host):
        for folder, _, _ in os.walk(group):  # unlike rglob, it does not mind groups that go while we look
            with suppress(OSError):
                found.update(int(line) for line in Path(folder, "cgroup.procs").read_text().split())
    return found


def kill(lab: str, host: str = "") -> None:
    """Kill all that is in these groups, also what is started meanwhile, and remove them."""
    while numbers := members(lab, host):
        handles = []
        for number in numbers:
            with suppress(ProcessLookupError):
                handles.append(os.pidfd_open(number))
        processes.end_handles(handles, grace_seconds=0)
    for group in _groups(lab, host):
        _remove(group)


def _groups(lab: str, host: str) -> list[Path]:
    trees = [ROOT, *ROOT.glob("*/")]
    groups = [tree / names.control_group(lab) / host for tree in trees if (tree / "cgroup.procs").exists()]
    return [group for group in groups if group.exists()]


def _remove(group: Path) -> None:
    """Remove a group and those in it; one whose last process has just ended may be busy for a moment."""
    for folder, _, _ in os.walk(group, topdown=False):
        for _ in range(50):
            try:
                os.rmdir(folder)  # noqa: PTH106
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.02)
