"""What a running machine says of itself: status and logs, held against what the machine says when asked directly.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.cli.test_schema import conforms
from tests.lab.artefacts import keep
from tests.lab.commands import homeport, refusal, settle_data
from tests.lab.project import REPOSITORY, Project, Seen, until
from tests.lab.seasoned import Seasoned
from tests.pace import patience

pytestmark = pytest.mark.lab
NAME = "seen"
TARGET = ("lab", "--limit", NAME)
TIMER = {"command": "true", "schedule": "daily"}
PROGRAM = "/usr/local/lib/homeport/homeport-host"


class Stage:
    """A machine that serves its second release, and the project that has deployed to it."""

    def __init__(self, project: Project, host: LabHost):
        self.project, self.host, self.seen = project, host, Seen(project.lab, host)

    def status(self, *options: str) -> dict[str, Any]:
        """Return what the status of the host says as JSON, which is as its schema has it."""
        done = homeport(self.project, "status", *TARGET, "--json", *options)
        assert done.returncode == 0, done.stdout
        document = json.loads(done.stdout)
        conforms(document, "status")
        [one] = document
        return dict(one)

    def logs(self, *options: str) -> list[dict[str, Any]]:
        """Return the lines that the logs have, which are as their schema has them and in order."""
        done = homeport(self.project, "logs", *TARGET, "--json", *options)
        assert done.returncode == 0, done.stdout
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        for line in lines:
            conforms(line, "logs")
        assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
        return lines

    def started(self, *words: str, **streams: Any) -> subprocess.Popen[str]:
        """Begin a command that goes on until it is interrupted."""
        lab = {"HOMEPORT_LAB": str(self.project.lab.directory.path), "PYTHONPATH": str(REPOSITORY), "TERM": "xterm"}
        command = [sys.executable, "-m", "homeport.cli.main", *words]
        environment = {**os.environ, **lab, "PYTHONUNBUFFERED": "1", "COLUMNS": "100", "LINES": "50"}
        return subprocess.Popen(
            command,
            cwd=self.project.folder,
            env=environment,
            text=True,
            # A shell has what it starts in the background ignore interrupts, and so would we.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            **streams,
        )


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add(NAME)
    project = Project.create(tmp_path_factory.mktemp(NAME) / "project", lab, "hello")
    data = {"workers": 2, "watch_seconds": 1, "migrate_command": "echo moved the tables", "migrate_on": NAME}
    settle_data(project, **data, processes={"queue": "sleep 1000000"}, timers={"digest": TIMER})
    stage = Stage(project, host)
    project.deployed(host)
    project.write("NEWS.txt", "two")
    project.deployed(host)
    yield stage
    lab.remove(host.name)


def test_the_status_agrees_with_what_the_machine_says_itself(stage: Stage) -> None:
    found, seen = stage.status(), stage.seen
    health = seen.get("/health")
    assert (found["serving"], found["release"]["id"], found["slot"]) == (True, health["release"], health["slot"])
    slot, unit = found["slots"][health["slot"]], f"hello@{health['slot']}"
    main = int(seen.property(unit, "MainPID"))
    workers = {int(pid) for pid in seen.shell(f"pgrep -P {main} -f spawn_main").split()}
    shown = {kind: {one["pid"] for one in slot["processes"] if one["kind"] == kind} for kind in ("main", "worker")}
    assert shown == {"main": {main}, "worker": workers}
    assert found["workers"] == {"wanted": 2, "running": 2}
    held = seen.shell(f"cat /proc/{main}/smaps_rollup | awk '/^Pss:/ {{print $2}}'")
    [manager] = [one for one in slot["processes"] if one["kind"] == "main"]
    assert manager["memory_bytes"] == pytest.approx(int(held) * 1024, rel=0.2)
    assert found["machine"]["cores"] == int(seen.shell("nproc"))
    assert f"{found['machine']['memory_total_bytes'] // 1024} kB" in seen.shell("grep MemTotal /proc/meminfo")
    percent = int(seen.shell("df --output=pcent / | tail -n 1").rstrip("%"))
    assert found["disks"][0]["used_percent"] == pytest.approx(percent, abs=2)


def test_a_timer_records_usage_without_a_line_in_the_journal(stage: Stage) -> None:
    seen = stage.seen
    assert seen.inside.service("homeport-usage.timer").is_running
    seen.shell("systemctl start homeport-usage.service && systemctl start homeport-usage.service")
    week = stage.status()["week"]
    size, free = map(int, seen.shell("awk '/MemTotal|MemAvailable/ {print $2}' /proc/meminfo").split())
    assert week["memory"]["peak"] == pytest.approx(100 * (size - free) / size, abs=15)
    assert week["processors"]["peak"] > 0
    assert seen.shell("journalctl -q -u homeport-usage.service -o cat") == ""


def test_the_certificate_and_its_renewal_are_those_that_openssl_and_systemd_show(stage: Stage) -> None:
    found = stage.status()["certificate"]
    end = stage.seen.shell("openssl x509 -noout -enddate -in /etc/homeport/hello/tls/fullchain.pem").partition("=")[2]
    not_after = datetime.strptime(end, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    assert datetime.fromisoformat(found["not_after"]) == not_after
    assert found["names"] == [stage.host.domain]
    assert (found["served"], found["self_signed"], found["source"]) == (True, False, "acme")
    listed = stage.seen.shell("TZ=UTC systemctl list-timers homeport-renew.timer --no-legend")
    assert found["next_check_at"].replace("T", " ").removesuffix("Z") in listed


def test_the_last_deploy_has_its_steps_in_the_order_of_their_times(stage: Stage) -> None:
    found = stage.status()
    last = found["last_deploy"]
    assert (last["kind"], last["outcome"], last["release"]) == ("deploy", "live", found["release"]["id"])
    names = [step["name"] for step in last["steps"]]
    order = ["upload", "prepare", "migration", "start", "switch", "watch", "drain"]
    assert names == [name for name in order if name in names]
    assert {"upload", "prepare", "migration", "start", "watch", "drain"} <= set(names)
    assert [event["event"] for event in found["log"]] == ["live", "live"]
    [watch] = [step["seconds"] for step in last["steps"] if step["name"] == "watch"]
    assert watch >= 1
    assert "@" in last["by"]


def test_processes_are_listed_and_a_timer_has_its_next_run(stage: Stage) -> None:
    kinds = {one["kind"]: one for one in stage.status()["processes"]}
    assert kinds["process"]["unit"].startswith("hello.queue@")
    assert (kinds["process"]["state"], kinds["timer"]["state"]) == ("active", "active")
    assert kinds["timer"]["next_run_at"].endswith("T00:00:00Z")


def test_a_person_reads_the_same_without_colours_where_there_is_no_terminal(stage: Stage) -> None:
    done = homeport(stage.project, "status", *TARGET)
    assert done.returncode == 0
    keep("status.txt", done.stdout)
    lines = done.stdout.splitlines()
    assert lines[0] == f"{NAME}  serves  https://{stage.host.domain}"
    assert stage.seen.get("/health")["release"] in lines[1]
    assert "\x1b" not in done.stdout
    assert not any(line.endswith(" ") for line in lines)


def test_the_page_is_one_file_that_names_the_host_and_its_release(stage: Stage) -> None:
    done = homeport(stage.project, "status", *TARGET, "--html", "status.html")
    assert done.returncode == 0, done.stdout
    page = (stage.project.folder / "status.html").read_text()
    keep("status.html", page)
    assert stage.host.domain in page
    assert stage.seen.get("/health")["release"] in page


def test_the_releases_are_as_their_schema_has_them(stage: Stage) -> None:
    done = homeport(stage.project, "releases", *TARGET, "--json")
    document = json.loads(done.stdout)
    conforms(document, "releases")
    assert [one["state"] for one in document[0]["releases"]] == ["live", "good"]


def test_every_source_has_its_lines(stage: Stage) -> None:
    assert stage.seen.curl("/marked?x=1").returncode == 0
    assert until(lambda: bool(stage.logs("--source", "proxy", "--grep", "marked")), 10)
    [line] = stage.logs("--source", "proxy", "--grep", "marked")
    assert (line["request"]["uri"], line["request"]["status"], line["level"]) == ("/marked?x=1", 404, "warning")
    assert "moved the tables" in [line["text"] for line in stage.logs("--source", "migration")]
    deploys = [line["text"] for line in stage.logs("--source", "deploys")]
    assert any(text.endswith("is live in slot green") for text in deploys)
    assert {line["source"] for line in stage.logs("-n", "1000")} == {"app", "proxy", "migration", "deploys"}
    app = stage.logs("--source", "app", "--grep", "application startup complete", "-n", "50")
    assert len(app) == 4
    assert {line["slot"] for line in app} == {"blue", "green"}


def test_logs_show_the_wanted_number_of_lines_from_the_wanted_time(stage: Stage) -> None:
    newest = stage.logs("-n", "3")
    assert len(newest) == 3
    assert stage.logs("--until", newest[0]["at"], "-n", "1")[-1]["at"] <= newest[0]["at"]
    assert stage.logs("--since", "2h", "--grep", "moved the tables")
    newest_at = datetime.fromisoformat(stage.logs("-n", "1")[0]["at"])
    assert until(lambda: datetime.now(UTC) > newest_at + timedelta(seconds=1))
    now = datetime.now(UTC).isoformat()
    assert stage.logs("--since", now, "--source", "deploys") == []


@pytest.mark.parametrize(
    ("options", "word"),
    [(("--since", "soon"), "10:30"), (("--grep", "("), "regular expression"), (("-f", "--until", "1h"), "--until")],
)
def test_a_mistake_is_one_line_and_status_2(stage: Stage, options: tuple[str, ...], word: str) -> None:
    assert word in refusal(homeport(stage.project, "logs", *TARGET, *options), 2)


def test_logs_follow_new_lines_until_an_interrupt_and_leave_nothing_behind(stage: Stage) -> None:
    with stage.started("logs", *TARGET, "-f", "-n", "1", "--json", stdout=subprocess.PIPE, bufsize=1) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert stage.seen.curl("/while-followed").returncode == 0
        found = next(line for line in process.stdout if "/while-followed" in line)
        assert json.loads(found)["at"] >= first["at"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=patience(30)) == 130
    assert stage.seen.shell("pgrep -c journalctl || true") == "0"


def test_a_watched_status_is_shown_again_and_again_until_it_is_interrupted(stage: Stage) -> None:
    assert "--watch" in refusal(homeport(stage.project, "status", *TARGET, "--watch"), 2)
    controller, terminal = pty.openpty()
    with stage.started("status", *TARGET, "--watch", stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        shown = b""
        while shown.count(stage.host.domain.encode()) < 2:
            shown += os.read(controller, 65536)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=patience(30)) == 130
    os.close(controller)
    assert b"Traceback" not in shown


def test_a_manager_that_died_and_a_deploy_that_failed_are_what_is_advised_about(stage: Stage) -> None:
    stage.project.write("main.py", "raise SystemExit('no good')\n")
    assert stage.project.deploy(stage.host).returncode == 1
    slot = stage.seen.get("/health")["slot"]
    killed = stage.seen.property(f"hello@{slot}.service", "MainPID")
    stage.seen.shell(f"kill -9 {killed}")
    # Its workers may answer a last time before systemd ends them.
    assert until(lambda: stage.seen.property(f"hello@{slot}.service", "MainPID") not in (killed, "0"))
    assert until(stage.seen.answers)
    found = stage.status()
    assert found["slots"][slot]["restarts"] == 1
    advice = {one["about"]: one for one in found["advice"]}
    assert advice["restarts"]["level"] == advice["deploy"]["level"] == "warning"
    last = found["last_deploy"]
    assert (last["outcome"], last["steps"][-1]["name"]) == ("failed", "start")
    assert last["reason"] in advice["deploy"]["text"]
    assert found["serving"]


def test_an_older_host_program_is_said_to_be_old(stage: Stage) -> None:
    stage.seen.shell(
        f"mv {PROGRAM} {PROGRAM}.new && printf '#!/bin/sh\\necho {{}}\\n' >{PROGRAM} && chmod 755 {PROGRAM}"
    )
    try:
        done = homeport(stage.project, "status", *TARGET)
        assert done.returncode == 1
        assert "older than this command; deploy once with this one" in " ".join(done.stdout.split())
    finally:
        stage.seen.shell(f"mv {PROGRAM}.new {PROGRAM}")


def test_a_host_that_cannot_be_reached_is_said_in_one_line_with_status_1(stage: Stage) -> None:
    stage.seen.shell("systemctl stop ssh.socket ssh.service 2>/dev/null || true")
    for command, document in (("status", list), ("releases", list), ("logs", dict)):
        done = homeport(stage.project, command, *TARGET, "--json")
        assert done.returncode == 1, done.stdout
        found = json.loads(done.stdout)
        conforms(found, command)
        assert isinstance(found, document)
    assert "cannot be read" in homeport(stage.project, "status", *TARGET).stdout
