"""Applications whose names begin alike: one is removed and the other serves on; with the last one homeport leaves too.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from tests.cli.test_schema import conforms
from tests.lab.clients import Target
from tests.lab.commands import homeport, settle_data
from tests.lab.load import PROBE, load
from tests.lab.project import REPOSITORY, Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
HOST, PORT = "leaving", 9100
UNSEEN = ("/proc", "/sys", "/tmp", "/var/log", "/run/systemd")
LIMIT = ("--limit", HOST)
# The lab gives each machine one name.
INVENTORY = """from homeport.lab.inventory import inventory

lab = [(host, {**data, "domain": f"admin.{data['domain']}"}) for host, data in inventory()]
"""
WRITTEN_BY_OTHERS = ("/var/lib/systemd", "/var/lib/logrotate", "/var/cache/apt", "/var/lib/apt", "/root/aside", "/home")
OWN = {
    "/etc/nginx/nginx.conf": "events {}\nhttp {\n    server { listen 80; return 200 mine; }\n}",
    "/usr/local/bin/certbot": "#!/bin/sh\nexec /usr/bin/false",
}
BESIDE = {"beat": {"command": "sleep infinity"}}


@dataclass
class Stage:
    """A machine with two applications, and its files and settings as they were before."""

    note: Project
    admin: Project
    seen: Seen
    admin_name: str
    files: list[str]
    settings: list[str]

    def remove(self, *words: str, project: Project | None = None) -> str:
        """Remove an application (`note`) and have it succeed; return what was printed."""
        done = homeport(project or self.note, "remove", "lab", *LIMIT, "--yes", *words)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def named(self, app: str) -> list[str]:
        """Return every file and folder of the machine that has the application's name as a name, or a part of one."""
        names = f"'.*/\\.?(asked-)?{app}([@.][^/]*|-migrate@[^/]*)?'"
        found = self.seen.shell(
            f"find / /run/homeport -xdev \\( {' -o '.join(f'-path {path}' for path in UNSEEN)} \\) -prune"
            f" -o -regextype posix-extended -regex {names} -print | sort -u"
        )
        return found.splitlines()


def files(seen: Seen) -> list[str]:
    """Return a line for each file, folder and link of the machine, but for what it writes by itself all the time."""
    skipped = " -o ".join(f"-path {path}" for path in (*UNSEEN, *WRITTEN_BY_OTHERS))
    listed = seen.shell(f"find / -xdev \\( {skipped} \\) -prune -o -printf '%p %y %m %u %g %l\\n'").splitlines()
    sums = seen.shell("find /etc /usr/local -type f -exec sha256sum {} +").splitlines()
    changing = (
        "/etc/passwd-",
        "/etc/group-",
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/.pwd.lock",
        "/etc/subuid",
        "/etc/subgid",
    )
    return sorted(line for line in (*listed, *sums) if not any(name in line for name in changing))


def settings(seen: Seen) -> list[str]:
    """Return what services and the kernel have been told: by their own words."""
    commands = (
        *("nft list ruleset", "/usr/sbin/sshd -T", "apt-config dump", "swapon --noheadings", "getent passwd"),
        *(
            "systemctl list-unit-files --no-legend --no-pager | grep -v '^session-'",
            "systemd-analyze cat-config systemd/journald.conf",
        ),
        *("nginx -T 2>/dev/null", "systemctl show -p DropInPaths --value nginx nftables logrotate.timer"),
        "systemctl list-units --all --plain --no-legend --no-pager '*.timer' 'nginx*' 'homeport*' | cut -d ' ' -f 1",
    )
    return sorted(
        f"{command.split()[0]}: {line}"
        for command in commands
        for line in seen.shell(f"{command} || true").splitlines()
    )


def somebodys(seen: Seen, project: Project) -> None:
    """Have a machine as somebody has set it up who does not know homeport: Nginx, Certbot's name, and the rest are his.

    A seasoned machine has been provisioned in part, so homeport is removed first; its tools are put back, for time.
    """
    seen.shell("mkdir /root/aside; cp -a /usr/local/lib/homeport/tools* /root/aside")
    done = homeport(project, "remove", "lab", *LIMIT, "--yes", "--machine", "--data")
    assert done.returncode == 0, done.stdout
    others = "/(root|srv|proc|var/log)/|homeport-lab"
    assert seen.shell(f"find / -xdev -name '*homeport*' | grep -vE '{others}' || :") == ""
    for path, text in OWN.items():
        seen.shell(f"cat >{path} <<'END'\n{text}\nEND\nchmod 755 {path}")
    seen.shell("systemctl reload-or-restart nginx")


def begun(project: Project, *words: str) -> subprocess.Popen[str]:
    """Begin a command of homeport."""
    environment = {**os.environ, "HOMEPORT_LAB": str(project.lab.directory.path), "PYTHONPATH": str(REPOSITORY)}
    command, quiet = [sys.executable, "-m", "homeport.cli.main", *words], subprocess.DEVNULL
    return subprocess.Popen(
        command, cwd=project.folder, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, text=True
    )


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add(HOST)
    folder, name = tmp_path_factory.mktemp("leaving"), f"admin.{host.domain}"
    note = Project.create(folder / "note", lab, "hello", app_name="note")
    settle_data(note, watch_seconds=0, processes=BESIDE, firewall_open=(f"{PORT}/tcp",), take_over=tuple(OWN))
    admin = Project.create(folder / "admin", lab, "hello", app_name="note-admin")
    settle_data(admin, watch_seconds=0, processes=BESIDE, port_blue=8011, port_green=8012)
    (admin.folder / "inventories" / "lab.py").write_text(INVENTORY)
    seen = Seen(lab, host)
    somebodys(seen, note)
    before = files(seen), settings(seen)
    seen.shell("mkdir -p /usr/local/lib/homeport; mv /root/aside/* /usr/local/lib/homeport/; rmdir /root/aside")
    for project in (note, admin):
        project.deployed(host)
    seen.shell("echo kept >/var/lib/note/kept.txt; chown note: /var/lib/note/kept.txt")
    yield Stage(note, admin, seen, name, *before)
    lab.remove(host.name)


