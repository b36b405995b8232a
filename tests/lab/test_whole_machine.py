"""A whole machine with its own kernel: it boots, is deployed to, and serves again after a reboot and a power cut.

The tests share one machine and run in this order, since a boot under software emulation takes half a minute or more.
"""

from __future__ import annotations

import base64
import os
import platform
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.lab import Lab, LabHost
from homeport.lab.machine import install
from homeport.lab.processes import find
from homeport.lab.ssh import command_line
from tests.lab import remote
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned
from tests.pace import patience

pytestmark = [pytest.mark.lab, pytest.mark.qemu, pytest.mark.timeout(3600)]
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
# One worker: with more, uvicorn's manager kills any that has not answered it after 5 s, and an emulated processor needs
# longer to start Python and import uvicorn.
PATIENCE = {"workers": 1, "health_timeout_seconds": round(patience(240))}
# Time to cut the power in.
WATCHED = {"watch_seconds": 30}
# An application that tries what its sandbox refuses: only a kernel of its own enforces all of it.
ATTEMPTS = """
import os
import socket


@app.get("/reach")
def reach(address: str, port: int) -> dict[str, str]:
    try:
        socket.create_connection((address, port), 5).close()
    except OSError as error:
        return {"said": error.strerror or str(error)}
    return {"said": "reached"}


@app.get("/look")
def look(path: str) -> dict[str, str | None]:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        return {"said": error.strerror}
    return {"said": "opened"}
"""
SANDBOX = {"sandbox_network": "local", "sandbox_devices": '["/dev/vdb"]'}
WRITE_AND_FSYNC = """python3 -c '
import os
with open("fsynced", "w") as file:
    file.write("kept")
    file.flush()
    os.fsync(file.fileno())
os.sync()'"""
# What upkeep makes of a /var that is on XFS.
ON_XFS = """set -eu
base64 -d | tar -xzS -C /root
mount -o loop /root/xfs /mnt
instance=$(systemctl list-units --plain --no-legend 'homeport-upkeep@*' | sed 's/.*@\\([^.]*\\)[.]service.*/\\1/')
swapoff -a
systemd-run -q --wait --pipe -p BindPaths=/mnt:/var /usr/local/lib/homeport/upkeep "$instance" 64
swapoff /mnt/swap.homeport
umount /mnt
swapon /var/swap.homeport"""


@pytest.fixture(scope="module")
def whole_machine(lab: Lab, seasoned: Seasoned) -> Iterator[LabHost]:
    """The one machine of these tests. Packages would take minutes to install there; test_deploy has them installed."""
    host = seasoned.boot("whole", "hello")
    yield host
    if host in lab.directory.load().hosts:
        lab.remove(host.name)


