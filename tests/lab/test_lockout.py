"""Changes that would lock everybody out: the host takes them back by itself, and the application answers meanwhile.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import secrets
import shlex
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.host.fake_programs import TALK
from tests.lab.commands import refusal
from tests.lab.port_scan import connects
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
# What nobody can foresee of it: sshd itself takes it, and turns nobody away by name.
NOWHERE = '{% extends "homeport/ssh/sshd.conf" %}{% block more %}AuthorizedKeysFile /nowhere\n{% endblock %}'
CLOSED = '{% extends "homeport/firewall/homeport.nft" %}{% block open %}tcp dport { 80, 443 } accept{% endblock %}'
# Shorter than anybody would have it, since a test waits for it; and longer than a test lasts.
SOON, NEVER = 12, 600
CALLED = 5999
CALLER = f"""
import socket, sys, time
for attempt in range(100):
    try:
        one = socket.create_connection((sys.argv[1], {CALLED}))
        break
    except OSError:
        time.sleep(0.1)
heard = b""
while not heard.endswith(b"end\\n"):
    heard += one.recv(100)
one.sendall(b"heard end")
"""
STATE = "cat /etc/ssh/sshd_config.d/* /etc/homeport/firewall.nft; nft -s list ruleset; sshd -T | sort"
PENDING = "/etc/homeport/.pending-access.json"
# Somebody who may log in, and whose key no file has.
ANOTHER = "deployer"
MAKE_ANOTHER = f"useradd -m -s /bin/sh {ANOTHER}; echo '{ANOTHER} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{ANOTHER}"
WHERE_WE_WRITE = "/etc /srv /usr/local /var/lib"


@dataclass
class Stage:
    """A machine that serves and lets us in, and a project whose overrides may spoil that."""

    project: Project
    host: LabHost
    seen: Seen

    @contextmanager
    def override(self, name: str, text: str) -> Iterator[None]:
        place = self.project.override(name, text)
        try:
            yield
        finally:
            place.unlink()

    def lets_in(self) -> bool:
        """Tell whether a new connection is let in."""
        return connects(self.host.address, 22, 2) and self.project.lab.run(self.host, "true").returncode == 0

    def port_is_open(self) -> bool:
        return connects(self.host.address, 22, 1.5)

    def deploy_until_the_door_is_shut(self) -> None:
        """Deploy, and kill the controller when the host has shut its door."""
        with self.project.started(self.host.name, "-y", lockout_timeout_seconds=NEVER) as process:
            try:
                assert until(lambda: not self.port_is_open())
            finally:
                process.kill()


@contextmanager
def asked_all_the_time(seen: Seen) -> Iterator[list[str]]:
    """Ask the application over and over; yield what went wrong."""
    stop, wrong, good = threading.Event(), list[str](), list[int]()

    def ask() -> None:
        while not stop.wait(0.2):
            answer: subprocess.CompletedProcess[str] = seen.curl("/health", "--fail")
            good.append(1) if answer.returncode == 0 else wrong.append(answer.stderr)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield wrong
    finally:
        stop.set()
        thread.join()
    assert good
    assert wrong == []


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("locked")
    project = Project.create(tmp_path_factory.mktemp("locked") / "project", lab, "hello", workers=1, watch_seconds=0)
    project.deployed(host, firewall=False, sshd_hardening=False)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_somebody_with_a_password_and_no_key_is_refused_before_anything_changes(stage: Stage) -> None:
    password, lets_passwords_in = secrets.token_hex(16), "/etc/ssh/sshd_config.d/10-passwords.conf"
    stage.seen.shell(
        f"{MAKE_ANOTHER}; echo {ANOTHER}:{password} | chpasswd;"
        f"echo 'PasswordAuthentication yes' >{lets_passwords_in}; systemctl reload ssh; touch /run/before"
    )
    line = refusal(stage.project.deploy(stage.host, ssh_user=ANOTHER, ssh_password=password), 1)
    assert f"{ANOTHER} has no authorized key, and could not log in without a password" in line
    assert "add your key on the host (ssh-copy-id), or set sshd_hardening = False" in line
    assert stage.seen.shell(f"find {WHERE_WE_WRITE} -newer /run/before") == ""
    stage.seen.shell(f"rm {lets_passwords_in}; systemctl reload ssh")


def test_colleagues_who_would_be_locked_out_are_named_before_anything_changes(stage: Stage) -> None:
    names, keys = ("anna", "bob", "carol"), "/home/debian/.ssh/authorized_keys"
    make = [f"useradd -m {name}; echo {name}:{secrets.token_hex(16)} | chpasswd;" for name in names]
    make += [f"install -D -o {name} {keys} /home/{name}/.ssh/authorized_keys;" for name in ("anna", "carol")]
    # Everybody may come by a password, and carol must. The folder is a link, which no copy may write through.
    stage.seen.shell(
        f"{''.join(make)} mv /etc/ssh/sshd_config.d /etc/kept && ln -s /etc/kept /etc/ssh/sshd_config.d;"
        "echo 'PasswordAuthentication yes' >/etc/kept/10-passwords.conf;"
        "printf 'Match User carol\\n AuthenticationMethods password\\n' >/etc/kept/60-carol.conf;"
        "ssh-keygen -q -t ecdsa -N '' -f /etc/ssh/ssh_host_ecdsa_key; sshd -t; touch /run/before"
    )
    try:
        planned = stage.project.pyinfra(stage.host.name, "--dry")
        assert planned.returncode == 1, planned.stdout
        named = f"{ANOTHER} (it can log in only by password), bob (it can log in only by password), carol (Authent"
        assert f"these could not log in any more: {named}icationMethods password); give" in planned.stdout
        assert stage.seen.shell(f"find {WHERE_WE_WRITE} -newer /run/before") == ""
        planned = stage.project.pyinfra(stage.host.name, "--dry", sshd_close=f"bob,carol,{ANOTHER}")
        assert planned.returncode == 0, planned.stdout
        assert "close SSH for bob (it can log in only by password)" in planned.stdout
        assert "close SSH host key ecdsa-sha2-nistp256" in planned.stdout
        stage.seen.shell("echo 'NoSuchWord yes' >/etc/kept/70-broken.conf")
        planned = stage.project.pyinfra(stage.host.name, "--dry", sshd_close=f"bob,carol,{ANOTHER}")
        assert planned.returncode == 1
        assert "sshd does not accept its settings together with homeport's (" in planned.stdout
    finally:
        stage.seen.shell(
            "rm /etc/ssh/ssh_host_ecdsa_key* /etc/ssh/sshd_config.d /etc/kept/[16]0-*; rm -f /etc/kept/70-*;"
            "mv /etc/kept /etc/ssh/sshd_config.d; for user in anna bob carol; do userdel -r $user; done"
        )


def test_a_machine_that_serves_takes_them_up_without_a_lost_request(stage: Stage) -> None:
    assert stage.seen.shell("nft list tables; ls /etc/ssh/sshd_config.d | grep -v lab || true") == ""
    with asked_all_the_time(stage.seen):
        # A connection that the machine has opened, and on which it is spoken to now and then.
        gateway = stage.project.lab.context().network.gateway
        stage.seen.shell(f"systemd-run -q --unit=caller /usr/bin/python3 -c {shlex.quote(CALLER)} {gateway}")
        with socket.create_server((gateway, CALLED)) as server:
            caller = server.accept()[0]
            stop = threading.Event()
            talk = threading.Thread(target=_talk, args=(caller, stop))
            talk.start()
            stage.project.deployed(stage.host)
            stop.set()
            talk.join()
            caller.settimeout(10)
            caller.sendall(b"end\n")
            assert b"heard end" in caller.recv(100)
    assert "table inet homeport" in stage.seen.shell("nft list tables")


def test_the_plan_names_a_foreign_site_that_nginx_would_refuse(stage: Stage) -> None:
    stage.seen.shell("echo 'no_such_directive on;' >/etc/nginx/conf.d/theirs.conf")
    planned = stage.project.pyinfra(stage.host.name, "--dry")
    stage.seen.shell("rm /etc/nginx/conf.d/theirs.conf")
    assert planned.returncode == 1, planned.stdout
    assert 'nginx: nginx does not accept the configuration in /etc/nginx (unknown directive "no_such_' in planned.stdout
    assert "/etc/nginx/conf.d/theirs.conf:1" in planned.stdout


def _talk(caller: socket.socket, stop: threading.Event) -> None:
    while not stop.wait(0.3):
        caller.sendall(b"x")


# The firewall's lock-out is also that of the controller that is killed, below.
@pytest.mark.parametrize(
    ("name", "text"),
    [("ssh/sshd.conf", NOWHERE), pytest.param("firewall/homeport.nft", CLOSED, marks=pytest.mark.sampled)],
)
def test_a_change_that_locks_out_is_taken_back_by_the_host_itself(stage: Stage, name: str, text: str) -> None:
    before = stage.seen.shell(STATE)
    with asked_all_the_time(stage.seen), stage.override(name, text):
        result = stage.project.deploy(stage.host, lockout_timeout_seconds=SOON)
        line = refusal(result, 1)
        assert "no new connection could confirm the changed firewall or sshd" in line
        assert f"the host restores the previous state by itself within {SOON} s" in line
        assert until(stage.lets_in, 60)
        assert until(lambda: stage.seen.shell(f"ls {PENDING} 2>/dev/null || true") == "")
    assert stage.seen.shell(STATE) == before
    assert "the previous state is restored" in stage.seen.shell("journalctl --no-pager -q -u 'homeport-lockout-*'")


def test_a_controller_that_is_killed_before_it_confirms_locks_nobody_out(stage: Stage) -> None:
    before = stage.seen.shell(STATE)
    with asked_all_the_time(stage.seen), stage.override("firewall/homeport.nft", CLOSED):
        with stage.project.started(stage.host.name, "-y", lockout_timeout_seconds=SOON) as process:
            try:
                assert until(lambda: not stage.port_is_open())
            finally:
                process.kill()
        assert until(stage.lets_in, 60)
    assert stage.seen.shell(STATE) == before


def test_a_power_cut_before_the_confirmation_locks_nobody_out(stage: Stage) -> None:
    before = stage.seen.shell(STATE)
    with stage.override("firewall/homeport.nft", CLOSED):
        stage.deploy_until_the_door_is_shut()
    stage.project.lab.reboot(stage.host, hard=True)
    assert stage.seen.shell(STATE) == before
    assert stage.seen.shell(f"ls {PENDING} 2>/dev/null || true") == ""
    assert until(stage.seen.answers, 60)


def test_settings_that_are_on_the_hosts_disk_and_would_lock_us_out_are_refused_before_anything_changes(
    stage: Stage,
) -> None:
    trap = "/etc/ssh/sshd_config.d/20-mine.conf"
    stage.seen.shell(f"echo 'AllowUsers nobody' >{trap}")
    try:
        with stage.override("ssh/sshd.conf", '{% extends "homeport/ssh/sshd.conf" %}{% block more %}{% endblock %}'):
            line = refusal(stage.project.deploy(stage.host), 1)
        assert "refuse the login of debian (AllowUsers nobody)" in line
        assert stage.lets_in()
    finally:
        stage.seen.shell(f"rm {trap}")


def test_settings_that_sshd_refuses_change_nothing(stage: Stage) -> None:
    before = stage.seen.shell(STATE)
    with stage.override("ssh/sshd.conf", "# Written by homeport\nNoSuchWord yes\n"):
        result = stage.project.deploy(stage.host)
    assert result.returncode == 1
    assert "sshd does not accept its settings" in result.stdout
    assert stage.seen.shell(STATE) == before


def test_a_good_change_is_kept_after_all_that(stage: Stage) -> None:
    quick = '{% extends "homeport/ssh/sshd.conf" %}{% block more %}LoginGraceTime 33\n{% endblock %}'
    with stage.override("ssh/sshd.conf", quick.replace("block more", "block limits")):
        stage.project.deployed(stage.host)
    assert "logingracetime 33" in stage.seen.shell("sshd -T")
    assert stage.seen.shell("systemctl list-units --all --no-legend 'homeport-lockout-*'") == ""


def test_a_user_with_a_key_from_authorized_keys_command_is_let_in(stage: Stage) -> None:
    key = stage.project.lab.directory.key_file.with_suffix(".pub").read_text().strip()
    stage.seen.shell(
        f"echo '[ $1 != {ANOTHER} ] || echo \"{key}\"' >/etc/ssh/keys.sh;"
        "echo 'AuthorizedKeysCommand /bin/sh /etc/ssh/keys.sh %u' >/etc/ssh/sshd_config.d/10-keys.conf;"
        "echo 'AuthorizedKeysCommandUser nobody' >>/etc/ssh/sshd_config.d/10-keys.conf; systemctl reload ssh"
    )
    # And sudo wants a password, of the lock and of the new connection that confirms the change too.
    password = f"sudo-{secrets.token_hex(16)}"
    stage.seen.shell(f"echo {ANOTHER}:{password} | chpasswd; echo '{ANOTHER} ALL=(ALL) ALL' >/etc/sudoers.d/{ANOTHER}")
    stage.project.deployed(stage.host, ssh_user=ANOTHER, _sudo_password=password)
    assert "logingracetime 30" in stage.seen.shell("sshd -T")
    assert "passwordauthentication no" in stage.seen.shell("sshd -T")


def test_systemd_answers_as_the_tests_without_a_machine_have_it(stage: Stage) -> None:
    for command, status, said in TALK:
        done = stage.project.lab.run(stage.host, f"sudo {command.format(command='/bin/true')}")
        assert (done.returncode, " ".join(done.stdout.split())) == (status, said), command
