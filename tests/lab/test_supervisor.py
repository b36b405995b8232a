"""`supervisor = "supervisor"`: supervisord runs the application with the promises that it has with systemd.

On Debian 12 homeport installs Supervisor, on 13 it is there already; on both it runs a program of the user's own. The
tests of a machine go on from one another, in the order in which they stand. `make test-all` and `make test-kill` have
twenty releases under load, `make test` two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from homeport.lab import Lab
from tests.lab.api_pages import assert_pages_load
from tests.lab.commands import findings, homeport, settle_data
from tests.lab.kill_points import EVERYWHERE
from tests.lab.load import EVERYTHING, KEEP_ALIVE_GET, NEW_CONNECTION, load
from tests.lab.project import Project, Seen, changes_nothing, until
from tests.lab.seasoned import Seasoned
from tests.lab.sites import SHORT
from tests.lab.supervised import MAIN, MEGABYTES, OWN, SECRET, SETTINGS, WORKERS, Stage

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]
RELEASES = 20 if EVERYWHERE else 2
# While supervisord takes over, requests wait.
WAITING = {NEW_CONNECTION: EVERYTHING[NEW_CONNECTION]}


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def stage(
    request: pytest.FixtureRequest, lab: Lab, seasoned: Seasoned, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    host = seasoned.add(f"supervisor-{request.param}", request.param)
    seen = Seen(lab, host)
    seen.shell(f"mkdir -p /etc/supervisor/conf.d; printf '{OWN}' >/etc/supervisor/conf.d/own.conf".replace("\n", "\\n"))
    if request.param == "trixie":
        seen.shell("apt-get -qq update && apt-get -qq -y install supervisor >/dev/null && supervisorctl pid own")
    project = Project.create(tmp_path_factory.mktemp(host.name) / "project", lab, "hello", **SETTINGS)
    settle_data(project)
    project.write("main.py", MAIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET", SECRET)
        yield Stage(project, seen)
    lab.remove(host.name)


def test_a_first_deploy_is_run_by_supervisord_and_by_no_unit(stage: Stage) -> None:
    before = stage.pid("own") if stage.seen.host.suite == "trixie" else ""
    stage.deployed()
    assert stage.get()["migrations"] == 1
    assert stage.state("app@blue") == "RUNNING"
    assert until(lambda: stage.state("app.worker@blue") == "RUNNING")
    assert len(stage.workers("blue")) == WORKERS
    assert stage.seen.shell("ls /etc/systemd/system | grep '^app' || :") == ""
    assert stage.seen.shell(f"ps -o user= -p {stage.pid('app@blue')}") == "app"
    assert stage.processes() == [stage.pid("app.worker@blue")]
    assert stage.starts() == 2
    assert_pages_load(stage.page)
    # What Supervisor ran before goes on.
    assert stage.state("own") == "RUNNING"
    assert before in ("", stage.pid("own"))


def test_a_second_run_changes_nothing_and_is_one_command(stage: Stage) -> None:
    said: list[str] = []
    assert stage.commands(lambda: said.append(stage.deployed())) == 1
    assert changes_nothing(said[0])


def test_it_has_the_rights_and_limits_of_its_user_and_no_more(stage: Stage) -> None:
    pid = stage.pid("app@blue")
    status = stage.seen.shell(f"cat /proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    assert {fields[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert fields["Umask"] == "0077"
    assert "SUPERVISOR" not in stage.seen.shell(f"tr '\\0' '\\n' </proc/{pid}/environ")
    assert stage.seen.property("app:blue.scope", "MemoryMax") == str(MEGABYTES * 2**20)
    assert stage.seen.shell(f"cat /proc/{pid}/cgroup | grep -c app:blue.scope") != "0"


def test_a_secret_is_in_the_application_and_nobody_else_can_read_it(stage: Stage) -> None:
    assert stage.get()["secret"] == SECRET
    # This command's own words, which sudo logs, are no place where it is.
    looked_for = f"[{SECRET[0]}]{SECRET[1:]}"
    places = "/etc /run/homeport /srv/app /usr/local/lib/homeport /var/lib/app /var/log"
    found = stage.seen.shell(f"grep -rlsI '{looked_for}' {places} || :").split()
    assert found == [f"/etc/homeport/app/releases/{stage.get()['release']}/env"]
    assert stage.seen.shell(f"stat -c '%U:%G %a' {found[0]}") == "root:app 640"
    assert stage.seen.shell(f"cat /proc/[0-9]*/cmdline | grep -c '{looked_for}' || :") == "0"
    assert stage.seen.shell(f"journalctl -q --no-pager -o json --all | grep -c '{looked_for}' || :") == "0"
    # Nor may others read the process, or ask supervisord, which is root's.
    environment = f"/proc/{stage.pid('app@blue')}/environ"
    assert stage.seen.shell(f"grep -c '{looked_for}' {environment}") == "1"
    assert "denied" in stage.seen.shell(f"runuser -u nobody -- cat {environment} 2>&1 || :")
    assert not stage.seen.shell("runuser -u app -- supervisorctl pid 2>&1 || :").isdigit()


def test_a_worker_that_is_killed_is_replaced_by_its_manager(stage: Stage) -> None:
    manager, before = stage.pid("app@blue"), stage.workers("blue")
    killed = min(before)
    stage.seen.shell(f"kill -9 {killed}")
    assert until(lambda: len(stage.workers("blue") - {killed}) == WORKERS)
    assert stage.pid("app@blue") == manager


def test_a_manager_that_is_killed_is_started_again_without_a_migration(stage: Stage) -> None:
    manager, worker, starts = stage.pid("app@blue"), stage.pid("app.worker@blue"), stage.starts()
    stage.seen.shell(f"kill -9 {manager}")
    assert until(lambda: stage.pid("app@blue") not in (manager, "0") and stage.seen.answers())
    assert until(lambda: stage.status()["active_state"] == "active")
    assert stage.status()["restarts"] == 1
    assert stage.get()["migrations"] == 1
    assert stage.starts() == starts + 1
    assert stage.pid("app.worker@blue") == worker
    said = stage.seen.shell("journalctl --sync; journalctl -q -o cat -u app@blue -u app:blue.scope")
    assert "Main process exited, code=killed, status=9" in said


def test_a_supervisord_that_is_killed_comes_back_and_takes_over(stage: Stage) -> None:
    supervisord, manager = stage.seen.property("supervisor", "MainPID"), stage.pid("app@blue")
    with load(stage.target, WAITING) as report:
        assert until(lambda: sum(report.answered.values()) > 20)
        stage.seen.shell(f"kill -9 {supervisord}")
        assert until(lambda: stage.seen.property("supervisor", "MainPID") not in (supervisord, "0"))
        assert until(lambda: stage.pid("app@blue") not in ("", "0", manager))
        # What the killed one had left serves until the new one ends it.
        assert until(lambda: len(stage.workers("blue")) == WORKERS)
        assert until(lambda: stage.status()["active_state"] == "active")
    print(report)
    assert stage.get()["migrations"] == 1
    # One server, and one worker.
    assert until(lambda: stage.processes() == [stage.pid("app.worker@blue")])
    assert stage.seen.shell(f"test -e /proc/{manager} && echo there || :") == ""


def test_a_worker_that_reaches_the_memory_limit_is_killed_and_replaced(stage: Stage) -> None:
    before, worker, restarts = stage.workers("blue"), stage.pid("app.worker@blue"), stage.status()["restarts"]
    answer = stage.seen.curl("/leak", "-X", "POST", "-o", "/dev/null", "-w", "%{http_code}")
    assert answer.stdout in ("502", "504")
    assert until(lambda: len(stage.workers("blue")) == WORKERS and stage.workers("blue") != before, 60)
    assert until(stage.seen.answers)
    # The kernel may take the manager as well, as with systemd (tests/lab/test_memory.py).
    assert stage.status()["restarts"] <= restarts + 1
    assert stage.pid("app.worker@blue") == worker
    assert int(stage.seen.property("app:blue.scope", "MemoryCurrent")) <= MEGABYTES * 2**20


def test_a_release_under_load_loses_no_request_and_the_old_one_ends_well(stage: Stage) -> None:
    old, before = stage.workers("blue"), stage.get()
    settle_data(stage.project, environment={"PREFIX": "/v1"})
    with load(stage.target, SHORT) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        stage.deployed()
    print(report)
    assert not report.lost, str(report)
    assert len(report.served(KEEP_ALIVE_GET)) == 2
    assert stage.slot() == "green"
    # Its state is kept; that of each release was migrated once.
    assert stage.get()["migrations"] == before["migrations"] + 1
    assert until(lambda: stage.state("app@blue") == "STOPPED")
    assert stage.state("app.worker@blue") == "STOPPED"
    assert stage.processes() == [stage.pid("app.worker@green")]
    assert old <= stage.ended()
    assert_pages_load(stage.page, "/v1")


def test_releases_lose_no_request(stage: Stage) -> None:
    live = [stage.get()["release"]]
    with load(stage.target, SHORT) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        for number in range(RELEASES):
            stage.project.write("NEWS.txt", f"release {number}")
            stage.deployed()
            live.append(stage.get()["release"])
    print(report)
    assert not report.lost, str(report)
    assert report.served(NEW_CONNECTION) == live
    assert len(set(live)) == RELEASES + 1


def test_a_failing_migration_leaves_the_old_release_serving(stage: Stage) -> None:
    before, other = stage.get(), {"blue": "green", "green": "blue"}[stage.slot()]
    result = stage.deploy(migrate_command="echo the table is locked; exit 3")
    assert result.returncode == 1, result.stdout
    assert "the migration failed (status 3)" in result.stdout
    assert "the table is locked" in result.stdout
    assert stage.get() == before
    assert stage.state(f"app@{other}") == "STOPPED"


def test_a_release_that_dies_as_it_starts_is_never_live_and_its_cause_is_told(stage: Stage) -> None:
    before, other = stage.get(), {"blue": "green", "green": "blue"}[stage.slot()]
    result = stage.deploy(environment=json.dumps({"BROKEN": "1"}))
    assert result.returncode == 1, result.stdout
    assert "RuntimeError: the licence is missing" in result.stdout
    # It had migrated before it started.
    assert stage.get() == {**before, "migrations": before["migrations"] + 1}
    assert stage.state(f"app@{other}") == "STOPPED"


def test_after_a_power_cut_only_the_live_slot_runs(stage: Stage) -> None:
    before, other = stage.get(), {"blue": "green", "green": "blue"}[stage.slot()]
    stage.seen.lab.reboot(stage.seen.host, hard=True)
    assert until(stage.seen.answers)
    # As at each boot with systemd: the migration runs before the application does.
    assert stage.get() == {**before, "migrations": before["migrations"] + 1}
    assert until(lambda: stage.processes() == [stage.pid(f"app.worker@{before['slot']}")])
    assert stage.pid(f"app@{other}") == "0"
    assert changes_nothing(stage.deployed())


def test_a_rollback_goes_back_and_migrates_nothing(stage: Stage) -> None:
    before = stage.get()
    stage.deployed(release="previous", accept_migrations="true")
    assert stage.get()["release"] != before["release"]
    assert stage.get()["migrations"] == before["migrations"]
    assert stage.state(f"app@{stage.slot()}") == "RUNNING"


def test_run_logs_and_restart_find_the_application(stage: Stage) -> None:
    def said(command: str, *words: str) -> str:
        done = homeport(stage.project, command, "lab", "--limit", stage.seen.host.name, *words)
        assert done.returncode == 0, done.stdout
        return done.stdout

    assert f"{SECRET} app" in said("run", "--", "sh", "-c", 'echo "$SECRET $(id -un)"')
    assert re.search(r"\bends \d+", said("logs", "--source", "app", "-n", "1000"))
    old = stage.workers(stage.slot())
    with load(stage.target, SHORT) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        said("restart")
    print(report)
    assert not report.lost, str(report)
    assert len(stage.workers(stage.slot()) - old) == WORKERS


def test_a_crash_loop_ends_and_status_and_doctor_tell_it(stage: Stage) -> None:
    slot = stage.slot()
    stage.seen.shell(f"mv /srv/app/slots/{slot}/main.py /srv/app/main.away")
    stage.seen.shell(f"kill -9 {stage.pid(f'app@{slot}')}")
    assert until(lambda: (stage.status()["retry"] or {}).get("what") == "application")
    state = stage.status()
    assert state["restarts"] <= 5
    assert "did not become healthy" in state["retry"]["reason"] or "exited" in state["retry"]["reason"]
    told = findings(stage.project, stage.seen.host.name)
    assert "app_crash_loop" in {one["id"] for one in told}, told
    stage.seen.shell(f"mv /srv/app/main.away /srv/app/slots/{slot}/main.py")
    assert until(stage.seen.answers)
    assert until(lambda: stage.status()["retry"] is None)


def test_what_somebody_stopped_is_told_and_started_by_the_next_run(stage: Stage) -> None:
    slot = stage.slot()
    for stop, finding, fix in (
        (f"supervisorctl stop app@{slot}", "app_down", f"supervisorctl start app@{slot}"),
        ("systemctl stop supervisor", "supervisord_down", "systemctl start supervisor"),
    ):
        stage.seen.shell(stop)
        told = {one["id"]: one["fix"] for one in findings(stage.project, stage.seen.host.name)}
        assert fix in told.get(finding, ""), told
        stage.deployed()
        assert stage.seen.answers()
        assert stage.state(f"app@{stage.slot()}") == "RUNNING"
        assert until(lambda: stage.processes() == [stage.pid(f"app.worker@{stage.slot()}")])


def test_the_application_goes_over_to_systemd_and_back_and_loses_no_request(stage: Stage) -> None:
    with load(stage.target, SHORT) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        stage.deployed(supervisor="systemd")
        there = stage.slot()
        assert stage.seen.property(f"app@{there}", "ActiveState") == "active"
        assert stage.state(f"app@{there}") == "ERROR"
        stage.deployed()
        assert stage.state(f"app@{stage.slot()}") == "RUNNING"
    print(report)
    assert not report.lost, str(report)
    assert len(report.served(KEEP_ALIVE_GET)) == 3
    assert until(lambda: stage.seen.property(f"app@{there}", "ActiveState") == "inactive")
    assert until(lambda: stage.processes() == [stage.pid(f"app.worker@{stage.slot()}")])


def test_a_removal_leaves_nothing_with_supervisord_but_what_is_the_users_own(stage: Stage) -> None:
    own = stage.pid("own")
    done = homeport(stage.project, "remove", "lab", "--limit", stage.seen.host.name, "--yes")
    assert done.returncode == 0, done.stdout
    assert stage.seen.shell("supervisorctl status | grep app || :") == ""
    assert stage.seen.shell("ls /etc/supervisor/conf.d /run/homeport/programs 2>/dev/null | grep app || :") == ""
    assert stage.seen.shell("pgrep -u app || :") == ""
    left = "'app@*' 'app:*' 'app.*' 'homeport-retry@app*'"
    assert stage.seen.shell(f"systemctl list-units --all --plain --no-legend {left}") == ""
    assert own == stage.pid("own") != "0"