@pytest.fixture(scope="module")
def project(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.create(tmp_path_factory.mktemp("whole") / "project", lab, "hello", **SANDBOX)
    project.write("main.py", (project.app / "main.py").read_text() + ATTEMPTS)
    return project


def out(lab: Lab, host: LabHost, command: str) -> str:
    done = remote.run(lab, host, command)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def interfaces() -> str:
    return subprocess.check_output(["ip", "-o", "link"], text=True)


def test_a_qemu_machine_has_its_own_kernel_and_the_known_host_key(lab: Lab, whole_machine: LabHost) -> None:
    assert out(lab, whole_machine, "id -un; sudo -n id -un").split() == ["debian", "root"]
    assert out(lab, whole_machine, "uname -r") != platform.release()
    assert out(lab, whole_machine, "hostname -f") == whole_machine.domain
    assert out(lab, whole_machine, "sudo systemctl is-system-running --wait") == "running"
    known = lab.directory.known_hosts_file.read_text().split("\n")
    shown = out(lab, whole_machine, "cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub")
    assert f"{whole_machine.address} {shown}" in known
    assert "StrictHostKeyChecking=yes" in command_line(lab.directory, whole_machine)


def test_a_qemu_machine_finds_the_labs_names_and_trusts_its_acme_server(lab: Lab, whole_machine: LabHost) -> None:
    assert out(lab, whole_machine, f"getent ahostsv4 www.{whole_machine.domain}").split()[0] == whole_machine.address
    assert "newOrder" in out(lab, whole_machine, "curl -sf https://acme.lab.test:14000/dir")


def test_a_deploy_brings_the_application_up(lab: Lab, whole_machine: LabHost, project: Project) -> None:
    project.deployed(whole_machine, **PATIENCE)
    assert Seen(lab, whole_machine).get("/health")["status"] == "ok"


def test_the_sandbox_keeps_the_application_from_other_machines_and_devices(lab: Lab, whole_machine: LabHost) -> None:
    get = Seen(lab, whole_machine).get
    acme = out(lab, whole_machine, "getent ahostsv4 acme.lab.test").split()[0]
    # What it sends there goes nowhere; what it would send here arrives.
    assert get(f"/reach?address={acme}&port=14000")["said"] == "timed out"
    assert get("/reach?address=127.0.0.1&port=80")["said"] == "reached"
    # Nothing but the sandbox stands between the application and either disk.
    out(lab, whole_machine, "sudo chmod 666 /dev/vda /dev/vdb")
    assert get("/look?path=/dev/vda")["said"] == "Operation not permitted"
    assert get("/look?path=/dev/vdb")["said"] == "opened"


def test_a_small_machine_has_swap(lab: Lab, whole_machine: LabHost) -> None:
    assert "/var/swap.homeport" in out(lab, whole_machine, "cat /proc/swaps")


def test_swap_is_taken_from_a_file_on_xfs_too(lab: Lab, whole_machine: LabHost, tmp_path: Path) -> None:
    install(["xfsprogs"])
    with (tmp_path / "xfs").open("wb") as disk:
        disk.truncate(4 << 30)
    subprocess.run(["/sbin/mkfs.xfs", "-q", str(tmp_path / "xfs")], check=True)
    packed = subprocess.check_output(["tar", "-czS", "-C", str(tmp_path), "xfs"])
    done = lab.run(whole_machine, f"sudo sh -c {shlex.quote(ON_XFS)}", stdin=base64.b64encode(packed).decode())
    # A file that is not in use cannot be taken out of it.
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_clock_is_kept_and_the_kernel_is_as_its_file_says(lab: Lab, whole_machine: LabHost) -> None:
    assert out(lab, whole_machine, "systemctl is-active systemd-timesyncd") == "active"
    names = ("kernel.kptr_restrict", "kernel.yama.ptrace_scope", "fs.protected_regular", "fs.suid_dumpable")
    assert out(lab, whole_machine, f"sudo sysctl -n {' '.join(names)}").split() == ["2", "1", "2", "0"]


def test_a_reboot_brings_it_back_and_the_application_with_it(lab: Lab, whole_machine: LabHost) -> None:
    before = out(lab, whole_machine, BOOT_ID)
    lab.reboot(whole_machine)
    assert out(lab, whole_machine, BOOT_ID) != before
    assert until(Seen(lab, whole_machine).answers, 240)
    assert "/var/swap.homeport" in out(lab, whole_machine, "cat /proc/swaps")


def test_a_power_cut_in_the_middle_of_a_switch_loses_nothing_that_was_fsynced_and_the_next_run_finishes_it(
    lab: Lab, whole_machine: LabHost, project: Project
) -> None:
    seen = Seen(lab, whole_machine)
    before, release = out(lab, whole_machine, BOOT_ID), seen.get("/health")["release"]
    project.write("NEWS.txt", "next")
    out(lab, whole_machine, WRITE_AND_FSYNC)
    # The flag names the new release, the log does not yet, and both slots are enabled: it is still being watched.
    with project.started(whole_machine.name, "-y", **PATIENCE, **WATCHED) as process:
        assert until(lambda: seen.curl("/health").stdout.count(release) == 0 and seen.answers(), 400)
        lab.reboot(whole_machine, hard=True)
        process.kill()
        process.communicate()
    assert out(lab, whole_machine, BOOT_ID) != before
    assert out(lab, whole_machine, "cat fsynced") == "kept"
    assert out(lab, whole_machine, "hostname -f") == whole_machine.domain
    assert until(seen.answers, 240)
    new = seen.get("/health")["release"]
    assert new != release
    # As it was begun: another watch would be another release.
    project.deployed(whole_machine, **PATIENCE, **WATCHED)
    assert seen.get("/health")["release"] == new
    log = out(lab, whole_machine, "sudo cat /srv/hello/releases.jsonl").splitlines()
    assert [new in line for line in log if '"live"' in line] == [False, True]
    slots = "systemctl list-units --plain --no-legend --state=active 'hello@*' | wc -l"
    assert out(lab, whole_machine, slots) == "1"


def test_a_removed_qemu_machine_leaves_nothing_after_a_crash(lab: Lab, whole_machine: LabHost) -> None:
    (process,) = find(lab.id, f"qemu-{whole_machine.name}")
    tap = next(line.split()[1].rstrip(":") for line in interfaces().splitlines() if f"{lab.id}t" in line)
    os.kill(process, signal.SIGKILL)
    lab.remove(whole_machine.name)
    assert find(lab.id, f"qemu-{whole_machine.name}") == []
    assert tap not in interfaces()
    assert not (lab.directory.path / "hosts" / whole_machine.name).exists()
    assert whole_machine.address not in lab.directory.known_hosts_file.read_text()
