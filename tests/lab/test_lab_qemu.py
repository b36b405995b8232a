"""A whole machine with its own kernel: it boots, comes back from a reboot, and survives a power cut.

The tests share one machine and run in this order, since a boot under software emulation takes half a minute or more.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
from collections.abc import Iterator

import pytest

from homeport.lab import Lab, LabHost
from homeport.lab.processes import find
from homeport.lab.ssh import command_line

pytestmark = [pytest.mark.lab, pytest.mark.qemu]
NAME = "whole"
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
WRITE_AND_FSYNC = """python3 -c '
import os
with open("fsynced", "w") as file:
    file.write("kept")
    file.flush()
    os.fsync(file.fileno())
os.sync()'"""


@pytest.fixture(scope="module")
def machine(lab: Lab) -> Iterator[LabHost]:
    """The one machine of these tests."""
    yield lab.add(NAME, backend="qemu")
    if any(host.name == NAME for host in lab.directory.load().hosts):
        lab.remove(NAME)


def out(lab: Lab, host: LabHost, command: str) -> str:
    done = lab.run(host, command)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def interfaces() -> str:
    return subprocess.check_output(["ip", "-o", "link"], text=True)


def test_it_is_a_machine_with_its_own_kernel_and_the_known_host_key(lab: Lab, machine: LabHost) -> None:
    assert out(lab, machine, "id -un; sudo -n id -un").split() == ["debian", "root"]
    assert out(lab, machine, "uname -r") != platform.release()
    assert out(lab, machine, "hostname -f") == machine.domain
    assert out(lab, machine, "sudo systemctl is-system-running --wait") == "running"
    known = lab.directory.known_hosts_file.read_text().split("\n")
    shown = out(lab, machine, "cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub")
    assert f"{machine.address} {shown}" in known
    assert "StrictHostKeyChecking=yes" in command_line(lab.directory, machine)


def test_it_finds_the_labs_names_and_trusts_its_acme_server(lab: Lab, machine: LabHost) -> None:
    assert out(lab, machine, f"getent ahostsv4 www.{machine.domain}").split()[0] == machine.address
    assert "newOrder" in out(lab, machine, "curl -sf https://acme.lab.test:14000/dir")


def test_a_reboot_brings_it_back(lab: Lab, machine: LabHost) -> None:
    before = out(lab, machine, BOOT_ID)
    lab.reboot(machine)
    assert out(lab, machine, BOOT_ID) != before


def test_what_was_fsynced_survives_a_power_cut(lab: Lab, machine: LabHost) -> None:
    before = out(lab, machine, BOOT_ID)
    out(lab, machine, WRITE_AND_FSYNC)
    lab.reboot(machine, hard=True)
    assert out(lab, machine, BOOT_ID) != before
    assert out(lab, machine, "cat fsynced") == "kept"
    assert out(lab, machine, "hostname -f") == machine.domain


def test_nothing_of_it_is_left_after_a_crash_and_a_removal(lab: Lab, machine: LabHost) -> None:
    (process,) = find(lab.id, f"qemu-{NAME}")
    tap = next(line.split()[1].rstrip(":") for line in interfaces().splitlines() if f"{lab.id}t" in line)
    os.kill(process, signal.SIGKILL)
    lab.remove(NAME)
    assert find(lab.id, f"qemu-{NAME}") == []
    assert tap not in interfaces()
    assert not (lab.directory.path / "hosts" / NAME).exists()
    assert machine.address not in lab.directory.known_hosts_file.read_text()
