"""Files under /etc on a real machine: all of them are replaced or none is, and what is served goes on being served."""

from __future__ import annotations

import base64
import io
import random
import shlex
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost, Suite
from homeport.state.snapshot import MachineFound
from tests.lab.conftest import MakeHost
from tests.lab.project import Project, Seen
from tests.lab.seasoned import Seasoned
from tests.nginx_sites import files, some_sites, write

pytestmark = pytest.mark.lab
WATCHED = "/etc/nginx /etc/systemd/system /etc/homeport /usr/local/bin /etc/letsencrypt/renewal-hooks"
NONSENSE = '{% extends "homeport/nginx/nginx.conf" %}{% block gzip %}\n    nonsense on;\n{% endblock %}'
RENEWAL = "[Unit]\nDescription=x\n[Service]\nType=oneshot\nExecStart=certbot-without-a-path renew\nNonsense=yes\n"
CHANGED = '{% extends "homeport/nginx/nginx.conf" %}{% block gzip %}\n    gzip off;\n{% endblock %}'
ADDED = '{% include "homeport/nginx/default.conf" %}\n# one more line\n'
SOUND = "[Unit]\nDescription=x\n[Service]\nType=oneshot\nExecStart=/bin/true\n"


class Site(Seen):
    def answers_at(self, path: str) -> bool:
        return self.curl(path, "--fail").returncode == 0


@dataclass
class Stage:
    project: Project
    host: LabHost
    seen: Site

    def everything(self) -> str:
        """Return every watched path with inode, mode, owner and time: a file that is replaced has others."""
        seen = "%p %i %m %u:%g"
        command = f"find {WATCHED} -type d -printf '{seen}\\n' -o -printf '{seen} %y %s %T@ %l\\n'"
        return self.seen.shell(f"{command} | sort")

    def refused(self) -> str:
        """Deploy, have it refused in one line that leaves everything as it is, and return all that was printed."""
        before, nginx = self.everything(), self.seen.shell("pgrep -x nginx | sort")
        result = self.project.deploy(self.host)
        assert result.returncode == 1, result.stdout
        lines = [line for line in result.stdout.splitlines() if "] error: " in line]
        assert len(lines) == 1, result.stdout
        [line] = lines
        assert "error: files: " in line
        assert line.endswith("; nothing was replaced")
        assert self.everything() == before
        assert self.seen.shell("pgrep -x nginx | sort") == nginx
        assert self.seen.answers_at("/")
        return result.stdout


