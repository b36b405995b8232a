"""Names that others' sites have in Nginx, read from their files: by the host program, and by the snapshot's script."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from homeport.facts import snapshot
from homeport.host.proxies.nginx import reloading, rival_sites
from homeport.host.system.layout import MachineLayout
from homeport.proxies.nginx import rival_sites as rules
from tests.state.builders import make_wanted

SITES = """# server_name commented.example.com;
upstream x { server 127.0.0.1:9; }
server {
    listen 443 ssl; listen [::]:443 ssl; # server_name commented.example.com;
    server_name notes.example.com
        WWW.example.com;
    location / { return 200 "x"; }
}
server{ server_name old.example.com; listen 127.0.0.1:8080; }
server { server_name bare.example.com; if ($host = x) { return 301 https://$host; } }
server { listen *:80; listen unix:/run/x; server_name star.example.com _; }
"""
EXPECTED = {
    ("notes.example.com", 443),
    ("www.example.com", 443),
    ("bare.example.com", 80),
    ("star.example.com", 80),
    ("_", 80),
}


@pytest.fixture
def machine(tmp_path: Path) -> MachineLayout:
    machine = MachineLayout(tmp_path)
    for folder in ("sites-enabled", "conf.d", "homeport"):
        (machine.nginx / folder).mkdir(parents=True)
    (machine.nginx / "sites-enabled/old site").write_text(SITES)
    (machine.nginx / "homeport/notes.conf").write_text(SITES)
    return machine


def test_the_names_of_others_sites_are_read_with_their_ports_and_files(machine: MachineLayout) -> None:
    names = {name for name, _ in EXPECTED} | {"old.example.com", "commented.example.com"}
    found = rival_sites.find(machine, names)
    assert {(name, port) for name, port, _ in found} == EXPECTED
    assert {path for _, _, path in found} == {machine.nginx / "sites-enabled/old site"}
    assert rival_sites.find(machine, ["none.example.com"]) == []


@pytest.mark.parametrize("shell", [one for one in ("dash", "bash", "busybox") if shutil.which(one)])
def test_the_snapshot_reads_the_same(machine: MachineLayout, shell: str) -> None:
    begin = snapshot.SCRIPT.index("for file in /etc/nginx/conf.d")
    text = snapshot.SCRIPT[begin : snapshot.SCRIPT.index("\ndone\n", begin)] + "\ndone\n"
    words = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    done = subprocess.run(
        [*words, text.replace("/etc/nginx", str(machine.nginx))], capture_output=True, text=True, check=True
    )
    found = snapshot.parse([*done.stdout.splitlines(), "end"])
    names = {name for name, _ in EXPECTED} | {"old.example.com", "commented.example.com"}
    told = rules.rivals(names, make_wanted(), found)
    assert {(name, port) for name, port, _ in told} == EXPECTED
    assert {file for _, _, file in told} == {str(machine.nginx / "sites-enabled/old site")}


def test_a_certificate_that_is_not_served_is_explained_by_the_site_that_is(machine: MachineLayout) -> None:
    old = machine.nginx / "sites-enabled/old site"
    assert reloading._not_served(machine, ["notes.example.com"]) == (
        f"nginx serves another site for notes.example.com, in {old}: take the name out there, and deploy again"
    )
    assert reloading._not_served(machine, ["bare.example.com"]).startswith(
        "nginx does not serve the certificate on the disk"
    )
