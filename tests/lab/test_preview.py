"""Previews: a branch beside production, which it does not read, and which goes without a trace, also by itself.

The tests share a machine with production on it, and go on from one another in the order in which they stand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from tests.cli.test_schema import conforms
from tests.lab.clients import Target
from tests.lab.commands import homeport, refusal, settle_data
from tests.lab.load import PROBE, load
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
HOST, APP, BRANCH = "previewing", "notes", "feature/Look"
PREVIEW, PATH = f"{APP}-feature-look", "/preview/feature-look"
WHERE = ("--target", "lab", "--limit", HOST)
SECRET = "production-s3ntinel"
# What is no trace of an application: logs, and what accounts' own tools keep of the files before.
UNSEEN = ("/proc", "/sys", "/var/log", "/var/cache/apt", "/run/log", "/tmp", "/run/systemd", "/home", "/root")
SEED = """python -c '
import os, sqlite3
with sqlite3.connect(os.environ["STATE_DIRECTORY"] + "/notes.sqlite3") as db:
    db.execute("insert into notes (text, created_at) values (?, ?)", ("seeded", "2030-01-01 00:00:00"))
'"""


@dataclass
class Stage:
    """A machine with production, and what of it has the preview's name or was there before any preview."""

    project: Project
    seen: Seen
    before: list[str]

    def preview(self, *words: str) -> str:
        """Run a command of `homeport preview` and have it succeed; return what it printed."""
        done = homeport(self.project, "preview", *words, *WHERE)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def as_preview(self, command: str) -> str:
        """Run a command as the preview's user, and return what it said."""
        return self.seen.shell(f"runuser -u {PREVIEW} -- sh -c '{command}' 2>&1 || true")


def trace(seen: Seen) -> list[str]:
    """Return every file and folder of the machine, users and groups, units that systemd knows, and who listens."""
    skipped = " -o ".join(f"-path {path}" for path in UNSEEN)
    commands = (
        f"find / /run -xdev \\( {skipped} \\) -prune -o -print",
        "getent passwd; getent group",
        "systemctl list-units --all --plain --no-legend --no-pager | cut -d ' ' -f 1",
        "systemctl list-timers --all --no-legend --no-pager | grep -o 'homeport[^ ]*' || true",
        "nginx -T 2>/dev/null",
        "ss -Hltn | awk '{print $4}'",
    )
    return sorted({line for command in commands for line in seen.shell(command).splitlines()})


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add(HOST)
    project = Project.create(tmp_path_factory.mktemp("previewing") / "project", lab)
    (project.folder / "secrets.env").write_text(f"TOKEN={SECRET}\n")
    settle_data(project, watch_seconds=0, secrets_file="secrets.env", preview_seed_command=SEED)
    project.deployed(host)
    seen = Seen(lab, host)
    seen.curl("/notes", "--fail", "-X", "POST", "-H", "Content-Type: application/json", "-d", '{"text": "production"}')
    project.git("switch", "-q", "-c", BRANCH)
    project.write("looks.txt", "one\n")
    project.git("switch", "-q", "main")
    yield Stage(project, seen, trace(seen))
    lab.remove(host.name)


def test_a_branch_answers_at_its_address_while_production_serves_on(stage: Stage) -> None:
    seen, before = stage.seen, stage.seen.get("/health")["release"]
    limit = seen.property(f"{APP}@*", "MemoryMax")
    with load(Target(seen.host.domain, seen.host.address, seen.lab.directory.ca_file), PROBE) as report:
        said = stage.preview("up", BRANCH)
    assert report.failures == []
    assert report.answered.total() > 0
    assert f"https://{seen.host.domain}{PATH}/" in said
    assert seen.get(f"{PATH}/health")["release"] != before
    assert seen.get("/health")["release"] == before
    assert [one["text"] for one in seen.get(f"{PATH}/notes")] == ["seeded"]
    assert [one["text"] for one in seen.get("/notes")] == ["production"]
    assert seen.property("system-homeport_notes_feature_look.slice", "MemoryMax") == str(256 * 2**20)
    assert seen.property(f"{APP}@*", "MemoryMax") == limit
    stage.project.deployed(seen.host)
    assert seen.property(f"{APP}@*", "MemoryMax") == limit
    assert seen.get("/health")["release"] == before


