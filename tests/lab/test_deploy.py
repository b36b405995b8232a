"""The whole way on a real machine: from bare to HTTPS, a second time, the next release, and what may go wrong there.

The tests of this module share a machine for each suite and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.project import HASTE, Project, Seen, changes_nothing, until

pytestmark = pytest.mark.lab
UNITS = ("nginx.service", "notes@blue.service", "notes@green.service", "homeport-renew.timer")


@dataclass
class Stage:
    """A machine with a project that deploys to it."""

    project: Project
    host: LabHost
    seen: Seen


@pytest.fixture(scope="module", params=["bookworm", pytest.param("trixie", marks=pytest.mark.sampled("trixie"))])
def stage(request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A bare machine of each suite and a project for it; the authority is up again when the tests are through."""
    host = lab.add(f"deploy-{request.param}", request.param)
    project = Project.create(tmp_path_factory.mktemp(request.param) / "project", lab)
    # What goes live here at first is served and watched as homeport does it by itself.
    project.data = {key: value for key, value in project.data.items() if key not in HASTE}
    yield Stage(project, host, Seen(lab, host))
    lab.acme.start()
    lab.remove(host.name)


def the_error(output: str) -> str:
    """Return the one line that says what went wrong; a unit's last log lines stand beside it."""
    [line] = [line for line in output.splitlines() if "] error:" in line]
    return line


def migrations(seen: Seen) -> list[list[str]]:
    """Return the migration runs that the database counted: release and whether it finished."""
    rows = seen.shell(
        "python3 -c \"import sqlite3; c = sqlite3.connect('file:/var/lib/notes/notes.sqlite3?mode=ro', uri=True); "
        "runs = c.execute('select release, finished_at from migration_runs order by rowid'); "
        '[print(release, finished is not None) for release, finished in runs]"'
    )
    return [line.split() for line in rows.splitlines()]


def live(seen: Seen) -> str:
    """Return the release that answers."""
    return str(seen.get("/health")["release"])


def test_a_dry_run_on_a_bare_machine_changes_nothing(stage: Stage) -> None:
    # As hardened machines have it: nothing of a deploy is run from there.
    stage.seen.shell("mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp")
    stage.seen.shell("dpkg-query -W > /run/packages.before; touch /run/before; sleep 0.1")
    result = stage.project.pyinfra(stage.host.name, "--dry")
    assert result.returncode == 0, result.stdout
    assert "upload release" in result.stdout
    written = "find / -xdev -newer /run/before -type f ! -path '/var/log/*' ! -path '/var/lib/systemd/*'"
    assert stage.seen.shell(written) == ""
    assert stage.seen.shell("dpkg-query -W | diff /run/packages.before -") == ""


def test_a_bare_machine_serves_the_application_over_https(stage: Stage) -> None:
    stage.project.deployed(stage.host)
    assert stage.seen.get("/health")["status"] == "ok"
    assert "CN" in stage.seen.shell("openssl x509 -in /etc/letsencrypt/live/notes/fullchain.pem -noout -issuer")


def asked(seen: Seen) -> int:
    """Return how often Certbot has been run."""
    return int(seen.shell("cat /var/log/letsencrypt/letsencrypt.log* | grep -c 'Arguments: '"))


def test_the_authority_is_asked_once_while_the_release_is_made_ready(stage: Stage) -> None:
    assert asked(stage.seen) == 1
    begun = stage.seen.shell('date -d "$(head -n 1 /var/log/letsencrypt/letsencrypt.log | cut -d , -f 1)" +%s')
    started = stage.seen.property("notes@blue.service", "ExecMainStartTimestamp")
    assert int(begun) < int(stage.seen.shell(f"date -d '{started}' +%s"))
    assert "asked" not in stage.seen.shell("ls /run/homeport")