def test_a_plan_names_what_goes_and_what_stays_and_changes_nothing(stage: Stage) -> None:
    before = stage.named("note")
    shown = homeport(stage.note, "remove", "lab", *LIMIT, "--dry")
    assert shown.returncode == 3, shown.stdout
    for line in ("stop and remove note@blue.service", "stop and remove note.beat@blue.service", "remove /srv/note "):
        assert line in shown.stdout
    assert "/var/lib/note (data; --data removes it)" in shown.stdout
    assert "note-admin" not in shown.stdout.replace("it serves note-admin too", "")
    told = homeport(stage.note, "remove", "lab", *LIMIT, "--dry", "--json")
    document = json.loads(told.stdout)
    conforms(document, "remove")
    assert {"what": "user note", "reason": "owns the data; --data removes it"} in document[0]["kept"]
    assert stage.named("note") == before


def test_homeport_itself_stays_while_another_application_is_there(stage: Stage) -> None:
    refused = homeport(stage.note, "remove", "lab", *LIMIT, "--yes", "--machine")
    assert refused.returncode == 1
    assert "error: homeport serves note-admin on this machine too; remove that first" in refused.stdout
    assert "Traceback" not in refused.stdout


def test_a_removal_waits_for_who_holds_deploys(stage: Stage) -> None:
    assert homeport(stage.note, "lock", "lab", *LIMIT, "-m", "wait").returncode == 0
    refused = homeport(stage.note, "remove", "lab", *LIMIT, "--yes")
    assert refused.returncode == 4, refused.stdout
    assert "error: held by hand" in refused.stdout
    assert homeport(stage.note, "unlock", "lab", *LIMIT).returncode == 0
    assert stage.seen.answers()


def test_one_application_goes_with_all_that_it_has_and_the_other_loses_no_request(stage: Stage) -> None:
    seen, other = stage.seen, ("MainPID", "NRestarts", "ActiveEnterTimestamp")
    before = [seen.property("note-admin@blue", one) for one in other]
    theirs = stage.named("note-admin")
    with load(Target(stage.admin_name, seen.host.address, seen.lab.directory.ca_file), PROBE) as report:
        said = stage.remove()
    assert "removed in" in said
    assert report.failures == []
    assert report.answered.total() > 0
    assert [seen.property("note-admin@blue", one) for one in other] == before
    assert stage.named("note-admin") == theirs
    assert stage.named("note") == ["/var/lib/note"]
    assert seen.shell("cat /var/lib/note/kept.txt; stat -c %U /var/lib/note/kept.txt").split() == ["kept", "note"]
    assert not seen.answers()
    assert seen.answers(name=stage.admin_name)
    assert seen.shell("systemctl list-units --all --plain --no-legend 'note@*' 'note.*' 'note-migrate@*'") == ""
    assert str(PORT) not in seen.shell("nft list table inet homeport")
    assert seen.shell("systemctl --failed --no-legend") == ""
    assert seen.shell("certbot certificates 2>/dev/null | sed -n 's/.*Certificate Name: //p'") == "note-admin"


def test_a_second_removal_has_nothing_to_do(stage: Stage) -> None:
    assert "nothing to change" in stage.remove()
    assert homeport(stage.note, "remove", "lab", *LIMIT, "--dry").returncode == 0
    assert homeport(stage.admin, "plan", "lab", *LIMIT, "--no-diff").returncode == 0


def test_a_deploy_after_it_serves_again_and_finds_the_data(stage: Stage) -> None:
    stage.note.deployed(stage.seen.host)
    assert stage.seen.answers()
    assert stage.seen.shell("cat /var/lib/note/kept.txt; stat -c %U /var/lib/note/kept.txt").split() == ["kept", "note"]


def test_a_removal_that_was_killed_is_finished_by_the_next(stage: Stage) -> None:
    seen, unit = stage.seen, "homeport-note-remove-*"
    with begun(stage.note, "remove", "lab", *LIMIT, "--yes", "--data") as running:
        assert until(lambda: seen.shell(f"systemctl list-units --plain --no-legend '{unit}'") != "", 120)
        seen.shell(f"systemctl kill -s KILL '{unit}' || :")
        running.wait(timeout=300)
    stage.remove("--data")
    assert stage.named("note") == []
    assert seen.shell("getent passwd note || :") == ""
    assert seen.answers(name=stage.admin_name)


def test_with_the_last_application_homeport_leaves_and_what_was_there_before_is_back(stage: Stage) -> None:
    seen = stage.seen
    said = stage.remove("--data", "--machine", project=stage.admin)
    kept = re.findall(r"^    (/\S+) \(", said, flags=re.MULTILINE)
    after = set(files(seen)), set(settings(seen))
    more = {line for line in after[0] - set(stage.files) if not any(one in line for one in kept)}
    assert (more, set(stage.files) - after[0]) == (set(), set())
    assert after[1] == set(stage.settings)
    assert seen.shell("systemctl --failed --no-legend") == ""
    assert seen.shell("curl -s http://127.0.0.1/") == "mine"
    assert "cannot be restored" not in said
    assert "nothing to change" in stage.remove("--data", "--machine", project=stage.admin)
    assert seen.shell("ls -d /run/homeport 2>/dev/null || :") == ""