def test_status_and_logs_look_at_it_where_they_are_told_to(stage: Stage) -> None:
    of_it = ("lab", "--limit", HOST, "--preview", BRANCH)
    assert json.loads(homeport(stage.project, "status", *of_it, "--json").stdout)[0]["app"] == PREVIEW
    assert json.loads(homeport(stage.project, "status", "lab", "--limit", HOST, "--json").stdout)[0]["app"] == APP
    said = homeport(stage.project, "logs", *of_it, "--source", "app")
    assert said.returncode == 0
    assert f"{PREVIEW}@" in said.stdout or "Uvicorn running" in said.stdout
    refused = homeport(stage.project, "status", "lab", "--limit", HOST, "--preview", "two words")
    assert (refused.returncode, refused.stdout) == (
        2,
        "error: --preview: 'two words' is not the name of a branch; see git branch --all\n",
    )


def test_its_process_reads_neither_productions_data_nor_its_secrets(stage: Stage) -> None:
    seen = stage.seen
    for slot in ("blue", "green"):
        if (pid := seen.property(f"{PREVIEW}@{slot}", "MainPID")) != "0":
            break
    assert seen.shell(f"stat -c %U /proc/{pid}") == PREVIEW
    assert SECRET not in seen.shell(f"cat /proc/{pid}/environ | tr '\\0' '\\n'")
    for place in (f"/var/lib/{APP}/notes.sqlite3", f"/srv/{APP}/releases", f"/etc/homeport/{APP}/releases"):
        # In the namespaces of the process, as its user.
        inside = f"nsenter -t {pid} -m -- setpriv --reuid={PREVIEW} --regid={PREVIEW} --clear-groups"
        assert seen.shell(f"{inside} ls {place} 2>&1 || true").endswith(
            ("Permission denied", "No such file or directory")
        )
        assert "Permission denied" in stage.as_preview(f"ls {place}")
    found = seen.shell(f"grep -rlF {SECRET} /etc /srv /var/lib 2>/dev/null || true").splitlines()
    assert found
    assert all(PREVIEW not in path for path in found)


def test_up_again_is_an_update_that_keeps_its_data_and_begins_its_time_anew(stage: Stage) -> None:
    project, seen = stage.project, stage.seen
    timer = f"homeport-preview@{PREVIEW}.timer"
    release, due = seen.get(f"{PATH}/health")["release"], seen.property(timer, "NextElapseUSecRealtime")
    project.git("switch", "-q", BRANCH)
    project.write("looks.txt", "two\n")
    project.git("switch", "-q", "main")
    stage.preview("up", BRANCH, "--ttl", "12h")
    assert seen.get(f"{PATH}/health")["release"] != release
    assert [one["text"] for one in seen.get(f"{PATH}/notes")] == ["seeded"]
    assert seen.property(timer, "NextElapseUSecRealtime") != due
    listed = json.loads(stage.preview("list", "--json"))
    conforms(listed, "preview")
    [one] = listed[0]["previews"]
    assert (one["app"], one["branch"], one["commit"]) == (PREVIEW, BRANCH, project.git("rev-parse", BRANCH))
    assert one["until"] in stage.preview("list")


def test_what_cannot_be_previewed_is_refused_in_one_line(stage: Stage) -> None:
    project = stage.project
    line = refusal(homeport(project, "preview", "up", "no-such-branch", *WHERE), 2)
    assert "no commit 'no-such-branch'" in line
    line = refusal(homeport(project, "preview", "up", "feature-look", "--ref", "main", *WHERE), 1)
    assert f"{PREVIEW} is the preview of another branch on this host, {BRANCH}" in line
    assert "no inventory nowhere; there are: lab" in refusal(
        homeport(project, "preview", "up", BRANCH, "--target", "nowhere"), 2
    )
    stage.seen.shell("install -d /etc/homeport/notes-real && echo '{}' >/etc/homeport/notes-real/site.json")
    line = refusal(homeport(project, "preview", "down", "real", *WHERE), 1)
    assert "notes-real is no preview" in line
    stage.seen.shell("rm -r /etc/homeport/notes-real")