@pytest.fixture(scope="module")
def deployed(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("files1")
    project = Project.create(tmp_path_factory.mktemp("files") / "project", lab, "hello", workers=1)
    project.deployed(host)
    yield Stage(project, host, Site(lab, host))
    lab.remove(host.name)


@pytest.fixture
def stage(deployed: Stage) -> Iterator[Stage]:
    """The machine, and a project without overrides after the test."""
    yield deployed
    shutil.rmtree(deployed.project.folder / "overrides", ignore_errors=True)


def test_a_configuration_that_nginx_does_not_accept_replaces_nothing(stage: Stage) -> None:
    stage.project.override("nginx/nginx.conf", NONSENSE)
    stage.project.override("certbot/homeport-renew.service", SOUND)
    assert 'unknown directive "nonsense"' in stage.refused()


def test_a_unit_that_systemd_does_not_accept_replaces_nothing(stage: Stage) -> None:
    stage.project.override("certbot/homeport-renew.service", RENEWAL)
    stage.project.override("nginx/nginx.conf", CHANGED)
    assert "homeport-renew.service" in stage.refused()


def test_a_disk_that_is_full_in_the_middle_of_the_files_replaces_nothing(stage: Stage) -> None:
    full, kept = "/etc/nginx/homeport", "/root/kept"
    stage.seen.shell(
        f"cp -a {full} {kept} && mount -t tmpfs -o size=32k,mode=755 tmpfs {full} && cp -a {kept}/. {full}/ && "
        f"head -c 1M /dev/zero >{full}/filler 2>/dev/null || true"
    )
    try:
        stage.project.override("nginx/nginx.conf", CHANGED)
        stage.project.override("nginx/default.conf", ADDED)
        assert f"no space is left on the file system {full} (" in stage.refused()
    finally:
        stage.seen.shell(f"umount {full} && rm -r {kept}")


def test_a_directory_in_the_place_of_a_file_replaces_nothing(stage: Stage) -> None:
    claim = "/etc/homeport/hello/site.json"
    stage.seen.shell(f"mv {claim} /root/claim && mkdir {claim}")
    try:
        stage.project.override("nginx/nginx.conf", CHANGED)
        assert f"{claim} is a directory" in stage.refused()
    finally:
        stage.seen.shell(f"rmdir {claim} && mv /root/claim {claim}")


def test_files_that_somebody_changed_are_put_right_and_the_proxy_takes_them_up(stage: Stage) -> None:
    before = stage.seen.shell("sha256sum /etc/nginx/nginx.conf /etc/homeport/hello/site.json")
    stage.seen.shell(
        "echo '# mine' >>/etc/nginx/nginx.conf; chmod 600 /etc/homeport/hello/site.json; "
        "chown www-data /etc/nginx/homeport/hello.conf; chmod 700 /etc/nginx/homeport"
    )
    output = stage.project.deployed(stage.host)
    for line in ("content differs", "mode 0600, not 0644", "belongs to www-data:root", "mode 0700, not 0755"):
        assert line in output
    assert stage.seen.shell("sha256sum /etc/nginx/nginx.conf /etc/homeport/hello/site.json") == before
    assert (
        stage.seen.shell("stat -c '%U %a' /etc/nginx/homeport/hello.conf /etc/nginx/homeport") == "root 644\nroot 755"
    )
    assert stage.seen.answers_at("/")


def test_a_certificate_that_was_deleted_is_replaced_although_nginx_is_down(stage: Stage) -> None:
    stage.seen.shell("certbot delete --non-interactive --cert-name hello")
    stage.seen.shell("systemctl stop nginx")
    output = stage.project.deployed(stage.host)
    assert "obtain certificate" in output
    assert stage.seen.answers_at("/")


def test_no_file_is_left_of_failed_changes(stage: Stage) -> None:
    assert stage.seen.shell(f"find {WATCHED} -name '*homeport-new*' -o -name '.stage.*'") == ""
    assert "content differs" not in stage.project.deployed(stage.host)


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_the_nginx_of_every_suite_accepts_sites_of_many_shapes(
    lab: Lab, make_host: MakeHost, suite: Suite, tmp_path: Path
) -> None:
    host = make_host(suite)
    seen = Seen(lab, host)
    seen.shell("apt-get -q update >/dev/null && apt-get -q -y --no-install-recommends install nginx openssl >/dev/null")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x"
    seen.shell(
        f"mkdir -p /tmp/tls && openssl req -x509 {key} -keyout /tmp/tls/privkey.pem -out /tmp/tls/fullchain.pem 2>&1"
    )
    chance = random.Random(1)  # noqa: S311
    for number in range(60):
        machine = MachineFound("debian", {"bookworm": "12", "trixie": "13"}[suite], ipv6=chance.random() < 0.5)
        write(tmp_path / str(number), files(some_sites(chance), machine), on_host=f"/tmp/sites/{number}")
    script = (
        "rm -rf /tmp/sites; mkdir /tmp/sites; base64 -d | tar -xzf - -C /tmp/sites; cd /tmp/sites; for one in *; do "
        'ln -s /tmp/tls "$one/tls"; cp /etc/nginx/mime.types "$one/"; '
        '/usr/sbin/nginx -t -q -e /tmp/sites/error.log -c "/tmp/sites/$one/nginx.conf" 2>&1 || echo "site $one"; done'
    )
    answer = lab.run(host, f"sudo sh -c {shlex.quote(script)}", stdin=_archive(tmp_path))
    assert (answer.returncode, answer.stdout) == (0, "")


def _archive(folder: Path) -> str:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(folder, arcname=".")
    return base64.encodebytes(buffer.getvalue()).decode()