def test_plain_http_leads_to_https_and_an_unknown_name_gets_nothing(stage: Stage) -> None:
    headers = stage.seen.shell(f"curl -sI -H 'Host: {stage.host.domain}' http://127.0.0.1/notes?x=1")
    assert "308" in headers.splitlines()[0]
    assert f"https://{stage.host.domain}/notes?x=1" in headers
    unknown = "curl -s -o /dev/null -w '%{http_code}' -H 'Host: other.example' http://127.0.0.1/ || true"
    assert stage.seen.shell(unknown) == "000"
    assert stage.seen.shell("curl -sk https://127.0.0.1/ || echo refused") == "refused"


def test_the_application_sees_the_client_and_not_what_the_client_says_of_itself(stage: Stage) -> None:
    answer = stage.seen.curl("/whoami", "--fail", "-H", "X-Forwarded-For: 203.0.113.9", "-H", "X-Forwarded-Proto: http")
    assert "203.0.113.9" not in answer.stdout
    assert '"scheme":"https"' in answer.stdout.replace(" ", "")


def test_fastapi_run_serves_with_workers_as_a_user_without_rights(stage: Stage) -> None:
    rows = stage.seen.shell("ps -eo user:20,args | grep '[f]astapi run'").splitlines()
    assert len(rows) == 1
    assert rows[0].startswith("notes ")
    assert "fastapi run main.py --host 127.0.0.1 --port 8001 --workers 2" in rows[0]
    assert stage.seen.property("notes@blue.service", "Restart") == "always"
    assert stage.seen.inside.user("notes").shell == "/usr/sbin/nologin"


def test_requests_are_in_the_log_of_nginx_and_not_in_the_journal(stage: Stage) -> None:
    assert stage.seen.curl("/health?who=me").returncode == 0
    assert until(lambda: "/health?who=me" in stage.seen.shell("cat /var/log/nginx/access.log"))
    journal = stage.seen.shell("journalctl --no-pager -u notes@blue.service")
    assert "Started server process" in journal
    assert "GET /health" not in journal


def test_the_migration_ran_once_and_before_the_application(stage: Stage) -> None:
    assert migrations(stage.seen) == [[live(stage.seen), "True"]]
    migrated = int(stage.seen.property("notes-migrate@blue.service", "ExecMainExitTimestampMonotonic"))
    started = int(stage.seen.property("notes@blue.service", "ExecMainStartTimestampMonotonic"))
    assert 0 < migrated <= started


def test_a_second_run_changes_nothing_and_restarts_nothing(stage: Stage) -> None:
    before = {unit: stage.seen.property(unit, "ActiveEnterTimestampMonotonic") for unit in UNITS}
    workers = stage.seen.shell("pgrep -x nginx | sort")
    output = stage.project.deployed(stage.host)
    assert changes_nothing(output), output
    assert {unit: stage.seen.property(unit, "ActiveEnterTimestampMonotonic") for unit in UNITS} == before
    assert stage.seen.shell("pgrep -x nginx | sort") == workers


def test_the_next_release_takes_the_other_slot_and_migrates_once(stage: Stage) -> None:
    first = live(stage.seen)
    stage.project.write("NEWS.txt", "second")
    stage.project.deployed(stage.host)
    assert live(stage.seen) != first
    assert stage.seen.get("/health")["slot"] == "green"
    assert [row[0] for row in migrations(stage.seen)] == [first, live(stage.seen)]
    assert not stage.seen.inside.service("notes@blue").is_running
    assert not stage.seen.inside.service("notes@blue").is_enabled
    assert stage.seen.inside.service("notes@green").is_enabled