def test_after_down_a_scan_finds_nothing(stage: Stage) -> None:
    assert "removed in" in stage.preview("down", BRANCH)
    left = [line for line in trace(stage.seen) if line not in stage.before]
    assert [line for line in left if "feature-look" in line or "feature_look" in line] == []
    # What a machine writes by itself meanwhile has other names.
    assert [line for line in left if "preview" in line or "/mounts" in line] == []
    assert stage.seen.shell("systemctl --failed --no-legend") == ""
    assert stage.seen.answers()
    assert "nothing to change" in stage.preview("down", BRANCH)
    assert "no previews" in stage.preview("list")


def test_when_its_time_is_up_the_machine_removes_it_by_itself(stage: Stage) -> None:
    seen, unit = stage.seen, f"homeport-preview@{PREVIEW}"
    settle_data(stage.project, preview_data="copy")
    stage.preview("up", BRANCH)
    assert sorted(one["text"] for one in seen.get(f"{PATH}/notes")) == ["production", "seeded"]
    assert [one["text"] for one in seen.get("/notes")] == ["production"]
    # Before its time, as after a boot, it is asked and does nothing.
    seen.shell(f"systemctl start {unit}.service")
    assert seen.get(f"{PATH}/health")
    time_is_up(seen, "s/^OnBootSec=.*/OnActiveSec=1s/")
    seen.shell(f"systemctl daemon-reload && systemctl restart {unit}.timer")
    removes_itself(stage)


def test_under_a_name_of_its_own_it_has_a_certificate_and_goes_after_a_boot_that_came_too_late(stage: Stage) -> None:
    seen, name = stage.seen, f"feature-look.previews.{stage.seen.host.domain}"
    settle_data(stage.project, preview_domain=f"previews.{seen.host.domain}")
    assert f"https://{name}/" in stage.preview("up", BRANCH)
    # The client trusts the lab's authority alone, and looks for the name.
    assert "seeded" in [one["text"] for one in seen.get("/notes", name=name)]
    assert seen.serial(name) != seen.serial()
    assert [one["text"] for one in seen.get("/notes")] == ["production"]
    time_is_up(seen)
    seen.lab.reboot(seen.host)
    removes_itself(stage)
    assert seen.shell(f"ls -d /etc/letsencrypt/live/{PREVIEW} 2>/dev/null || true") == ""


def time_is_up(seen: Seen, *more: str) -> None:
    """Have the preview's time be over in what its timer and its service have on the disk."""
    unit = f"/etc/systemd/system/homeport-preview@{PREVIEW}"
    changes = "; ".join(("s/^OnCalendar=.*/OnCalendar=2020-01-01 00:00:00 UTC/", *more))
    seen.shell(f"sed -i '{changes}' {unit}.timer && sed -i 's/ -d [^ )]*/ -d 2020-01-01/' {unit}.service")


def removes_itself(stage: Stage) -> None:
    """Wait until the machine has removed the preview; have nothing of it be left, and production serve."""
    seen, unit = stage.seen, f"homeport-preview@{PREVIEW}"
    assert until(lambda: seen.shell(f"getent passwd {PREVIEW} || true") == "", 180)
    assert until(lambda: seen.shell(f"systemctl list-units --all --no-legend '{unit}*'") == "", 60)
    left = [line for line in trace(seen) if line not in stage.before]
    assert [line for line in left if "feature-look" in line or "feature_look" in line] == []
    assert [line for line in left if "preview" in line or "/mounts" in line] == []
    assert seen.shell("systemctl --failed --no-legend") == ""
    assert until(seen.answers, 60)
