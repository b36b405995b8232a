"""Starting and stopping the process that runs a host under systemd-nspawn, in the two ways that machines allow.

Where systemd runs, a transient unit with a delegated control group; elsewhere a wrapper of our own, which enters
control groups of its own and starts the host again when that reboots (systemd-nspawn ends with status 133 then).
"""

from __future__ import annotations

import fcntl
import shlex
import shutil
from contextlib import suppress
from pathlib import Path

from homeport.errors import LabError
from homeport.lab import cgroups, names, processes
from homeport.lab.context import LabContext
from homeport.lab.machine import run

REBOOTED = 133
NSPAWN_STATE = Path("/run/systemd/nspawn")
UNIT_PROPERTIES = {
    "Type": "notify",
    "NotifyAccess": "all",
    "Delegate": "yes",
    "KillMode": "mixed",
    "RestartForceExitStatus": str(REBOOTED),
    "SuccessExitStatus": str(REBOOTED),
    "TimeoutStopSec": "10",
}
UP = ("active", "activating", "reloading", "deactivating")


def machine_has_systemd() -> bool:
    """Tell whether systemd runs this machine (the test that sd_booted(3) documents)."""
    return Path("/run/systemd/system").is_dir() and Path("/proc/1/comm").read_text().strip() == "systemd"


def start(context: LabContext, host: str, *, layers: list[Path], namespace: str) -> None:
    """Start a host whose disk is in the lab's directory, above these (the uppermost first), in this network
    namespace.
    """
    nspawn = nspawn_command(context, host, namespace, delegated=machine_has_systemd())
    mount = _mount_script(context.host_directory(host), layers)
    if machine_has_systemd():
        console = dict.fromkeys(("StandardOutput", "StandardError"), f"append:{context.log(host)}")
        properties = [part for key, value in (UNIT_PROPERTIES | console).items() for part in ("-p", f"{key}={value}")]
        script = f"set -eu\n{mount}exec {shlex.join(nspawn)}\n"
        unit = f"--unit={names.unit(context.id, host)}"
        run(["systemd-run", "--quiet", "--collect", unit, *properties, *_private_mounts(script)])
        return
    enter = cgroups.enter_script(context.id, host)
    script = f"set -eu\n{enter}{mount}{_loop(nspawn)}"
    processes.start(context.id, host, _private_mounts(script), log=context.log(host))


def stop(lab: str, host: str) -> None:
    """Kill a host that runs as a unit; nothing happens where it does not."""
    if is_active(lab, host):
        run(["systemctl", "kill", "--signal=SIGKILL", names.unit(lab, host)], check=False)
        run(["systemctl", "stop", names.unit(lab, host)], check=False)


def stop_all(lab: str) -> None:
    """Kill all units of a lab."""
    if machine_has_systemd():
        listed = run(["systemctl", "list-units", "--plain", "--no-legend", "--all", names.unit(lab, "*")], check=False)
        for line in listed.stdout.splitlines():
            host = line.split()[0].removeprefix(names.unit(lab, "").removesuffix(".service")).removesuffix(".service")
            stop(lab, host)


def forget(lab: str, host: str = "*") -> None:
    """Remove what systemd-nspawn leaves in /run of a host that has ended, or of all hosts of a lab."""
    for entry in NSPAWN_STATE.glob(f"*/{names.machine(lab, host)}"):
        shutil.rmtree(entry, ignore_errors=True)
    for file in NSPAWN_STATE.glob("locks/inode-*"):
        with suppress(OSError), file.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # systemd's own protocol: whoever holds it may remove it
            file.unlink()


def is_active(lab: str, host: str) -> bool:
    """Tell whether a host's unit is up, or on its way up (as after a reboot); never on a machine without systemd."""
    if not machine_has_systemd():
        return False
    return run(["systemctl", "is-active", names.unit(lab, host)], check=False).stdout.strip() in UP


def nspawn_command(context: LabContext, host: str, namespace: str, *, delegated: bool) -> list[str]:
    """Return the systemd-nspawn command; `delegated` means that systemd gave it a control group that is already
    writable.
    """
    options = [
        f"--directory={context.host_directory(host) / 'root'}",
        f"--machine={names.machine(context.id, host)}",
        f"--hostname={host}",
        f"--network-namespace-path={namespace}",
        "--capability=CAP_NET_ADMIN",
        "--rlimit=NOFILE=1024:1048576",
        "--register=no",
        "--keep-unit",
        "--link-journal=no",
        "--console=read-only",
        "--resolv-conf=off",
        "--kill-signal=SIGRTMIN+3",
    ]
    end = ["--boot"] if delegated else ["/bin/sh", "-c", cgroups.init_script()]
    return ["env", "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network", "systemd-nspawn", "--quiet", *options, *end]


def _private_mounts(script: str) -> list[str]:
    return ["unshare", "--mount", "--propagation", "slave", "sh", "-c", script]


def _mount_script(folder: Path, lower: list[Path]) -> str:
    for path in (folder, *lower):
        if set(str(path)) & set(",:\\"):
            raise LabError(f"a lab cannot be in '{path}'", fix="use a path without comma, colon and backslash")
    layers = f"lowerdir={':'.join(map(str, lower))},upperdir={folder}/upper,workdir={folder}/work"
    return f"mount -t overlay overlay -o {shlex.quote(layers)} {shlex.quote(str(folder / 'root'))}\n"


def _loop(nspawn: list[str]) -> str:
    return f"""\
status={REBOOTED}
while [ "$status" = {REBOOTED} ]; do
    status=0
    {shlex.join(nspawn)} || status=$?
done
exit "$status"
"""
