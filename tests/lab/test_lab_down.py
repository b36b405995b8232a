"""`down` leaves nothing behind, however the lab came to its end."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from homeport.lab import Lab, LabDirectory, bridge
from homeport.lab.processes import find

pytestmark = pytest.mark.lab


def traces(lab: Lab) -> list[str]:
    """What on the machine carries the lab's id or lies in its directory, found without the lab's own code."""
    commands = ("ip -o link", "ip netns list", "nft list tables", "cat /proc/self/mountinfo")
    lines = [line for one in commands for line in subprocess.check_output(one.split(), text=True).splitlines()]
    lines += [str(path) for path in Path("/sys/fs/cgroup").glob("*/*")]
    lines += [str(path) for path in Path("/run").glob("systemd/nspawn/*/*")]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            lines.append((process / "cmdline").read_text() + (process / "environ").read_text())
    found = [line for line in lines if lab.id in line or str(lab.directory.path) in line]
    return found + [str(path) for path in [lab.directory.path] if path.exists()]


def kernel_settings() -> list[str]:
    names = ("net/ipv4/ip_forward", "fs/inotify/max_user_instances")
    return [Path("/proc/sys", name).read_text() for name in names]


def kill_everything(lab: Lab) -> None:
    for number in find(lab.id):
        os.kill(number, signal.SIGKILL)


def test_down_leaves_nothing(own_lab: Lab) -> None:
    own_lab.up(hosts=2)
    assert traces(own_lab)
    own_lab.down()
    assert traces(own_lab) == []


def test_down_after_everything_was_killed_leaves_nothing(own_lab: Lab) -> None:
    own_lab.up(hosts=2)
    kill_everything(own_lab)
    own_lab.down()
    assert traces(own_lab) == []


@pytest.mark.parametrize("content", [None, '{"hosts": [{"na'])
def test_down_needs_no_record_of_the_hosts(own_lab: Lab, content: str | None) -> None:
    own_lab.up(hosts=1)
    own_lab.directory.hosts_file.unlink()
    if content is not None:
        own_lab.directory.hosts_file.write_text(content)
    own_lab.down()
    assert traces(own_lab) == []


def test_down_works_where_nothing_is_up_and_twice(own_lab: Lab) -> None:
    own_lab.down()
    own_lab.up(hosts=0)
    own_lab.down()
    own_lab.down()
    assert traces(own_lab) == []


def test_down_keeps_a_strangers_file_in_the_directory(own_lab: Lab) -> None:
    own_lab.up(hosts=0)
    note = own_lab.directory.path / "note.txt"
    note.write_text("mine")
    own_lab.down()
    assert [path.name for path in own_lab.directory.path.iterdir()] == ["note.txt"]


def test_a_lab_comes_up_again_after_everything_was_killed(own_lab: Lab) -> None:
    (host,) = own_lab.up(hosts=1).hosts
    kill_everything(own_lab)
    assert own_lab.up(hosts=1).hosts == (host,)
    assert own_lab.run(host, "true").returncode == 0


def test_up_again_changes_nothing_and_more_hosts_are_added(own_lab: Lab) -> None:
    (first,) = own_lab.up(hosts=1).hosts
    boot = own_lab.run(first, "cat /proc/sys/kernel/random/boot_id").stdout
    processes = sorted(find(own_lab.id))
    assert own_lab.up(hosts=1).hosts == (first,)
    assert sorted(find(own_lab.id)) == processes
    assert [host.name for host in own_lab.up(hosts=2).hosts] == ["web1", "web2"]
    assert own_lab.run(first, "cat /proc/sys/kernel/random/boot_id").stdout == boot


def test_labs_live_side_by_side_and_the_last_one_puts_the_kernels_settings_back(own_lab: Lab, tmp_path: Path) -> None:
    second = Lab(LabDirectory(tmp_path / "second"))
    (host,) = own_lab.up(hosts=1).hosts
    try:
        (other,) = second.up(hosts=1).hosts
        assert other.address.rsplit(".", 1)[0] != host.address.rsplit(".", 1)[0]
    finally:
        second.down()
    assert own_lab.run(host, "true").returncode == 0
    assert kernel_settings()[0] == "1\n"
    assert bridge.existing(own_lab.id) is not None
