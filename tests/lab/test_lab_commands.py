"""The commands of `homeport lab`, as a user types them, against a real lab."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from homeport.lab import Lab

pytestmark = pytest.mark.lab


def homeport(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOMEPORT_LAB": str(lab.directory.path)}
    argv = [sys.executable, "-m", "homeport.cli.main", "lab", *arguments]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_a_lab_from_up_to_down(own_lab: Lab) -> None:
    up = homeport(own_lab, "up", "--hosts", "1")
    assert up.returncode == 0, up.stderr
    assert "web1" in up.stdout
    assert homeport(own_lab, "up", "--name", "old", "--suite", "trixie").returncode == 0

    hosts = json.loads(homeport(own_lab, "status", "--json").stdout)["hosts"]
    assert [(host["name"], host["suite"], host["running"]) for host in hosts] == [
        ("web1", "bookworm", True),
        ("old", "trixie", True),
    ]
    assert homeport(own_lab, "ssh", "web1", "--", "hostname", "-f").stdout == "web1.lab.test\n"
    assert homeport(own_lab, "ssh", "web1", "--", "exit", "7").returncode == 7
    assert homeport(own_lab, "reboot", "web1", "--hard").returncode == 0

    url = homeport(own_lab, "url", "old")
    assert url.stdout == "https://old.lab.test/\n"
    assert f"--resolve old.lab.test:443:{hosts[1]['address']}" in url.stderr

    assert homeport(own_lab, "down").returncode == 0
    assert homeport(own_lab, "status").returncode == 1


def test_a_host_that_is_not_there_is_one_line_that_names_those_that_are(own_lab: Lab) -> None:
    own_lab.up(hosts=0)
    done = homeport(own_lab, "ssh", "web9")
    assert (done.returncode, done.stderr) == (1, "error: web9: the lab has no such host; it has none\n")


def test_two_hosts_of_one_name_are_refused_by_the_python_interface_and_one_is_enough_for_the_command(
    own_lab: Lab,
) -> None:
    own_lab.up(hosts=1)
    assert homeport(own_lab, "up", "--name", "web1").returncode == 0
    assert homeport(own_lab, "up", "--name", "Web1").returncode == 2
    with pytest.raises(Exception, match="there is a host of this name already"):
        own_lab.add("web1")
