"""What a fresh nspawn host promises, seen from outside: over SSH, and from the host itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from homeport.lab import Lab, LabHost
from homeport.lab.ssh import command_line
from tests.pace import until

from .conftest import MakeHost

pytestmark = pytest.mark.lab
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


def out(lab: Lab, host: LabHost, command: str) -> str:
    done = lab.run(host, command)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ssh(lab: Lab, host: LabHost, *options: str, command: str = "true") -> subprocess.CompletedProcess[str]:
    argv = [*command_line(lab.directory, host, *options, "-o", "BatchMode=yes"), "--", command]
    return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def wait_until_gone(lab: Lab, host: LabHost) -> None:
    assert until(lambda: not lab.is_running(host), 60, every=0.1)


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_a_fresh_host_is_a_bare_machine_with_a_sudo_user(lab: Lab, make_host: MakeHost, suite: str) -> None:
    host = make_host(suite=suite)
    assert out(lab, host, "id -un; sudo -n id -un").split() == ["debian", "root"]
    assert f"VERSION_CODENAME={suite}" in out(lab, host, "cat /etc/os-release")
    assert out(lab, host, "ps -p 1 -o comm=") == "systemd"
    assert out(lab, host, "sudo systemctl is-system-running --wait") == "running"
    assert out(lab, host, "hostname; hostname -f").split() == [host.name, host.domain]
    assert lab.run(host, "command -v nginx certbot uv").returncode != 0


def test_the_host_key_was_known_before_the_first_login_and_another_is_refused(
    lab: Lab, make_host: MakeHost, tmp_path: Path
) -> None:
    host, other = make_host(), make_host()
    lines = {line.split()[0]: line for line in lab.directory.known_hosts_file.read_text().splitlines()}
    assert ssh(lab, host).returncode == 0
    wrong = tmp_path / "known_hosts"
    wrong.write_text(lines[other.address].replace(other.address, host.address, 1))
    refused = subprocess.run(
        [
            part if "known_hosts" not in part else f"UserKnownHostsFile={wrong}"
            for part in [*command_line(lab.directory, host, "-o", "BatchMode=yes"), "true"]
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr


def test_a_password_opens_nothing(lab: Lab, make_host: MakeHost) -> None:
    host = make_host()
    methods = "PreferredAuthentications=password,keyboard-interactive"
    refused = ssh(lab, host, "-o", "PubkeyAuthentication=no", "-o", methods)
    assert refused.returncode == 255
    assert "Permission denied (publickey)" in refused.stderr
    assert out(lab, host, "sudo passwd --status debian").split()[1] == "L"


def test_a_reboot_from_inside_comes_back_with_the_same_disk_and_address(lab: Lab, make_host: MakeHost) -> None:
    host = make_host()
    before = out(lab, host, f"echo kept > note; sync; {BOOT_ID}")
    lab.run(host, "sudo systemctl reboot")
    assert until(lambda: lab.run(host, BOOT_ID).stdout.strip() not in ("", before), 60, every=0.1)
    assert out(lab, host, "cat note") == "kept"
    assert host.address in out(lab, host, "ip -o -4 address show eth0")


@pytest.mark.parametrize("hard", [False, True])
def test_reboot_returns_when_the_host_lets_one_in_again(lab: Lab, make_host: MakeHost, hard: bool) -> None:
    host = make_host()
    before = out(lab, host, f"echo kept > note; sync; {BOOT_ID}")
    lab.reboot(host, hard=hard)
    assert out(lab, host, BOOT_ID) != before
    assert out(lab, host, "cat note") == "kept"


def test_a_host_that_powers_off_stays_off_until_the_lab_is_brought_up_again(own_lab: Lab) -> None:
    (host,) = own_lab.up(hosts=1).hosts
    own_lab.run(host, "echo kept > note; sync; sudo systemctl poweroff")
    wait_until_gone(own_lab, host)
    assert not own_lab.is_running(host)
    assert own_lab.up(hosts=1).hosts == (host,)
    assert out(own_lab, host, "cat note") == "kept"


def test_hosts_do_not_act_on_each_others_units(lab: Lab, make_host: MakeHost) -> None:
    first, second = make_host(), make_host()
    for host in (first, second):
        out(lab, host, "sudo systemd-run --quiet --unit=same-name sleep 600")
    out(lab, first, "sudo systemctl stop same-name")
    assert lab.run(first, "systemctl is-active same-name").stdout.strip() != "active"
    assert out(lab, second, "systemctl is-active same-name") == "active"
    pid = out(lab, second, "systemctl show --value -p MainPID same-name")
    assert out(lab, second, f"ps -p {pid} -o comm=") == "sleep"


def test_a_memory_limit_of_a_unit_holds(lab: Lab, make_host: MakeHost) -> None:
    host = make_host()
    run = "sudo systemd-run --quiet --wait --pipe -p MemoryMax={} python3 -c 'len(bytearray(300 << 20))'"
    assert lab.run(host, run.format("1G")).returncode == 0
    assert lab.run(host, run.format("100M")).returncode != 0


def test_a_host_begins_with_the_disk_of_another_and_is_one_of_its_own(
    lab: Lab, make_host: MakeHost, tmp_path: Path
) -> None:
    first = make_host(name="first")
    identity = "sudo cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub; hostname"
    before = out(lab, first, f"echo kept | sudo tee /etc/kept >/dev/null; sudo rm /etc/skel/.bashrc; {identity}")
    lab.freeze("first", tmp_path / "disk")
    for name in ("second", "third"):
        host = lab.add(name, layer=tmp_path / "disk")
        assert out(lab, host, "cat /etc/kept; ls -A /etc/skel").split() == ["kept", ".bash_logout", ".profile"]
        assert not set(out(lab, host, identity).splitlines()) & set(before.splitlines())
        lab.reboot(host, hard=True)
        assert out(lab, host, "cat /etc/kept") == "kept"
        lab.remove(name)
    assert (tmp_path / "disk/etc/kept").read_text() == "kept\n"


def test_names_of_hosts_and_all_names_below_them_resolve_in_the_lab(lab: Lab, make_host: MakeHost) -> None:
    first, second, named = make_host(), make_host(), make_host(name="database")
    for name in (second.domain, f"www.{second.domain}", f"a.b.{second.domain}"):
        assert out(lab, first, f"getent ahostsv4 {name}").split()[0] == second.address
    assert out(lab, first, f"getent ahostsv4 www.{named.domain}").split()[0] == named.address
    assert lab.run(first, "getent hosts nobody.lab.test").returncode != 0
    connect = f"import socket; print(socket.create_connection(('{second.domain}', 22)).recv(4))"
    assert out(lab, first, f'python3 -c "{connect}"') == "b'SSH-'"


def test_apt_and_pip_work_on_two_hosts_at_once(lab: Lab, make_host: MakeHost) -> None:
    hosts = make_host(), make_host()
    install = (
        "sudo apt-get update -q && sudo DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "
        "python3-venv && python3 -m venv v && v/bin/pip install -q idna && v/bin/python -c 'import idna'"
    )
    argv = [[*command_line(lab.directory, host), "--", install] for host in hosts]
    running = [subprocess.Popen(one, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for one in argv]
    results = [(process.communicate()[0], process.returncode) for process in running]
    assert [status for _, status in results] == [0, 0], results


def test_the_acme_server_is_trusted_by_the_hosts_and_can_be_away(lab: Lab, make_host: MakeHost) -> None:
    host = make_host()
    ask = "curl -sf https://acme.lab.test:14000/dir"
    assert "newOrder" in out(lab, host, ask)
    root = lab.directory.ca_file.read_bytes()
    lab.acme.stop()
    try:
        assert lab.run(host, ask).returncode == 7, "curl's status for a refused connection"
    finally:
        lab.acme.start()
    assert "newOrder" in out(lab, host, ask)
    assert lab.directory.ca_file.read_bytes() != root, "Pebble issues from a new root after each start"
