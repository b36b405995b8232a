"""A machine that somebody has set up by hand: what is theirs is refused first, or kept, and their default site goes on.

Its site lies behind links, as people have it who keep such files in a repository. The tests go on from one another.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.commands import homeport, settle_data
from tests.lab.project import Project, Seen
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
NGINX, CERTBOT = "/etc/nginx/nginx.conf", "/usr/local/bin/certbot"
TAKEN = f"{NGINX},{CERTBOT}"
KEPT = "/var/lib/homeport/originals"
DROP_IN = "/etc/ssh/sshd_config.d/00-homeport.conf"
THEIRS = "server_name elsewhere.example; ssl_certificate /opt/theirs/cert.pem; ssl_certificate_key /opt/theirs/key.pem;"
BY_HAND = f"""
rm -rf /var/lib/homeport /etc/nginx/homeport && mkdir -p /opt/theirs/sites
printf 'events {{}}\\nhttp {{\\n  client_max_body_size 7m;\\n  include /etc/nginx/sites-enabled/*;\\n}}\\n' >{NGINX}
chmod 640 {NGINX}
printf '#!/bin/sh\\necho theirs\\n' >{CERTBOT}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=theirs \\
    -keyout /opt/theirs/key.pem -out /opt/theirs/cert.pem 2>/dev/null
cat >/opt/theirs/sites/default <<'END'
server {{
    listen 80 default_server;
    listen 443 ssl default_server;
    {THEIRS}
    ssl_protocols TLSv1.2;
    location / {{ return 200 "theirs\\n"; }}
}}
END
rm -rf /etc/nginx/sites-enabled && ln -s /opt/theirs/sites /etc/nginx/sites-enabled
mv /etc/ssh/sshd_config.d /opt/theirs/ && ln -s /opt/theirs/sshd_config.d /etc/ssh/sshd_config.d
systemctl enable --now nginx && systemctl restart nginx
"""
STATE = f"cat {NGINX} {CERTBOT}; find /etc/nginx /etc/ssh /opt/theirs /etc/homeport -printf '%p %i %m %T@ %l\\n' | sort"


@dataclass
class Stage:
    project: Project
    host: LabHost
    seen: Seen

    def refused(self, **data: object) -> list[str]:
        """Deploy, have it change nothing, and return the lines that say why."""
        before = self.seen.shell(f"{STATE} 2>/dev/null || true")
        done = self.project.deploy(self.host, **data)
        assert done.returncode == 1, done.stdout
        assert self.seen.shell(f"{STATE} 2>/dev/null || true") == before
        return [line for line in done.stdout.splitlines() if "error: " in line or f"{self.host.name}: " in line]

    def theirs(self, url: str) -> str:
        """Return what is answered on a name that is none of homeport's, whatever the certificate."""
        name = "http" if url.startswith("http:") else "https"
        port = {"http": 80, "https": 443}[name]
        resolve = f"elsewhere.example:{port}:{self.host.address}"
        done = subprocess.run(["curl", "-sSk", "--resolve", resolve, url], capture_output=True, text=True, check=False)
        return done.stdout.strip()


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("taken1")
    project = Project.create(tmp_path_factory.mktemp("taken") / "project", lab, "hello")
    seen = Seen(lab, host)
    seen.shell(BY_HAND)
    yield Stage(project, host, seen)
    lab.remove(host.name)


def test_a_foreign_file_is_refused_by_name_and_stays(stage: Stage) -> None:
    said = "\n".join(stage.refused())
    for path in (NGINX, CERTBOT):
        assert (
            f"take_over: {path} would be replaced, and it is neither homeport's nor unchanged from its Debian package"
            in said
        )
    assert f'allow it with take_over = ["{NGINX}"]: a copy is kept in {KEPT}' in said
    assert stage.theirs("http://elsewhere.example/") == "theirs"


def test_a_replaced_foreign_file_is_kept_and_the_foreign_default_site_serves(stage: Stage) -> None:
    output = stage.project.deployed(stage.host, take_over=TAKEN)
    assert f"write {NGINX} (not homeport's; a copy is kept: {KEPT}{NGINX})" in output
    assert f"a copy of {NGINX} is kept: {KEPT}{NGINX}" in output
    assert (
        "leave the default server of 80 and 443 (/etc/nginx/sites-enabled/default: it answers what names no" in output
    )
    assert "no handshake has other protocols than TLSv1.2" in output
    assert stage.seen.shell(f"stat -c '%a %U' {KEPT} {KEPT}{NGINX}") == "700 root\n640 root"
    assert "client_max_body_size 7m" in stage.seen.shell(f"cat {KEPT}{NGINX}")
    assert stage.seen.shell(f"sh {KEPT}{CERTBOT}") == "theirs"
    assert stage.seen.shell("cd / && sha256sum -c --quiet /var/lib/homeport/written/hello && echo right") == "right"
    for url in ("http://elsewhere.example/", "https://elsewhere.example/"):
        assert stage.theirs(url) == "theirs"
    assert stage.seen.curl("/", "--fail").returncode == 0


def test_folders_that_are_links_are_links_still_and_sshd_has_its_settings_behind_one(stage: Stage) -> None:
    for place in ("/etc/nginx/sites-enabled", "/etc/ssh/sshd_config.d"):
        assert stage.seen.shell(f"readlink {place}").startswith("/opt/theirs/")
    assert stage.seen.shell(f"stat -c %F {DROP_IN}") == "regular file"
    assert "passwordauthentication no" in stage.seen.shell("sshd -T")


def test_a_second_deploy_changes_nothing_on_that_machine(stage: Stage) -> None:
    output = stage.project.deployed(stage.host)
    assert "write " not in output
    assert "leave " not in output


def test_another_project_of_the_same_name_does_not_take_the_site(stage: Stage) -> None:
    said = "\n".join(stage.refused(domain="other.example.com"))
    assert f"app_name: this host serves another site as hello: {stage.host.domain}; choose another name" in said
    assert stage.seen.curl("/", "--fail").returncode == 0


def test_the_doctor_says_whose_server_decides_what_tls_visitors_speak(stage: Stage) -> None:
    settle_data(stage.project)
    found = json.loads(homeport(stage.project, "doctor", "lab", "--limit", stage.host.name, "--json").stdout)
    notices = {one["id"]: one["evidence"] for one in found[0]["findings"]}
    assert notices["tls_profile"] == (
        "it does not speak TLSv1.3; /etc/nginx/sites-enabled/default has the default server of port 443, "
        "which decides that"
    )


def test_a_mount_point_and_an_override_that_would_replace_it(stage: Stage) -> None:
    override = stage.project.folder / "overrides/nginx/nginx.conf"
    override.parent.mkdir(parents=True)
    override.write_text('{% extends "homeport/nginx/nginx.conf" %}{% block gzip %}gzip off;{% endblock %}')
    stage.seen.shell(f"cp -a {NGINX} /opt/theirs/mounted && mount --bind /opt/theirs/mounted {NGINX}")
    try:
        said = "\n".join(stage.refused())
        assert f"host: {NGINX} is a mount point, and homeport cannot write a file over it; umount {NGINX}" in said
    finally:
        stage.seen.shell(f"umount {NGINX}")
    assert "write /etc/nginx/nginx.conf (content differs)" in stage.project.deployed(stage.host)