SICK_SOON = """
import os, time
from fastapi import FastAPI, Response

app, seen_live = FastAPI(), []

@app.get("/health")
def health(response: Response) -> None:
    green = os.environ["HOMEPORT_SLOT"] == "green"
    if os.path.exists("/etc/homeport/notes/live-green") == green:
        seen_live.append(time.monotonic())
    if seen_live and time.monotonic() > seen_live[0] + 2:
        response.status_code = 503
"""
BROKEN = {
    "cannot be imported": ("main.py", "import no_such_module\n", "no_such_module"),
    "never becomes healthy": (
        "main.py",
        "from fastapi import FastAPI\napp = FastAPI()\n"
        "@app.get('/health', status_code=503)\ndef health() -> str:\n    return 'no'\n",
        "503",
    ),
    "turns unhealthy two seconds after it went live": ("main.py", SICK_SOON, "503"),
    "fails to migrate": ("migrations/env.py", "raise RuntimeError('the migration is broken')\n", "migration"),
}


# The health gate and a failed migration have their own tests on a machine (test_host_program): the plan around them
# differs in nothing from the other two.
ELSEWHERE = {"never becomes healthy", "fails to migrate"}


@pytest.mark.one_suite
@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=pytest.mark.sampled) if name in ELSEWHERE else name for name in BROKEN]
)
def test_a_release_that_is_broken_leaves_the_old_one_serving(stage: Stage, fault: str) -> None:
    path, text, named = BROKEN[fault]
    serving, pid = live(stage.seen), stage.seen.property("notes@green.service", "MainPID")
    good = (stage.project.app / path).read_text()
    stage.project.write(path, text)
    result = stage.project.deploy(stage.host, health_timeout_seconds=15, workers=1)
    stage.project.write(path, good)
    assert result.returncode == 1, result.stdout
    assert "notes" in the_error(result.stdout)
    assert named in result.stdout
    assert live(stage.seen) == serving
    assert stage.seen.property("notes@green.service", "MainPID") == pid
    assert not stage.seen.inside.service("notes@blue").is_running
    assert '"event": "failed"' in stage.seen.shell("tail -n 1 /srv/notes/releases.jsonl")


# That it is told is shown on a full disk as well (test_disk_full); that the old one serves, by the broken ones above.
@pytest.mark.one_suite
def test_a_dependency_that_does_not_exist_leaves_the_old_release_serving(stage: Stage) -> None:
    serving, good = live(stage.seen), (stage.project.app / "requirements.txt").read_text()
    stage.project.write("requirements.txt", "fastapi[standard]\nno-such-package-of-homeport==1.0\n")
    result = stage.project.deploy(stage.host, workers=1)
    stage.project.write("requirements.txt", good)
    assert result.returncode == 1
    assert "error: notes: the dependencies cannot be installed" in result.stdout
    assert "no-such-package-of-homeport" in result.stdout
    assert live(stage.seen) == serving


@pytest.mark.one_suite
def test_the_next_deploy_mends_a_broken_machine(stage: Stage) -> None:
    stage.project.data |= HASTE
    stage.project.write("NEWS.txt", "third")
    stage.project.deployed(stage.host)
    assert stage.seen.answers()
    assert changes_nothing(stage.project.deployed(stage.host))


# Killed managers are test_zero_loss's as well.
@pytest.mark.one_suite
def test_a_killed_worker_and_a_killed_manager_come_back(stage: Stage) -> None:
    unit = f"notes@{stage.seen.get('/health')['slot']}.service"
    stage.seen.shell(f"kill -9 {stage.seen.get('/health')['pid']}")
    assert until(stage.seen.answers)
    manager = stage.seen.property(unit, "MainPID")
    stage.seen.shell(f"kill -9 {manager}")
    assert until(lambda: stage.seen.property(unit, "MainPID") not in ("0", manager) and stage.seen.answers())


def test_a_renewed_certificate_is_served_with_no_hand_laid_on_the_proxy(stage: Stage) -> None:
    before, started = stage.seen.serial(), stage.seen.property("nginx.service", "ActiveEnterTimestampMonotonic")
    stage.seen.shell("certbot renew --force-renewal --no-random-sleep-on-renew")
    assert until(lambda: stage.seen.serial() != before)
    assert stage.seen.answers()
    assert stage.seen.property("nginx.service", "ActiveEnterTimestampMonotonic") == started


