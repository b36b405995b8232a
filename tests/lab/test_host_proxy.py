"""The host program with a real Nginx: one reload when there is something new to read, none otherwise."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from homeport.lab import Lab
from homeport.rendering.filters import systemd_quote
from homeport.rendering.rendering import render
from tests.lab.host_machine import APP, PROGRAM, Machine, until
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]

SITE = f"""
server {{
    listen 443 ssl;
    server_name app.test;
    ssl_certificate /etc/homeport/{APP}/tls/fullchain.pem;
    ssl_certificate_key /etc/homeport/{APP}/tls/privkey.pem;
}}
"""
CERTIFICATE = f"""
set -eu
mkdir -p /etc/homeport/{APP}/placeholder
cd /etc/homeport/{APP}/placeholder
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=app.test -keyout privkey.pem -out fullchain.pem 2>/dev/null
ln -sfn placeholder /etc/homeport/{APP}/tls
"""
SERVED = (
    "openssl s_client -connect 127.0.0.1:443 -servername app.test </dev/null 2>/dev/null | openssl x509 -noout -serial"
)
ON_DISK = f"openssl x509 -noout -serial -in /etc/homeport/{APP}/tls/fullchain.pem"
WORDS = [
    "a b",
    ";",
    "100%",
    "$HOME",
    "${X}",
    "it's",
    '"q"',
    "back\\slash",
    "tab\there",
    "new\nline",
    "",
    "é ☃",
    "%n",
    "\x01",
]


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, lab: Lab, seasoned: Seasoned) -> Iterator[Machine]:
    made = Machine(lab, seasoned.add(f"proxy-{request.param}", request.param))
    made.put_program()
    drop_in = render("systemd/nginx.service.d-homeport.conf", None, host_program=PROGRAM)
    claim = json.dumps({"app": APP, "domains": ["app.test"], "ports": [8001, 8002]})
    made.put(
        {
            "/etc/systemd/system/nginx.service.d/homeport.conf": (drop_in, 0o644),
            "/etc/nginx/conf.d/homeport.conf": (f"include /etc/nginx/homeport/{APP}.conf;\n", 0o644),
            f"/etc/nginx/homeport/{APP}.conf": (SITE, 0o644),
            f"/etc/homeport/{APP}/site.json": (claim, 0o644),
        }
    )
    made.root(CERTIFICATE)
    made.root("systemctl daemon-reload")
    yield made
    lab.remove(made.host.name)


def reload(machine: Machine) -> subprocess.CompletedProcess[str]:
    return machine.root(f"{PROGRAM} reload-proxy", check=False)


def workers(machine: Machine) -> str:
    return machine.root("pgrep -P $(cat /run/nginx.pid)").stdout


def test_a_stale_nginx_is_reloaded_once(machine: Machine) -> None:
    assert reload(machine).stdout == "nginx was reloaded\n"
    before = workers(machine)

    assert reload(machine).stdout == "nginx serves what is on the disk\n"
    assert workers(machine) == before


def test_a_new_certificate_is_served_when_the_command_returns(machine: Machine) -> None:
    machine.root(CERTIFICATE)

    assert reload(machine).returncode == 0
    assert machine.root(SERVED).stdout == machine.root(ON_DISK).stdout


def test_a_bad_configuration_is_refused_and_nginx_goes_on(machine: Machine) -> None:
    before = workers(machine)
    machine.root("echo 'bogus;' >/etc/nginx/conf.d/bad.conf")

    done = reload(machine)
    machine.root("rm /etc/nginx/conf.d/bad.conf")

    assert done.returncode == 1
    assert 'unknown directive "bogus"' in done.stdout
    assert workers(machine) == before


def test_a_restart_by_somebody_else_leaves_nothing_to_reload(machine: Machine) -> None:
    machine.root("touch /etc/nginx/conf.d/new.conf; systemctl restart nginx")

    assert reload(machine).stdout == "nginx serves what is on the disk\n"


def test_a_killed_nginx_comes_back(machine: Machine) -> None:
    machine.root("kill -9 $(cat /run/nginx.pid)")

    assert until(lambda: machine.root(SERVED, check=False).stdout == machine.root(ON_DISK).stdout)
    assert reload(machine).stdout == "nginx serves what is on the disk\n"


def test_a_stopped_nginx_stays_stopped(machine: Machine) -> None:
    machine.root("systemctl stop nginx")

    assert reload(machine).returncode == 0
    assert machine.active("nginx") == "inactive"


def test_systemd_reads_quoted_words_as_they_were_meant(machine: Machine) -> None:
    program = "import json, sys; json.dump(sys.argv[1:], open('/root/words', 'w'))"
    command = " ".join(systemd_quote(word) for word in ["-c", program, *WORDS])
    machine.put(
        {
            "/etc/systemd/system/quoting.service": (
                f"[Service]\nType=oneshot\nExecStart=/usr/bin/python3 {command}\n",
                0o644,
            )
        }
    )

    machine.root("systemctl daemon-reload; systemctl start quoting.service")

    assert json.loads(machine.root("cat /root/words").stdout) == WORDS
