"""A machine as some have it: Nginx's folder behind a link, files that cannot be changed, sudo with a password, tcsh, a
proxy that is the only way out, and a Python of the login's own that goes away.

The tests share it and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.commands import homeport, settle_data
from tests.lab.forward_proxy import forwarder
from tests.lab.project import Project, Seen, changes_nothing
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
HOST = "unusual"
LIMIT = ("lab", "--limit", HOST)
REAL = "/opt/conf/nginx"
# What Nginx has, and what it is: inode, mode, time and target of everything, there and behind the link.
NGINX = f"find /etc/nginx {REAL} -printf '%p %i %m %T@ %l\\n' | sort; find {REAL} -type f | sort | xargs sha256sum"
SITE = "nginx/site.conf"


@dataclass
class Stage:
    project: Project
    host: LabHost
    seen: Seen

    def no_override(self, path: str) -> None:
        (self.project.folder / "overrides" / path).unlink()


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add(HOST)
    project = Project.create(tmp_path_factory.mktemp(HOST) / "project", lab, "hello", watch_seconds=0)
    settle_data(project)
    seen = Seen(lab, host)
    seen.shell(f"mkdir -p {REAL} && cp -a /etc/nginx/. {REAL} && rm -r /etc/nginx && ln -s {REAL} /etc/nginx")
    project.deployed(host)
    yield Stage(project, host, seen)
    lab.remove(HOST)


def test_nginxs_folder_may_be_a_link_and_stays_one(stage: Stage) -> None:
    assert stage.seen.answers()
    assert stage.seen.shell("readlink /etc/nginx") == REAL
    assert (
        stage.seen.shell(f"stat -c %F {REAL}/homeport/hello.conf {REAL}/nginx.conf").split("\n") == ["regular file"] * 2
    )
    before = stage.seen.shell(NGINX)
    assert changes_nothing(stage.project.deployed(stage.host))
    assert stage.seen.shell(NGINX) == before


def test_a_site_that_nginx_refuses_changes_nothing_behind_a_link(stage: Stage) -> None:
    before, serves = stage.seen.shell(NGINX), stage.seen.get("/health")["release"]
    stage.project.override(
        "nginx/nginx.conf", '{% extends "homeport/nginx/nginx.conf" %}{% block events %}nonsense on;{% endblock %}'
    )
    said = stage.project.deploy(stage.host)
    assert said.returncode == 1, said.stdout
    assert 'unknown directive "nonsense"' in said.stdout
    assert stage.seen.shell(NGINX) == before
    stage.no_override("nginx/nginx.conf")
    # And what only the release brings: its site.
    stage.project.override(SITE, '{% extends "homeport/nginx/site.conf" %}{% block limits %}nonsense on;{% endblock %}')
    said = stage.project.deploy(stage.host)
    assert said.returncode == 1, said.stdout
    assert 'unknown directive "nonsense"' in said.stdout
    assert stage.seen.shell(NGINX) == before
    stage.project.override(
        SITE, '{% extends "homeport/nginx/site.conf" %}{% block limits %}client_max_body_size 3m;{% endblock %}'
    )
    stage.project.deployed(stage.host)
    assert stage.seen.shell(f"grep -c 'client_max_body_size 3m' {REAL}/homeport/hello.conf") == "1"
    assert stage.seen.shell("readlink /etc/nginx") == REAL
    assert stage.seen.get("/health")["release"] != serves


def test_a_file_that_may_not_be_changed_ends_a_deploy_before_others_are_and_a_mount_point_too(stage: Stage) -> None:
    unit, conf = "/etc/systemd/system/homeport-renew.timer", "/etc/logrotate.d/nginx"
    if stage.seen.shell(f"chattr +i {unit} 2>&1 || echo refused").endswith("refused"):
        pytest.skip("this file system, or this kernel's namespace, has no immutable files")
    try:
        # Nothing of it is to be replaced: no reason to refuse.
        assert changes_nothing(stage.project.deployed(stage.host))
        stage.seen.shell(f"cp -a {conf} /run/conf; mount --bind /run/conf {conf}")
        for name, text in (("certbot/homeport-renew.timer", "# more\n"), ("upkeep/logrotate", "# more\n")):
            stage.project.override(name, f'{{% include "homeport/{name}" %}}\n{text}')
        before = stage.seen.shell(NGINX)
        said = stage.project.deploy(stage.host)
    finally:
        stage.seen.shell(f"chattr -i {unit}; umount {conf} || :")
    assert said.returncode == 1, said.stdout
    assert f"{unit} may not be changed (lsattr says so); chattr -ia {unit}" in said.stdout
    assert f"{conf} is a mount point, and homeport cannot write a file over it; umount {conf}" in said.stdout
    assert stage.seen.shell(NGINX) == before
    stage.project.deployed(stage.host)
    assert stage.seen.shell(f"tail -n 1 {unit} {conf} | grep -c more") == "2"


@pytest.fixture
def password(stage: Stage) -> Iterator[str]:
    """The password that sudo wants of the login while the test runs."""
    user, given = stage.host.user, f"sudo-{secrets.token_hex(16)}"
    rule = f"/etc/sudoers.d/{user}"
    kept = " ".join(stage.seen.shell("grep -l NOPASSWD /etc/sudoers.d/*").split())
    # Whatever becomes of the test, the machine's own program gives the rights back.
    give_back = "systemd-run -q --unit=give-back --on-active=10min sh -c 'mv /run/kept/* /etc/sudoers.d/'"
    stage.seen.shell(
        f"echo {user}:{given} | chpasswd; mkdir -p /run/kept; {give_back};"
        f"mv {kept} /run/kept/; printf '%s\\n' '{user} ALL=(ALL) ALL' >{rule}; chmod 440 {rule}"
    )
    yield given
    give = shlex.quote(f"mv /run/kept/* /etc/sudoers.d/; rm {rule}; systemctl stop give-back.timer")
    done = stage.project.lab.run(stage.host, f"sudo -S -p '' sh -c {give}", stdin=f"{given}\n")
    assert done.returncode == 0, done.stderr


def test_sudo_may_want_a_password_that_is_among_the_hosts_data_or_in_config_py(stage: Stage, password: str) -> None:
    for command in ("status", "restart"):
        told = homeport(stage.project, command, *LIMIT)
        assert told.returncode == 1
        assert "sudo asks for a password" in told.stdout
        assert "_sudo_password" in told.stdout
    config, group = stage.project.folder / "config.py", stage.project.folder / "group_data/lab.py"
    before, without = config.read_text(), group.read_text()
    settle_data(stage.project, _sudo_password=password)
    for command in ("status --json", "plan", "restart", "lock -m wait", "unlock", "doctor", "deploy --yes"):
        name, *options = command.split()
        done = homeport(stage.project, name, *LIMIT, *options)
        assert done.returncode == 0, done.stdout
        assert password not in done.stdout
    ran = homeport(stage.project, "run", *LIMIT, "--", "id", "-un")
    assert (ran.returncode, ran.stdout) == (0, "hello\n")
    # pyinfra's own way to say it for all hosts.
    group.write_text(without)
    config.write_text(f"{before}\nfrom pyinfra import config\nconfig.SUDO_PASSWORD = {password!r}\n")
    own = stage.project.deploy(stage.host)
    config.write_text(before)
    assert own.returncode == 0, own.stdout


def test_tcsh_as_login_shell_runs_no_piece_of_a_script_and_what_needs_one_says_so(stage: Stage) -> None:
    user, serves = stage.host.user, stage.seen.get("/health")
    stage.seen.shell("apt-get -qq update; apt-get -qq install -y tcsh >/dev/null 2>&1; ls /bin/tcsh")
    stage.seen.shell(f"usermod -s /bin/tcsh {user}")
    try:
        # A command of one line is taken as it is; of more lines not one is run.
        for command in ("status", "releases", "cert", "run -- true"):
            name, *options = command.split()
            done = homeport(stage.project, name, *LIMIT, *options)
            assert done.returncode == 0, done.stdout
        for command in ("plan", "deploy --yes", "lock -m x", "restart"):
            name, *options = command.split()
            done = homeport(stage.project, name, *LIMIT, *options)
            assert done.returncode == 1, done.stdout
            assert "Traceback" not in done.stdout
            errors = {line.partition("error: ")[2] for line in done.stdout.splitlines() if "error: " in line}
            assert len(errors) == 1, done.stdout
            assert "the login shell there is csh or tcsh" in errors.pop()
            assert "chsh -s /bin/bash" in done.stdout
    finally:
        stage.project.lab.run(stage.host, f"sudo usermod -s /bin/bash {user}")
    assert stage.seen.get("/health") == serves
    assert homeport(stage.project, "plan", *LIMIT).returncode == 0


def test_a_certificate_is_renewed_by_the_machines_proxy_after_the_logins_python_has_gone(stage: Stage) -> None:
    seen, lab = stage.seen, stage.project.lab
    name, _, port = lab.directory.load().acme_directory.split("/")[2].partition(":")
    address = seen.shell(f"getent ahostsv4 {name} | head -n 1 | cut -d ' ' -f 1")
    seen.shell("cp /etc/environment /run/environment.before")
    # Nothing but the proxy leads to the authority.
    out = "{ type filter hook output priority 0; }"
    seen.shell(f"nft 'add table inet noway; add chain inet noway out {out}'")
    seen.shell(f"nft add rule inet noway out ip daddr {address} tcp dport {port} reject with tcp reset")
    renew = "/usr/local/lib/homeport/certbot renew --cert-name hello --force-renewal --no-random-sleep-on-renew"
    serial = seen.serial()
    try:
        assert "refused" in seen.shell(f"{renew} 2>&1 || :").lower()
        with forwarder(lab.context().network.gateway, {name: address}) as proxy:
            # Another Python comes first, as long as tools are made; and is taken away.
            seen.shell(f"echo 'https_proxy=\"http://{proxy.address}:{proxy.port}\"' >>/etc/environment")
            seen.shell("cp /usr/bin/python3 /usr/local/bin/python3")
            seen.shell("rm /usr/local/lib/homeport/tools && rm -r /usr/local/lib/homeport/tools-*")
            stage.project.deployed(stage.host)
            seen.shell("rm /usr/local/bin/python3")
            configuration = "/etc/letsencrypt/renewal/hello.conf"
            seen.shell(f"sed -i '/renew_before_expiry/d; 1i renew_before_expiry = 4000 days' {configuration}")
            seen.shell("systemctl start homeport-renew.service")
            assert seen.property("homeport-renew.service", "Result") == "success"
            assert seen.serial() != serial
            assert f"{name}:{port}" in proxy.asked
            seen.shell(f"sed -i /renew_before_expiry/d {configuration}")
    finally:
        seen.shell("nft delete table inet noway; cat /run/environment.before >/etc/environment")