def test_a_rebooted_machine_serves_without_help(stage: Stage) -> None:
    serving = live(stage.seen)
    stage.project.lab.reboot(stage.host)
    assert until(stage.seen.answers, 60)
    assert live(stage.seen) == serving


@pytest.mark.one_suite
def test_two_applications_share_a_machine_each_with_its_name_and_certificate(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = f"hello.{stage.host.domain}"
    hello = Project.create(
        tmp_path_factory.mktemp("hello") / "project",
        stage.project.lab,
        "hello",
        domain=name,
        port_blue=8011,
        port_green=8012,
        workers=1,
    )
    clash = hello.deploy(stage.host, port_blue=8001)
    assert clash.returncode == 1
    assert "port" in clash.stdout
    assert "notes" in clash.stdout
    before = asked(stage.seen)
    stage.project.lab.acme.stop()
    try:
        first = hello.deploy(stage.host)
    finally:
        stage.project.lab.acme.start()
    assert first.returncode == 1
    assert "error: certificate" in first.stdout
    assert "does not answer" in first.stdout
    # It serves all the same, and no authority was asked twice.
    assert "ok" in stage.seen.shell(f"curl -sk --resolve {name}:443:127.0.0.1 https://{name}/health")
    assert asked(stage.seen) == before + 1
    hello.deployed(stage.host)
    assert stage.seen.answers(name=name)
    # By a certificate of the authority's earlier key, which nobody here trusts any more.
    notes = stage.host.domain
    assert "ok" in stage.seen.shell(f"curl -sk --resolve {notes}:443:127.0.0.1 https://{notes}/health")
    assert stage.seen.serial(name) != stage.seen.serial()
    assert changes_nothing(stage.project.deployed(stage.host))


# It also gives the site a certificate of the authority's new key, which those below trust.
@pytest.mark.one_suite
def test_an_authority_that_is_down_harms_nothing_and_the_next_run_mends_it(stage: Stage) -> None:
    serial, alias = stage.seen.serial(), f"www.{stage.host.domain}"
    stage.project.lab.acme.stop()
    try:
        result = stage.project.deploy(stage.host, domain_aliases=alias)
    finally:
        stage.project.lab.acme.start()
    assert result.returncode == 1
    assert "error: certificate" in result.stdout
    assert "does not answer" in result.stdout
    assert stage.seen.serial() == serial
    stage.project.deployed(stage.host, domain_aliases=alias)
    assert stage.seen.serial() != serial
    redirect = stage.seen.curl("/notes", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", name=alias)
    assert redirect.stdout == f"308 https://{stage.host.domain}/notes"


# That nothing is harmed by it is what the test above shows; this is about the line.
@pytest.mark.one_suite
def test_a_name_that_does_not_resolve_is_named_in_one_line(stage: Stage) -> None:
    result = stage.project.deploy(stage.host, domain_aliases="nowhere.example.invalid")
    assert result.returncode == 1
    line = the_error(result.stdout)
    assert "finds no address for nowhere.example.invalid" in line
    assert stage.seen.answers()


@pytest.mark.one_suite
def test_a_crash_loop_slows_down_and_ends_without_a_hand_once_it_can(stage: Stage) -> None:
    unit = f"notes@{stage.seen.get('/health')['slot']}.service"
    environment = stage.seen.shell(f"readlink -f /srv/notes/slots/{stage.seen.get('/health')['slot']}/.venv")
    stage.seen.shell(f"mv {environment} {environment}.away && systemctl kill -s KILL {unit}")
    told = "journalctl -q -o cat -t homeport | grep -c 'is not up: ' || :"
    assert until(lambda: int(stage.seen.shell(told)) >= 2, 180)
    assert "repeated too quickly" in stage.seen.shell(f"journalctl -u {unit} -o cat")
    stage.seen.shell(f"mv {environment}.away {environment}")
    assert until(stage.seen.answers, 60)
    assert "No changes" in stage.project.deployed(stage.host)
